"""Where a symbolic link or a path through links of a commit leads, without ever touching a file system.

Pure over a listing and a way to read a link. Every step is taken inside the tree of the commit:
absolute targets, targets above the root, `.git` and loops are refused (CVE-2022-24904, CVE-2022-31036).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gitsync.git import trees

_MOST_HOPS = 40


class Tree(Protocol):
    """The part of a listing that following needs."""

    def file(self, path: str) -> trees.File | None:
        """The entry of exactly this path."""

    def has_directory(self, path: str) -> bool:
        """Whether this path is a directory."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A regular file, and the links passed on the way."""

    file: trees.File
    passed: tuple[trees.File, ...]


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory by its real path ("" is the root), and the links passed on the way."""

    path: str
    passed: tuple[trees.File, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """No regular file: missing, a directory or a submodule; `path` is where the search ended."""

    path: str
    why: str
    passed: tuple[trees.File, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A link that leads where no link of a repository may lead."""

    why: str


def follow(link: trees.File, tree: Tree, read: Callable[[str], bytes]) -> Reached | Nothing | Refused:
    """The regular file `link` leads to; `read` gives a blob's content by its id."""
    directory, _, name = link.path.rpartition("/")
    match _walk(directory.split("/") if directory else [], [name], tree, read):
        case Directory(path, passed):
            return Nothing(path, "its target is a directory", passed)
        case found:
            return found


def reach(path: str, tree: Tree, read: Callable[[str], bytes]) -> Reached | Directory | Nothing | Refused:
    """What is at `path` (from the root, without `..`), through whatever links are on the way."""
    return _walk([], path.split("/"), tree, read)


def _walk(
    here: list[str], steps: list[str], tree: Tree, read: Callable[[str], bytes]
) -> Reached | Directory | Nothing | Refused:
    passed: list[trees.File] = []
    while steps:
        step = steps.pop(0)
        refusal = _refusal(step, here)
        if refusal:
            return Refused(refusal)
        if step in ("", ".", ".."):
            del here[len(here) - (step == "..") :]
            continue
        path = "/".join([*here, step])
        entry = tree.file(path)
        if entry is None and not tree.has_directory(path):
            return Nothing(path, "its target does not exist", tuple(passed))
        if entry is None:
            here.append(step)
        elif entry.mode == trees.SYMLINK:
            target = read(entry.blob).decode("utf-8", "backslashreplace")
            passed.append(entry)
            if target.startswith("/") or len(passed) > _MOST_HOPS:
                return Refused("its target is an absolute path" if target.startswith("/") else "it leads in a circle")
            steps = [*target.split("/"), *steps]
        elif steps or entry.mode == trees.SUBMODULE:
            return Nothing(path, "its target is not a regular file", tuple(passed))
        else:
            return Reached(entry, tuple(passed))
    return Directory("/".join(here), tuple(passed))


def _refusal(step: str, here: list[str]) -> str:
    if step == ".." and not here:
        return "it leads out of the repository"
    return "it leads into .git" if step.lower() == ".git" else ""
