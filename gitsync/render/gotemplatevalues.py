"""How Go's templates see values: truth, how they print, and the numbers of parameters.

Pure. Rules: pkg.go.dev/text/template, fmt's %v. Numbers of parameters are float64 in Argo CD, so they print as Go
prints these.
"""

import decimal
import math
import re
from collections.abc import Iterable

from operator_core.jsonvalues import Json

LONGEST = 1_000_000
"""Characters a template may make."""


class TemplateError(ValueError):
    """Why a template cannot be rendered, for people."""


def joined(parts: Iterable[str]) -> str:
    """The parts as one text; raises TemplateError when it gets too long."""
    kept: list[str] = []
    size = 0
    for part in parts:
        size += len(part)
        if size > LONGEST:
            raise TemplateError(f"the template makes more than {LONGEST} characters")
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


def as_parameters(value: Json) -> Json:
    """A JSON value as Argo CD hands it to templates: every number is a float64."""
    if isinstance(value, dict):
        return {key: as_parameters(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_parameters(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def text_of(value: Json) -> str:
    """The value where text is needed. Raises TemplateError for anything else."""
    if not isinstance(value, str):
        raise TemplateError(f"text is needed and {go_text(value)!r} is not")
    return value


def shown(value: Json) -> str:
    """Text as it is, all else as it prints."""
    return value if isinstance(value, str) else go_text(value)
