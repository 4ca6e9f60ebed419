"""Plain YAML scalars as Go's yaml.v2 resolves them, which is what kubectl and the API server do.

Pure. YAML 1.1 booleans with `y` and `n`, Go's integer literals, no base 60, no timestamps; numbers
become what JSON carries (1.0 is 1, what does not fit an int64 is a float). Source of the rules:
yaml.v2's resolve table and the decoder of k8s.io/apimachinery, whose answers the tests hold.
"""

import base64
import binascii
import math
import re
import struct
from decimal import Decimal

from operator_core.jsonvalues import Json

_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_FINITE = {
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_DOT = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
_LARGEST_UNSIGNED = 2**64 - 1
_INT64 = range(-(2**63), 2**63)
_PYTHON_BASE = {"x": 16, "b": 2, "o": 8}


class ScalarError(ValueError):
    """A scalar Kubernetes would refuse; the text says why."""


def resolve(text: str, tag: str | None, plain: bool) -> Json:
    """What Go makes of a scalar: `tag` as written (None without one), `plain` if it stood without quotes.

    Integers up to 2^64-1 and floats of every kind; `json_value` and `key` say what becomes of them.
    Raises ScalarError for bad base64 and for texts that contradict their tag.
    """
    if tag is not None and tag.startswith(_TAG):
        return _tagged(text, tag.removeprefix(_TAG))
    return text if tag is not None or not plain else _number_or_word(text)


def json_value(value: Json) -> Json:
    """`value` after a trip through Go's JSON: whole numbers are int64 where they fit, else floats.

    Raises ScalarError for infinite and undefined numbers.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ScalarError("JSON knows no infinite or undefined number: quote it if text is meant")
        # Go writes the shortest digits that mean this float, and those are read again as an integer.
        whole = int(Decimal(repr(value))) if value.is_integer() else None
        return whole if whole is not None and whole in _INT64 else value
    return float(value) if isinstance(value, int) and value not in _INT64 else value


def key(value: Json) -> str:
    """A resolved scalar as the key of a JSON object; raises ScalarError where Kubernetes would."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _go_float32(value)
    if isinstance(value, int) and value in _INT64:
        return str(value)
    raise ScalarError("a key must be text, a number of 64 bits or a boolean")


def _tagged(text: str, kind: str) -> Json:
    if kind == "binary":
        return _decoded(text)
    if kind not in ("null", "bool", "int", "float"):
        return text
    value = _number_or_word(text)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        "null": value is None,
        "bool": isinstance(value, bool),
        "int": is_number and isinstance(value, int),
        "float": is_number,
    }
    if not fits[kind]:
        raise ScalarError(f"the value cannot be decoded as !!{kind}")
    return float(value) if kind == "float" else value


def _decoded(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise ScalarError("!!binary value contains invalid base64 data") from error


def _number_or_word(text: str) -> Json:
    if text in _WORDS:
        return _WORDS[text]
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    if text[0] == ".":
        return _finite(text, text) if _LEADING_DOT.fullmatch(text) else text
    if text[0] not in "+-0123456789":
        return text
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        number = _integer(digits)
        if number in _INT64 or (0 <= number <= _LARGEST_UNSIGNED and digits[0] != "+"):
            return number
    return _finite(digits, text) if _FLOAT.fullmatch(digits) else text


def _integer(digits: str) -> int:
    sign, magnitude = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
    base = _PYTHON_BASE.get(magnitude[1:2].lower())
    if base is not None:
        return sign * int(magnitude[2:], base)
    return sign * int(magnitude, 8 if magnitude.startswith("0") else 10)


def _finite(digits: str, text: str) -> Json:
    """Go reports a number out of range as an error, and the scalar stays text."""
    value = float(digits)
    return value if math.isfinite(value) else text


def _go_float32(value: float) -> str:
    """strconv.FormatFloat(value, 'g', -1, 32), which is how a float becomes a key."""
    if math.isnan(value):
        return ".nan"
    try:
        single = _single(value)
    except OverflowError:
        single = math.copysign(math.inf, value)
    if math.isinf(single):
        return ".inf" if value > 0 else "-.inf"
    shortest = next(text for p in range(17) if _single(float(text := f"{single:.{p}e}")) == single)
    mantissa, _, exponent = shortest.partition("e")
    if -4 <= int(exponent) < 6:
        decimals = len(mantissa.strip("-").replace(".", "")) - 1 - int(exponent)
        return f"{float(shortest):.{max(0, decimals)}f}"
    return f"{mantissa}e{int(exponent):+03d}"


def _single(value: float) -> float:
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded
