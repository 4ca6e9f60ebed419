"""Label selectors as Kubernetes writes them in one line: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.

Grammar and meaning of the Kubernetes documentation ("Labels and selectors"): requirements are joined by commas and all
must hold; `!=` and `notin` hold where the key is missing too. Knows no object but its labels.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from operator_core.errors import Reason, Stalled

_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY: Final = re.compile(rf"([a-z0-9]([-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_NAME}")
_VALUE: Final = re.compile(rf"({_NAME})?")
_SET: Final = re.compile(r"(?P<key>\S+)\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUALITY: Final = re.compile(r"(?P<key>[^\s=!]+)\s*(?P<word>==|=|!=)\s*(?P<value>[^\s=!]*)")
_COMMA: Final = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True, slots=True)
class Requirement:
    """The label must be one of `values` (None: any), or with `negated` must not."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it."""
        found = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return found is not self.negated


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Selects everything where it has no requirement."""

    requirements: tuple[Requirement, ...] = ()

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is meant."""
        return all(requirement.holds(labels) for requirement in self.requirements)


def parse(text: str) -> LabelSelector:
    """The selector of a text; Stalled(ValidationError) that names the part which is none."""
    if not text.strip():
        return LabelSelector()
    return LabelSelector(tuple(_requirement(part.strip()) for part in _COMMA.split(text)))


def _requirement(part: str) -> Requirement:
    if found := _SET.fullmatch(part):
        values = [value.strip() for value in found["values"].split(",")]
        return _checked(part, found["key"], values, negated=found["word"] == "notin")
    if found := _EQUALITY.fullmatch(part):
        return _checked(part, found["key"], [found["value"]], negated=found["word"] == "!=")
    return _checked(part, part.removeprefix("!").strip(), None, negated=part.startswith("!"))


def _checked(part: str, key: str, values: list[str] | None, *, negated: bool) -> Requirement:
    if not _KEY.fullmatch(key) or not all(_VALUE.fullmatch(value) for value in values or ()):
        message = f"{part!r} is no label selector; write for instance team=payments,stage in (test,live),!retired"
        raise Stalled(Reason.ValidationError, message)
    return Requirement(key, None if values is None else frozenset(values), negated)
