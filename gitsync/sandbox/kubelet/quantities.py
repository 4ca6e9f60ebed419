"""Kubernetes resource quantities as numbers ("1500m" → 1.5, "2Gi" → 2147483648).

Pure. Syntax: Kubernetes API reference, Quantity.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

SUFFIXES = {
    "n": Decimal(10) ** -9,
    "u": Decimal(10) ** -6,
    "m": Decimal(10) ** -3,
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
    "Ei": Decimal(2) ** 60,
}


def parse(text: str | int | float) -> Decimal:
    """The number a quantity stands for; ValueError for what the API server would not have let in."""
    written = str(text).strip()
    number = written.rstrip("".join({letter for suffix in SUFFIXES for letter in suffix}))
    suffix = written[len(number) :]
    try:
        return Decimal(number) * SUFFIXES[suffix] if suffix in SUFFIXES else Decimal(written)
    except InvalidOperation as error:
        raise ValueError(f"{written!r} is not a resource quantity such as 500m or 2Gi") from error


def divided(text: str | int | float, divisor: str | int | float) -> int:
    """A quantity in units of `divisor`, rounded up (what `resourceFieldRef` yields)."""
    exact = parse(text) / (parse(divisor) or Decimal(1))
    whole = int(exact)
    return whole + 1 if exact > whole else whole
