"""How one field of an object differs from what Git wants, as a value without the values. Pure."""

from dataclasses import dataclass
from enum import StrEnum

Path = tuple[str, ...]
"""Steps to a field: `spec`, `[name=x]`."""


class Kind(StrEnum):
    """What sort of difference it is."""

    changed = "changed"
    missing = "missing"
    removed = "removed"
    unmanaged = "unmanaged"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs, by its path; never its value."""

    path: Path
    kind: Kind

    @property
    def shown(self) -> str:
        """The path for people: `spec.job.parallelism`, `ports[port=80]`."""
        text = ""
        for step in self.path:
            text += step if step.startswith("[") or not text else f".{step}"
        return text or "the whole object"
