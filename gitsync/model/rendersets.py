"""What one path of one commit says should exist: objects, where each came from, what was read.

Pure. A RenderSet with an error is not ok, and nothing of it may be applied or pruned: half of a
desired state is not a desired state. `inputs` are the files that decided the result, so two renders
with one `content_key` are the same whatever else the commits between them changed.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from gitsync.model.revisions import Revision
from operator_core.jsonvalues import Object

_MOST_PLACES = 200


@dataclass(frozen=True, slots=True)
class RenderedObject:
    """One object of the desired state. `file` is relative to the repository, `line` starts at 1."""

    body: Object
    file: str
    line: int


@dataclass(frozen=True, slots=True, order=True)
class InputFile:
    """A file that was read, by content."""

    path: str
    blob: str


@dataclass(frozen=True, slots=True, order=True)
class RenderError:
    """Why a path cannot be rendered. `line` and `column` start at 1 and are 0 where there is no place."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])
        return f"{place}: {self.message}" if place else self.message


@dataclass(frozen=True, slots=True)
class Lent:
    """What was read of another source: files, and directories below which everything counts."""

    inputs: tuple[InputFile, ...] = ()
    watched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderSet:
    """The desired state of one path at one commit. `options` is how it was read, as text.

    `exact`: only the inputs count, and not whatever else is below the path. `watched`: directories below
    which everything counts too ("" is the root). `declared`: what was asked for, before the commit's own
    options were added to it. `lent`: files of other sources that were read, by the name of the source. `charts`: the
    repositories of charts that the lock of a chart brought.
    """

    revision: Revision
    path: str
    objects: tuple[RenderedObject, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[RenderError, ...] = ()
    options: str = ""
    exact: bool = False
    watched: tuple[str, ...] = ()
    declared: str = ""
    lent: tuple[tuple[str, "Lent"], ...] = ()
    charts: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether this is the whole desired state, fit to be applied."""
        return not self.errors

    @property
    def places(self) -> tuple[str, ...]:
        """Where in the repository a commit has to change something to concern this: files and directories."""
        path = self.path.strip("/") or "."
        whole = tuple(place or "." for place in (self.watched if self.exact else (path, *self.watched)))
        apart = sorted({one.path for one in self.inputs if self.exact or not _is_below(one.path, path)})
        return (*whole, *apart) if len(apart) <= _MOST_PLACES else (".",)

    @property
    def content_key(self) -> str:
        """Equal for two renders that read the same files the same way (hex digest)."""
        read = [InputFile(f"${name}/{item.path}", item.blob) for name, lent in self.lent for item in lent.inputs]
        return content_key(self.path, self.options, (*self.inputs, *read))

    def touched_by(self, changed_paths: Iterable[str]) -> bool:
        """Whether a change of these paths (relative to the repository) can change this render."""
        inputs = {item.path for item in self.inputs}
        places = self.watched if self.exact else (*self.watched, self.path)
        below = tuple("" if place in ("", ".") else place.rstrip("/") + "/" for place in places)
        return any(path in inputs or path.startswith(below) for path in changed_paths)


def _is_below(file: str, directory: str) -> bool:
    return directory == "." or file == directory or file.startswith(f"{directory}/")


def content_key(path: str, options: str, inputs: Iterable[InputFile]) -> str:
    """See `RenderSet.content_key`."""
    text = json.dumps([path, options, [[item.path, item.blob] for item in inputs]])
    return hashlib.sha256(text.encode()).hexdigest()
