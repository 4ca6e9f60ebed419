"""Functions of Go templates and of Sprig that ApplicationSets use, and how Go writes values.

Pure. Only functions whose result cannot differ from Go's are here; regular expressions are not (other
syntax, unbounded time), nor whatever reads the machine, the clock or chance. Rules: pkg.go.dev/text/template,
masterminds.github.io/sprig. Numbers of parameters are float64 in Argo CD, so they print as Go prints these.
"""

import base64
import decimal
import hashlib
import json
import math
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping

import yaml

from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from operator_core.jsonvalues import Json

_LONGEST = 1_000_000
_WIDEST = 1_000


class TemplateError(ValueError):
    """Why a template cannot be rendered, for people."""


def joined(parts: Iterable[str]) -> str:
    """The parts as one text; raises TemplateError when it gets too long."""
    kept: list[str] = []
    size = 0
    for part in parts:
        size += len(part)
        if size > _LONGEST:
            raise TemplateError(f"the template makes more than {_LONGEST} characters")
        kept.append(part)
    return "".join(kept)


def is_true(value: Json) -> bool:
    """Go's truth: false for false, 0, nil and everything empty."""
    return bool(value)


def go_text(value: Json) -> str:
    """A value as `{{ . }}` prints it."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(go_text(item) for item in value) + "]"
    return str(value)


def _float_text(value: float) -> str:
    """Go's %v: the fewest digits that say it, with an exponent below -4 and from 6 on."""
    if value == 0:
        return "0"
    digits, _, exponent = f"{value!r}".partition("e")
    power = int(exponent) if exponent else math.floor(math.log10(abs(value)))
    if -4 <= power < 6:
        return digits.removesuffix(".0")
    mantissa = digits if exponent else f"{decimal.Decimal(digits).scaleb(-power).normalize():f}"
    return f"{mantissa.removesuffix('.0')}e{'+' if power >= 0 else '-'}{abs(power):02d}"


def sanitized(name: str) -> str:
    """Argo CD's `normalize`: lower case, everything else than DNS characters as '-', at most 253."""
    return re.sub(r"[^-a-z0-9.]", "-", name.lower())[:253].strip("-.")


def call(name: str, arguments: list[Json]) -> Json:
    """The value of a function. Raises TemplateError for one that is not known or does not take the arguments."""
    function = FUNCTIONS.get(name)
    if function is None:
        raise TemplateError(f"the template function {name!r} is not supported")
    try:
        value = function(*arguments)
    except TemplateError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, YamlError) as error:
        raise TemplateError(f"the template function {name!r} does not take these arguments: {error}") from error
    if not _fits(value, [_LONGEST]):
        raise TemplateError(f"the template function {name!r} makes more than {_LONGEST} characters")
    return value


def _fits(value: Json, left: list[int]) -> bool:
    """Whether a value's text stays in bounds; lists of lists of one list would else grow without end."""
    left[0] -= len(value) + 1 if isinstance(value, str) else 8
    if left[0] < 0:
        return False
    if isinstance(value, dict):
        return all(_fits(key, left) and _fits(item, left) for key, item in value.items())
    return all(_fits(item, left) for item in value) if isinstance(value, list) else True


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TemplateError(f"text is needed and {go_text(value)!r} is not")
    return value


def _number(value: Json) -> int:
    """Sprig's toInt64."""
    if isinstance(value, str):
        octal = re.fullmatch(r"([+-]?)0([0-7]+)", value)
        if octal is not None:
            return int(octal[1] + octal[2], 8)
        return int(value) if re.fullmatch(r"[+-]?(0|[1-9]\d*)", value) else 0
    return int(value) if isinstance(value, int | float) else 0


def _index(value: Json, *keys: Json) -> Json:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(_text(key))
        elif isinstance(value, list | str):
            position = int(key)
            if not 0 <= position < len(value):
                raise TemplateError(f"the index {position} is out of range")
            value = value[position]
        else:
            raise TemplateError(f"{go_text(value)!r} has no index")
    return value


def _same(first: Json, *others: Json) -> bool:
    for other in others:
        if first is not None and other is not None and type(first) is not type(other):
            raise TemplateError(f"{go_text(first)!r} and {go_text(other)!r} are of different types")
        if first == other:
            return True
    return False


def _compared(check: Callable[[Json, Json], bool]) -> Callable[[Json, Json], bool]:
    def compare(one: Json, other: Json) -> bool:
        if type(one) is not type(other) or not isinstance(one, str | int | float) or isinstance(one, bool):
            raise TemplateError("only two texts or two numbers of one type can be compared")
        return check(one, other)

    return compare


def _first_false(*values: Json) -> Json:
    return next((value for value in values if not is_true(value)), values[-1])


def _first_true(*values: Json) -> Json:
    return next((value for value in values if is_true(value)), values[-1])


def _printed(*values: Json) -> str:
    text = ""
    for number, value in enumerate(values):
        # Go's Sprint parts two operands by a space when neither is text.
        parted = number and not isinstance(value, str) and not isinstance(values[number - 1], str)
        text += (" " if parted else "") + _string(value)
    return text


def as_parameters(value: Json) -> Json:
    """A JSON value as Argo CD hands it to templates: every number is a float64."""
    if isinstance(value, dict):
        return {key: as_parameters(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_parameters(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _printf(form: Json, *values: Json) -> str:
    rest = list(values)

    def one(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        if not rest:
            raise TemplateError(f"printf {form!r} has too few arguments")
        if len(found[1]) > 4:
            raise TemplateError(f"printf {form!r} asks for too much space")
        value = rest.pop(0)
        match found[2]:
            case "d":
                return f"%{found[1]}d" % int(value)
            case "s":
                return f"%{found[1]}s" % (value if isinstance(value, str) else go_text(value))
            case "q":
                return _quoted(value)
            case "v":
                return f"%{found[1]}s" % go_text(value)
        raise TemplateError(f"printf does not know {found[0]!r} here")

    return re.sub(r"%([-0]?\d*)([a-zA-Z%])", one, _text(form))


def _quoted(*values: Json) -> str:
    return " ".join(json.dumps(_string(value), ensure_ascii=False) for value in values if value is not None)


def _string(value: Json) -> str:
    return value if isinstance(value, str) else go_text(value)


def _indent(width: Json, text: Json) -> str:
    if not 0 <= int(width) <= _WIDEST:
        raise TemplateError(f"an indent must be between 0 and {_WIDEST}")
    return "\n".join(" " * int(width) + line for line in _text(text).split("\n"))


def _to_yaml(value: Json) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=False, allow_unicode=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def _from_yaml(text: Json) -> Json:
    documents = yamlgo.load_all(_text(text))
    return documents[0].value if documents else None


def _dict(*pairs: Json) -> dict[str, Json]:
    return {_string(pairs[number]): pairs[number + 1] for number in range(0, len(pairs) - 1, 2)}


def _joined(separator: Json, items: Json) -> str:
    return str(separator).join(_string(item) for item in (items if isinstance(items, list) else [items]))


def _substring(start: Json, end: Json, text: Json) -> str:
    whole = _text(text)
    first, last = max(int(start), 0), int(end)
    return whole[first:] if last < 0 or last > len(whole) else whole[first:last]


def _truncated(length: Json, text: Json) -> str:
    return _text(text)[: int(length)] if int(length) >= 0 else _text(text)[int(length) :]


def _divided(one: Json, other: Json) -> int:
    return math.trunc(_number(one) / _number(other))


FUNCTIONS: Mapping[str, Callable[..., Json]] = {
    # text/template
    "and": _first_false,
    "or": _first_true,
    "not": lambda value: not is_true(value),
    "len": lambda value: len(value),
    "index": _index,
    "print": _printed,
    "printf": _printf,
    "eq": _same,
    "ne": lambda one, other: not _same(one, other),
    "lt": _compared(lambda one, other: bool(one < other)),
    "le": _compared(lambda one, other: bool(one <= other)),
    "gt": _compared(lambda one, other: bool(one > other)),
    "ge": _compared(lambda one, other: bool(one >= other)),
    # texts
    "lower": lambda text: _text(text).lower(),
    "upper": lambda text: _text(text).upper(),
    "trim": lambda text: _text(text).strip(),
    "trimAll": lambda cut, text: _text(text).strip(_text(cut)),
    "trimPrefix": lambda prefix, text: _text(text).removeprefix(_text(prefix)),
    "trimSuffix": lambda suffix, text: _text(text).removesuffix(_text(suffix)),
    "replace": lambda old, new, text: _text(text).replace(_text(old), _text(new)),
    "contains": lambda part, text: _text(part) in _text(text),
    "hasPrefix": lambda prefix, text: _text(text).startswith(_text(prefix)),
    "hasSuffix": lambda suffix, text: _text(text).endswith(_text(suffix)),
    "quote": _quoted,
    "squote": lambda *values: " ".join(f"'{_string(value)}'" for value in values if value is not None),
    "nospace": lambda text: re.sub(r"\s", "", _text(text)),
    "trunc": _truncated,
    "substr": _substring,
    "indent": _indent,
    "nindent": lambda width, text: "\n" + _indent(width, text),
    "join": _joined,
    "splitList": lambda separator, text: _text(text).split(_text(separator)),
    "split": lambda separator, text: {f"_{n}": part for n, part in enumerate(_text(text).split(_text(separator)))},
    "toString": _string,
    "normalize": lambda text: sanitized(_text(text)),
    # choices
    "default": lambda fallback, value=None: value if is_true(value) else fallback,
    "empty": lambda value: not is_true(value),
    "coalesce": lambda *values: next((value for value in values if is_true(value)), None),
    "ternary": lambda yes, no, value: yes if is_true(value) else no,
    # lists and maps
    "list": lambda *values: list(values),
    "first": lambda values: values[0] if values else None,
    "last": lambda values: values[-1] if values else None,
    "rest": lambda values: list(values[1:]),
    "initial": lambda values: list(values[:-1]),
    "has": lambda value, values: value in values,
    "dict": _dict,
    "get": lambda value, key: value.get(key, ""),
    "hasKey": lambda value, key: key in value,
    # numbers
    "int": _number,
    "int64": _number,
    "atoi": _number,
    "add": lambda *values: sum(_number(value) for value in values),
    "add1": lambda value: _number(value) + 1,
    "sub": lambda one, other: _number(one) - _number(other),
    "mul": lambda *values: math.prod(_number(value) for value in values),
    "div": _divided,
    "mod": lambda one, other: int(math.fmod(_number(one), _number(other))),
    "max": lambda *values: max(_number(value) for value in values),
    "min": lambda *values: min(_number(value) for value in values),
    # formats and paths
    "b64enc": lambda text: base64.b64encode(_text(text).encode()).decode(),
    "b64dec": lambda text: base64.b64decode(_text(text), validate=True).decode(),
    "sha256sum": lambda text: hashlib.sha256(_text(text).encode()).hexdigest(),
    "toJson": lambda value: json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False),
    "fromJson": lambda text: json.loads(_text(text)),
    "toYaml": _to_yaml,
    "fromYaml": _from_yaml,
    "fromYamlArray": _from_yaml,
    "base": lambda path: posixpath.basename(_text(path).rstrip("/")) or "/",
    "dir": lambda path: posixpath.dirname(_text(path)) or ".",
}
