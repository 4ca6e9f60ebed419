"""What a check has to say about manifests, as a value: rule, weight, place, sentence.

Pure. Rules have stable ids, because people switch them off by name and code-scanning services
group by them. A message says what is wrong and what to do, and never shows a Secret's value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from operator_core.jsonvalues import Json, Object


class Severity(StrEnum):
    """error: refused when applied. warning: accepted, and state or an object may be lost. advice: worth a look."""

    error = "error"
    warning = "warning"
    advice = "advice"

    @property
    def weight(self) -> int:
        """Larger is worse."""
        return {Severity.advice: 0, Severity.warning: 1, Severity.error: 2}[self]


RULES: Mapping[str, str] = {
    "manifest": "Files are manifests as Kubernetes reads them.",
    "kustomize": "Kustomizations build.",
    "helm": "Charts render.",
    "metadata": "Names, labels and annotations have the form the API server accepts.",
    "schema": "Fields have the right type and none that is needed is missing.",
    "unknown-field": "Every field exists.",
    "unknown-version": "The apiVersion of a built-in kind is served by Kubernetes.",
    "operator": "A Flink resource fulfils the operator's rules.",
    "operator-advice": "A Flink resource is likely meant as it is written.",
    "application": "An Argo CD Application or ApplicationSet uses what gitsync understands.",
    "duplicate": "An object is given once.",
    "reference": "What a Flink resource refers to fits.",
    "reference-outside": "What a Flink resource refers to is among the checked files.",
    "state-stateless": "A job that takes checkpoints is not upgraded without its state.",
    "state-directory": "Savepoints and checkpoints are kept where they outlive a pod.",
    "state-last-state": "last-state finds a checkpoint to continue from.",
    "state-non-restored": "State is not dropped silently.",
    "state-snapshot": "Data of a snapshot is not deleted with its manifest by accident.",
    "image-tag": "An image's name says which build it is.",
}
"""Rule id -> what holds where it finds nothing."""

Steps = tuple[str | int, ...]
"""A field of an object: keys and list positions from the root."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a rule found in one object, before its place is known."""

    rule: str
    severity: Severity
    field: Steps
    message: str
    topic: str = ""
    """Of all troubles with one topic only the first is told, with how many more there are; "" has none."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Told to people: `line` and `column` start at 1 and are 0 where there is no place."""

    file: str
    line: int
    column: int
    rule: str
    severity: Severity
    message: str
    object: str = ""

    def to_json(self) -> Object:
        """For programs."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "severity": self.severity.value,
            "rule": self.rule,
            "object": self.object,
            "message": self.message,
        }


def steps_of(text: str) -> Steps:
    """The field a message begins with: `spec.flinkConfiguration[a.b].c[0]` as steps; () for none."""
    steps: list[str | int] = []
    position, end = 0, len(text)
    while position < end:
        if text[position] == "[":
            close = text.find("]", position)
            if close < 0:
                break
            inside = text[position + 1 : close]
            steps.append(int(inside) if inside.isdigit() else inside)
            position = close + 1
        elif text[position] == "." or not steps:
            start = position + (text[position] == ".")
            stop = start
            while stop < end and (text[stop].isalnum() or text[stop] in "_-$"):
                stop += 1
            if stop == start:
                break
            steps.append(text[start:stop])
            position = stop
        else:
            break
    return tuple(steps) if steps and steps[0] in ("spec", "metadata", "status", "data") else ()


def shown(path: Steps) -> str:
    """Steps as people write a field."""
    text = ""
    for step in path:
        plain = isinstance(step, str) and all(char.isalnum() or char in "_-$" for char in step)
        text += f".{step}" if plain else f"[{step}]"
    return text.lstrip(".")


def below(value: Json, path: Steps) -> Json:
    """The value at a field; None where there is none."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
