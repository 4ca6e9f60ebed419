"""Texts with a unit: Flink memory sizes and durations, Kubernetes quantities.

Flink writes memory as "2048m", "2 gb" or "1728mb" (always binary units, any case:
org.apache.flink.configuration.MemorySize) and durations as "10 s", "5min" or ISO-8601
(TimeUtils). Kubernetes writes quantities as "1Gi", "500m", "2" (k8s.io/apimachinery resource).
A memory field of a Flink resource may hold either; Flink's reading wins where both are possible.
Every parser raises ValueError with a sentence that says what is accepted; none knows a field name.
"""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

_KIB = 1024
MEMORY_UNITS = {
    "": 1,
    "b": 1,
    "bytes": 1,
    "k": _KIB,
    "kb": _KIB,
    "kibibytes": _KIB,
    "m": _KIB**2,
    "mb": _KIB**2,
    "mebibytes": _KIB**2,
    "g": _KIB**3,
    "gb": _KIB**3,
    "gibibytes": _KIB**3,
    "t": _KIB**4,
    "tb": _KIB**4,
    "tebibytes": _KIB**4,
}
"""Bytes per unit of Flink's MemorySize."""

_DURATION_UNITS = {
    "d": 86400 * 10**9,
    "day": 86400 * 10**9,
    "days": 86400 * 10**9,
    "h": 3600 * 10**9,
    "hour": 3600 * 10**9,
    "hours": 3600 * 10**9,
    "m": 60 * 10**9,
    "min": 60 * 10**9,
    "minute": 60 * 10**9,
    "minutes": 60 * 10**9,
    "s": 10**9,
    "sec": 10**9,
    "secs": 10**9,
    "second": 10**9,
    "seconds": 10**9,
    "": 10**6,
    "ms": 10**6,
    "milli": 10**6,
    "millis": 10**6,
    "millisecond": 10**6,
    "milliseconds": 10**6,
    "us": 10**3,
    "µs": 10**3,
    "micro": 10**3,
    "micros": 10**3,
    "microsecond": 10**3,
    "microseconds": 10**3,
    "ns": 1,
    "nano": 1,
    "nanos": 1,
    "nanosecond": 1,
    "nanoseconds": 1,
}

_QUANTITY_SUFFIXES = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "E": Fraction(10**18),
    "Ki": Fraction(_KIB),
    "Mi": Fraction(_KIB**2),
    "Gi": Fraction(_KIB**3),
    "Ti": Fraction(_KIB**4),
    "Pi": Fraction(_KIB**5),
    "Ei": Fraction(_KIB**6),
}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?", re.ASCII)
_NUMBER_AND_UNIT = re.compile(r"(\d+)\s*([A-Za-zµ]*)", re.ASCII)
_ISO_DURATION = re.compile(
    r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,9})?)S)?)?", re.ASCII | re.IGNORECASE
)
_BINARY_SUFFIXES = ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki")
_DECIMAL_SUFFIXES = ("E", "P", "T", "G", "M", "k", "", "m", "u", "n")


def memory_bytes(text: str) -> int:
    """Bytes of a Flink memory size ("2048m", "2 gb"), else of a Kubernetes quantity ("1Gi").

    The quantity is read upper-cased, as the Java operator does, so "1gi" is accepted too.
    """
    match = _NUMBER_AND_UNIT.fullmatch(text.strip())
    if match and match[2].lower() in MEMORY_UNITS:
        return int(match[1]) * MEMORY_UNITS[match[2].lower()]
    try:
        amount = quantity(text.strip().upper().replace("I", "i"))
    except ValueError:
        raise ValueError(f"{text!r} is not a memory size; write for instance 2048m, 2g or 2Gi") from None
    if amount < 0:
        raise ValueError(f"{text!r} is negative; write a memory size such as 2048m, 2g or 2Gi")
    return int(amount)


def is_flink_memory(text: str) -> bool:
    """Whether Flink's own MemorySize can read the text."""
    match = _NUMBER_AND_UNIT.fullmatch(text.strip())
    return match is not None and match[2].lower() in MEMORY_UNITS


def memory_text(size: int) -> str:
    """Bytes as Flink's MemorySize prints them: the largest unit that divides them ("2 gb")."""
    for unit in ("tb", "gb", "mb", "kb"):
        if size and size % MEMORY_UNITS[unit] == 0:
            return f"{size // MEMORY_UNITS[unit]} {unit}"
    return f"{size} bytes"


def duration_seconds(text: str) -> float:
    """Seconds of a Flink duration: "10 s", "5min", "1 d", a bare number (milliseconds) or ISO-8601."""
    stripped = text.strip()
    match = _NUMBER_AND_UNIT.fullmatch(stripped)
    if match and match[2].lower() in _DURATION_UNITS:
        return int(match[1]) * _DURATION_UNITS[match[2].lower()] / 10**9
    iso = _ISO_DURATION.fullmatch(stripped)
    if iso and any(iso.groups()[1:]) and not stripped.upper().endswith("T"):
        days, hours, minutes, seconds = (Decimal(part or 0) for part in iso.groups()[1:])
        total = float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
        return -total if iso[1] else total
    raise ValueError(f"{text!r} is not a duration; write for instance 30 s, 5 min, 1 h or PT10M")


def duration_text(milliseconds: int) -> str:
    """Milliseconds as Flink's TimeUtils prints them: the largest unit that divides them ("5 min")."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size} {unit}"
    return f"{milliseconds} ms"


def quantity(text: str | int | float) -> Fraction:
    """The exact value of a Kubernetes quantity ("1500m", "1Gi", 2, "1e3")."""
    match = _QUANTITY.fullmatch(str(text).strip())
    if not match:
        raise ValueError(f"{text!r} is not a quantity; write for instance 500m, 2 or 1Gi")
    suffix = match[2] or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        if abs(int(suffix[1:])) > 30:
            raise ValueError(f"{text!r} is out of range for a quantity; write for instance 500m, 2 or 1Gi")
        return Fraction(match[1]) * Fraction(10) ** int(suffix[1:])
    return Fraction(match[1]) * _QUANTITY_SUFFIXES[suffix]


def memory_quantity(size: int) -> str:
    """Bytes as the canonical quantity the API server stores ("2Gi", "1600Mi")."""
    for suffix in _BINARY_SUFFIXES:
        scale = int(_QUANTITY_SUFFIXES[suffix])
        if size and size % scale == 0:
            return f"{size // scale}{suffix}"
    return str(size)


def cpu_quantity(amount: str | int | float | Fraction) -> str:
    """CPUs as the canonical quantity the API server stores: whole CPUs, else millis, micros, nanos.

    Finer parts than a nano-CPU are rounded up, as the API server does.
    """
    value = amount if isinstance(amount, Fraction) else quantity(amount)
    for suffix in _DECIMAL_SUFFIXES[6:]:
        scaled = value / _QUANTITY_SUFFIXES[suffix]
        if scaled.denominator == 1:
            return f"{scaled.numerator}{suffix}"
    return f"{-(-value * 10**9 // 1)}n"


def decimal(text: str) -> Decimal:
    """A plain decimal number, as Flink's double options accept it."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not value.is_finite():
        raise ValueError(f"{text!r} is not a finite number")
    return value


def java_double(value: Fraction | float | int) -> str:
    """A number as Java prints a double: always with a decimal point ("1.0", "0.25")."""
    return repr(float(value))
