"""A walk through the commits that rendering a chart reads: what was found, and what is wrong.

Pure over a listing and a way to read blobs. Every path stays inside of its repository; links become what they lead
to, and what leads out through `..` or a link is refused (CVE-2022-24348, CVE-2022-24904).
"""

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from gitsync.git import trees
from gitsync.model.rendersets import InputFile, RenderError
from gitsync.render import links

_MOST_FILES = 5_000


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of one repository: its tree, and blobs by id."""

    tree: trees.Listing
    read: Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Packed:
    """A chart from elsewhere: its name, the URL of its repository, and its content by a commit's id."""

    name: str
    repository: str
    sha: str
    commit: Commit


@dataclass(slots=True)
class Walk:
    """What one chart reads; `others` are the sources with a `ref`, by that name.

    `files` and `links` are by their path in the export, `packed` charts by the path of their archive there.
    """

    own: Commit
    directory: str
    others: Mapping[str, Commit]
    files: dict[str, trees.File] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    packed: dict[str, Packed] = field(default_factory=dict)
    inputs: set[InputFile] = field(default_factory=set)
    errors: list[RenderError] = field(default_factory=list)
    watched: set[str] = field(default_factory=set)
    lent: dict[str, set[InputFile]] = field(default_factory=dict)
    lent_watched: dict[str, set[str]] = field(default_factory=dict)

    def saw(self, source: str, files: Iterable[InputFile]) -> None:
        """Files that were read, of the chart's own commit ("") or of a source's."""
        (self.lent.setdefault(source, set()) if source else self.inputs).update(files)

    def commit(self, source: str) -> Commit:
        """The commit of a source."""
        return self.others[source] if source else self.own

    def watches(self, source: str, directory: str) -> None:
        """Everything below a directory decides the result."""
        (self.lent_watched.setdefault(source, set()) if source else self.watched).add(directory)


class Unfit(ValueError):
    """Why a reference cannot be followed."""


def export_below(directory: str, target: str, walk: Walk, passed: frozenset[str] = frozenset()) -> None:
    """Everything below a directory, to appear below `target`; links with what they lead to."""
    for file in walk.own.tree.below(directory):
        place = posixpath.join(target, posixpath.relpath(file.path, directory or "."))
        walk.inputs.add(InputFile(file.path, file.blob))
        if len(walk.files) > _MOST_FILES:
            walk.errors.append(RenderError(directory or ".", 0, 0, f"the chart has more than {_MOST_FILES} files"))
            return
        if file.mode == trees.SUBMODULE:
            continue
        if file.mode != trees.SYMLINK:
            walk.files[place] = file
            continue
        match links.reach(file.path, walk.own.tree, walk.own.read):
            case links.Reached(found, _):
                walk.inputs.add(InputFile(found.path, found.blob))
                walk.files[place] = found
            case links.Directory(path, _) if path not in passed and not f"{directory}/".startswith(f"{path}/"):
                # A copy in the link's place: Helm reads the same, and no link is left to follow.
                export_below(path, place, walk, passed | {path})
            case links.Directory():
                walk.errors.append(RenderError(file.path, 0, 0, "this symbolic link is refused: it leads in a circle"))
            case links.Nothing(path, why, _):
                walk.inputs.add(InputFile(path, ""))
                walk.errors.append(RenderError(file.path, 0, 0, f"this symbolic link leads nowhere: {why}"))
            case links.Refused(why):
                walk.errors.append(RenderError(file.path, 0, 0, f"this symbolic link is refused: {why}"))


def inside(path: str) -> str:
    """A path of a repository in its shortest form ("" is the root). Raises Unfit."""
    plain = posixpath.normpath(path)
    if plain == ".." or plain.startswith(("../", "/")):
        raise Unfit("leads out of the repository")
    return "" if plain == "." else plain
