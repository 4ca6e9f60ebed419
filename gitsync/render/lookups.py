"""Repositories as the generators of ApplicationSets see them: one commit of a mirror each.

The commits are found by a function of the caller's, who knows which repositories may be read; what was
looked at is remembered, so that the caller can tell which pushes matter.
"""

import hashlib
from collections.abc import Callable

from gitsync.git import mirrors, trees
from gitsync.model.revisions import Revision
from gitsync.render.parametersets import Refusal
from operator_core.errors import Stalled

LARGEST_FILE = 2**20
"""Bytes a file of parameters may have."""
Find = Callable[[str, str], tuple[mirrors.Mirror, Revision]]
"""(repository URL, revision) -> where it is; raises Stalled for one that is not allowed or not there."""


class CommitTree:
    """One commit."""

    def __init__(self, mirror: mirrors.Mirror, revision: Revision) -> None:
        self._mirror = mirror
        self.revision = revision
        self._listing = trees.listing(mirror, revision.sha)
        self._asked: dict[str, str] = {}

    def directories(self) -> list[str]:
        """Every directory, relative to the root."""
        found = sorted(self._listing.directories())
        self._asked["directories/"] = _digest(found)
        return found

    def files(self) -> list[str]:
        """Every regular file; links and submodules are none."""
        found = [file.path for file in self._listing.below("") if file.mode not in (trees.SYMLINK, trees.SUBMODULE)]
        self._asked["files/"] = _digest(found)
        return found

    def is_same_in(self, other: "CommitTree") -> bool:
        """Whether another commit answers everything that was asked of this one in the same way."""
        for asked, answer in self._asked.items():
            match asked:
                case "directories/":
                    other.directories()
                case "files/":
                    other.files()
                case path:
                    other.note(path)
            if other._asked[asked] != answer:
                return False
        return True

    def note(self, path: str) -> trees.File | None:
        """Remember that a file was asked for."""
        file = self._listing.file(path)
        self._asked[path] = file.blob if file is not None else ""
        return file

    def read(self, path: str) -> str:
        """The text of a file. Raises Refusal for one that is no text or too large."""
        file = self.note(path)
        if file is None:
            raise Refusal(path, "is no file")
        if file.size > LARGEST_FILE:
            raise Refusal(path, f"has {file.size} bytes, more than the {LARGEST_FILE} that are read")
        try:
            return trees.read(self._mirror, [file.blob])[file.blob].decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refusal(path, "is not UTF-8 text") from error


class Lookups:
    """A `generators.Look` over mirrors. `seen` has every (URL, revision) that was asked for, with its commit."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self.seen: dict[tuple[str, str], str] = {}
        self._trees: dict[tuple[str, str], CommitTree] = {}

    def __call__(self, url: str, revision: str) -> CommitTree:
        """The commit; raises Refusal with the reason it cannot be had, and Retry when it is out of reach."""
        key = (url, revision)
        if key not in self._trees:
            try:
                mirror, found = self._find(url, revision)
            except Stalled as error:
                raise Refusal("repoURL", error.message) from error
            self._trees[key] = CommitTree(mirror, found)
            self.seen[key] = found.sha
        return self._trees[key]

    def is_same_with(self, find: Find) -> bool:
        """Whether everything that was looked at is the same in the commits that `find` finds now."""
        for (url, revision), tree in self._trees.items():
            mirror, found = find(url, revision)
            if found.sha != tree.revision.sha and not tree.is_same_in(CommitTree(mirror, found)):
                return False
        return True


def _digest(names: list[str]) -> str:
    return hashlib.sha256("\0".join(names).encode()).hexdigest()
