"""What generators of ApplicationSets share: parameter sets, texts filled in with them, and refusals.

Pure; what is in a repository is asked of a `Look`. With `goTemplate` parameters are nested values, without it they
are flat texts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from gitsync.render import gotemplates, gotemplatevalues
from operator_core.jsonvalues import Json, Object

Parameters = dict[str, Json]
_WITHOUT_EFFECT = ("requeueAfterSeconds",)


class Refusal(ValueError):
    """A set that is not followed: the field, and why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")
        self.field = field
        self.why = why


class Repository(Protocol):
    """One commit of a repository."""

    def directories(self) -> list[str]:
        """Every directory, relative to the root."""

    def files(self) -> list[str]:
        """Every regular file, relative to the root."""

    def read(self, path: str) -> str:
        """The text of a file."""


Look = Callable[[str, str], Repository]
"""(repository URL, revision) -> what is there; raises Refusal for one that may not be read."""


@dataclass(frozen=True, slots=True)
class Templating:
    """How texts are filled in. `strict`: a key that is missing is an error (only Go templates tell)."""

    go: bool
    strict: bool = True

    def text(self, template: str, parameters: Parameters) -> str:
        """One text. Raises TemplateError."""
        if self.go:
            return gotemplates.render(template, parameters, missing_is_error=self.strict)
        return gotemplatevalues.joined(_replaced(template, parameters))

    def all(self, value: Json, parameters: Parameters) -> Json:
        """Every text of a value, keys too."""
        if isinstance(value, str):
            return self.text(value, parameters) if "{{" in value else value
        if isinstance(value, dict):
            return {self.all(key, parameters): self.all(item, parameters) for key, item in value.items()}
        return [self.all(item, parameters) for item in value] if isinstance(value, list) else value


def _replaced(template: str, parameters: Parameters) -> Iterator[str]:
    """`{{name}}` by the parameter; an unknown name stays as it is, as fasttemplate leaves it."""
    position = 0
    while (start := template.find("{{", position)) >= 0 and (end := template.find("}}", start)) >= 0:
        value = parameters.get(template[start + 2 : end].strip())
        yield template[position:start]
        yield value if isinstance(value, str) else template[start : end + 2]
        position = end + 2
    yield template[position:]


def check_known(given: Object, names: tuple[str, ...], field: str) -> None:
    """Raise Refusal for a field that says something and is not among `names`."""
    for key, value in given.items():
        if key not in (*names, *_WITHOUT_EFFECT, "template") and value not in (None, "", [], {}, False):
            raise Refusal(f"{field}.{key}", "is not supported")


def one_text(value: Json, field: str) -> str:
    """The text. Raises Refusal for anything else."""
    if not isinstance(value, str):
        raise Refusal(field, "must be text, or set goTemplate: true")
    return value
