"""Which files of a commit make up the desired state of a directory.

Pure over a listing and a way to read links. Follows Argo CD's directory type; what it would ignore
and a cluster would then miss (Jsonnet) is an error here, because missing objects may be pruned.
"""

import difflib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from gitsync.git import trees
from gitsync.model.rendersets import InputFile, RenderError
from gitsync.model.revisions import Revision
from gitsync.render import globs, links
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object

_CANDIDATE = re.compile(r"\.(yaml|yml|json|jsonnet)$")
_TOOL_OPTIONS = re.compile(r"\.argocd-source(-.*)?\.yaml$")


@dataclass(frozen=True, slots=True)
class Source:
    """How a directory is read. Patterns are relative to it; an empty pattern is no pattern."""

    path: str = "."
    recurse: bool = False
    include: str = ""
    exclude: str = ""

    @property
    def given(self) -> Object:
        """The field `directory` of a source that asks for this, where no tool is named."""
        return {"recurse": self.recurse, "include": self.include, "exclude": self.exclude, "detect": True}

    @property
    def options(self) -> str:
        """Everything but the path, as text."""
        return json.dumps([self.recurse, self.include, self.exclude])


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to read: `path` is its name in the directory, `file` what is read (a link's target)."""

    path: str
    file: trees.File

    @property
    def is_json(self) -> bool:
        """Whether its name says JSON."""
        return self.path.endswith(".json")


@dataclass(frozen=True, slots=True)
class Selection:
    """The files that count, everything the choice depends on, and what is wrong with it."""

    candidates: tuple[Candidate, ...]
    inputs: tuple[InputFile, ...]
    warnings: tuple[str, ...]
    errors: tuple[RenderError, ...]


@dataclass(slots=True)
class _Choosing:
    candidates: list[Candidate] = field(default_factory=list)
    inputs: set[InputFile] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    errors: list[RenderError] = field(default_factory=list)


def is_manifest_name(path: str) -> bool:
    """Whether a file may be read for its name."""
    return _CANDIDATE.search(path) is not None


def checked_path(path: str) -> str:
    """`path` in its plain form, "" for the root; raises Stalled(PathNotFound) for one that leaves the repository."""
    if path.startswith("/") or "\\" in path or any(ord(char) < 32 for char in path):
        raise Stalled(Reason.PathNotFound, f"the path {path!r} must be relative to the repository's root")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Stalled(Reason.PathNotFound, f"the path {path!r} must not contain '..'")
    return "/".join(parts)


def check_directory(listing: trees.Listing, path: str, revision: Revision) -> None:
    """Raise Stalled(PathNotFound), with near names, unless `path` is a directory of the commit."""
    if not path or listing.has_directory(path):
        return
    entry = listing.file(path)
    where = f"{revision.repo} at {revision.short}"
    if entry is not None:
        what = {trees.SYMLINK: "a symbolic link", trees.SUBMODULE: "a submodule"}.get(entry.mode, "a file")
        raise Stalled(Reason.PathNotFound, f"the path {path!r} is {what} in {where}; it must be a directory")
    near = difflib.get_close_matches(path, sorted(listing.directories()), n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise Stalled(Reason.PathNotFound, f"there is no directory {path!r} in {where}{hint}")


def select(listing: trees.Listing, path: str, source: Source, read: Callable[[str], bytes]) -> Selection:
    """The manifest files of the directory `path` in walking order; `read` gives a blob's content."""
    chosen = _Choosing()
    files = listing.below(path)
    below = len(path) + 1 if path else 0
    for file in sorted(files, key=lambda entry: entry.path.split("/")):
        name = file.path[below:]
        if file.mode == trees.SUBMODULE:
            _tell_submodule(file, listing, source, chosen)
            continue
        if ("/" in name and not source.recurse) or not _is_wanted(name, source):
            continue
        _choose(file, listing, read, chosen)
    inputs = tuple(sorted(chosen.inputs))
    return Selection(tuple(chosen.candidates), inputs, tuple(chosen.warnings), tuple(chosen.errors))


def _tell_submodule(file: trees.File, listing: trees.Listing, source: Source, chosen: _Choosing) -> None:
    """A submodule whose files are not among the commit's: what is in it may be wanted."""
    if not source.recurse:
        return
    chosen.inputs.add(InputFile(file.path, file.blob))
    module = listing.modules.get(file.path)
    if module is None:
        chosen.warnings.append(f"{file.path}: left out: a submodule that .gitmodules does not name")
    else:
        chosen.errors.append(RenderError(file.path, 0, 0, f"this submodule cannot be read: {module.problem}"))


def _is_wanted(name: str, source: Source) -> bool:
    base = name.rpartition("/")[2]
    if not _CANDIDATE.search(base) or _TOOL_OPTIONS.fullmatch(base):
        return False
    if source.exclude and globs.matches(source.exclude, name):
        return False
    return not source.include or globs.matches(source.include, name)


def _choose(file: trees.File, listing: trees.Listing, read: Callable[[str], bytes], chosen: _Choosing) -> None:
    chosen.inputs.add(InputFile(file.path, file.blob))
    if file.path.endswith(".jsonnet"):
        problem = "Jsonnet is not evaluated: render it before committing, or exclude the file"
        chosen.errors.append(RenderError(file.path, 0, 0, problem))
    elif file.mode == trees.SYMLINK:
        _choose_target(file, listing, read, chosen)
    else:
        chosen.candidates.append(Candidate(file.path, file))


def _choose_target(link: trees.File, listing: trees.Listing, read: Callable[[str], bytes], chosen: _Choosing) -> None:
    match links.follow(link, listing, read):
        case links.Refused(why):
            chosen.errors.append(RenderError(link.path, 0, 0, f"this symbolic link is refused: {why}"))
        case links.Nothing(path, why, passed):
            # The place is an input: once something is there, the result changes.
            chosen.inputs.update(InputFile(step.path, step.blob) for step in passed)
            chosen.inputs.add(InputFile(path, ""))
            chosen.warnings.append(f"{link.path}: left out: {why} ({path or '.'})")
        case links.Reached(file, passed):
            chosen.inputs.update(InputFile(step.path, step.blob) for step in (*passed, file))
            chosen.candidates.append(Candidate(link.path, file))
