"""Functions of Go templates and of Sprig that ApplicationSets use, and how Go writes values.

Pure. Only functions whose result cannot differ from Go's are here; regular expressions are not (other
syntax, unbounded time), nor whatever reads the machine, the clock or chance. Rules: pkg.go.dev/text/template,
masterminds.github.io/sprig. Numbers of parameters are float64 in Argo CD, so they print as Go prints these.
"""

import base64
import hashlib
import json
import math
import posixpath
import re
from collections.abc import Callable, Mapping

import yaml

from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.render.gotemplatevalues import LONGEST, TemplateError, go_text, is_true, sanitized, shown, text_of
from operator_core.jsonvalues import Json

_WIDEST = 1_000


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
    if not _fits(value, [LONGEST]):
        raise TemplateError(f"the template function {name!r} makes more than {LONGEST} characters")
    return value


def _fits(value: Json, left: list[int]) -> bool:
    """Whether a value's text stays in bounds; lists of lists of one list would else grow without end."""
    left[0] -= len(value) + 1 if isinstance(value, str) else 8
    if left[0] < 0:
        return False
    if isinstance(value, dict):
        return all(_fits(key, left) and _fits(item, left) for key, item in value.items())
    return all(_fits(item, left) for item in value) if isinstance(value, list) else True


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
            value = value.get(text_of(key))
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
        text += (" " if parted else "") + shown(value)
    return text


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

    return re.sub(r"%([-0]?\d*)([a-zA-Z%])", one, text_of(form))


def _quoted(*values: Json) -> str:
    return " ".join(json.dumps(shown(value), ensure_ascii=False) for value in values if value is not None)


def _indent(width: Json, text: Json) -> str:
    if not 0 <= int(width) <= _WIDEST:
        raise TemplateError(f"an indent must be between 0 and {_WIDEST}")
    return "\n".join(" " * int(width) + line for line in text_of(text).split("\n"))


def _to_yaml(value: Json) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=False, allow_unicode=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def _from_yaml(text: Json) -> Json:
    documents = yamlgo.load_all(text_of(text))
    return documents[0].value if documents else None


def _dict(*pairs: Json) -> dict[str, Json]:
    return {shown(pairs[number]): pairs[number + 1] for number in range(0, len(pairs) - 1, 2)}


def _joined(separator: Json, items: Json) -> str:
    return str(separator).join(shown(item) for item in (items if isinstance(items, list) else [items]))


def _substring(start: Json, end: Json, text: Json) -> str:
    whole = text_of(text)
    first, last = max(int(start), 0), int(end)
    return whole[first:] if last < 0 or last > len(whole) else whole[first:last]


def _truncated(length: Json, text: Json) -> str:
    return text_of(text)[: int(length)] if int(length) >= 0 else text_of(text)[int(length) :]


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
    "lower": lambda text: text_of(text).lower(),
    "upper": lambda text: text_of(text).upper(),
    "trim": lambda text: text_of(text).strip(),
    "trimAll": lambda cut, text: text_of(text).strip(text_of(cut)),
    "trimPrefix": lambda prefix, text: text_of(text).removeprefix(text_of(prefix)),
    "trimSuffix": lambda suffix, text: text_of(text).removesuffix(text_of(suffix)),
    "replace": lambda old, new, text: text_of(text).replace(text_of(old), text_of(new)),
    "contains": lambda part, text: text_of(part) in text_of(text),
    "hasPrefix": lambda prefix, text: text_of(text).startswith(text_of(prefix)),
    "hasSuffix": lambda suffix, text: text_of(text).endswith(text_of(suffix)),
    "quote": _quoted,
    "squote": lambda *values: " ".join(f"'{shown(value)}'" for value in values if value is not None),
    "nospace": lambda text: re.sub(r"\s", "", text_of(text)),
    "trunc": _truncated,
    "substr": _substring,
    "indent": _indent,
    "nindent": lambda width, text: "\n" + _indent(width, text),
    "join": _joined,
    "splitList": lambda separator, text: text_of(text).split(text_of(separator)),
    "split": lambda separator, text: {f"_{n}": part for n, part in enumerate(text_of(text).split(text_of(separator)))},
    "toString": shown,
    "normalize": lambda text: sanitized(text_of(text)),
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
    "b64enc": lambda text: base64.b64encode(text_of(text).encode()).decode(),
    "b64dec": lambda text: base64.b64decode(text_of(text), validate=True).decode(),
    "sha256sum": lambda text: hashlib.sha256(text_of(text).encode()).hexdigest(),
    "toJson": lambda value: json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False),
    "fromJson": lambda text: json.loads(text_of(text)),
    "toYaml": _to_yaml,
    "fromYaml": _from_yaml,
    "fromYamlArray": _from_yaml,
    "base": lambda path: posixpath.basename(text_of(path).rstrip("/")) or "/",
    "dir": lambda path: posixpath.dirname(text_of(path)) or ".",
}
