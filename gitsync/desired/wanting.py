"""Which contents a repository without contents should have: those that renders asked for, and what is like them.

A render that misses a file asks once; the answer is one fetch for all that the apps of the repository are likely
to read, and the same files are brought with every later commit before anything renders it. Where a commit has few
manifests that is all of them; else those of the directory, and of the one above each time that was not enough.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from gitsync.git import contents, mirrors, trees
from gitsync.render import selecting

FEW = 2_000
"""So many manifests of one commit are brought whoever asks for one of them."""
_REMEMBERED = 100
_BESIDE_MANIFESTS = (".tpl", ".helmignore", ".env", ".properties")


@dataclass(slots=True)
class _Wanted:
    """Of one repository. `asked`: blobs that renders miss now, and in which commits."""

    asked: set[str] = field(default_factory=set)
    commits: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    directories: set[str] = field(default_factory=set)
    times: dict[str, int] = field(default_factory=dict)
    brought: set[str] = field(default_factory=set)

    def wants(self, path: str) -> bool:
        """Whether a file of this path is to be here."""
        if path in self.paths:
            return True
        if not (selecting.is_manifest_name(path) or path.endswith(_BESIDE_MANIFESTS)):
            return False
        parts = path.split("/")[:-1]
        return any("/".join(parts[:number]) in self.directories for number in range(len(parts) + 1))


class Contents:
    """Brings contents to the mirrors that are fetched without. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: dict[str, _Wanted] = {}

    def want(self, absent: contents.Absent, commits: Iterable[str]) -> bool:
        """Remember what a render of `commits` misses; whether that is news."""
        with self._lock:
            wanted = self._wanted.setdefault(absent.url, _Wanted())
            is_news = not absent.blobs <= wanted.asked
            wanted.asked |= absent.blobs
            wanted.brought.clear()
            wanted.commits.update(commits)
            return is_news

    def bring(self, mirror: mirrors.Mirror, commit: str) -> None:
        """Have in the mirror what is wanted of a commit, and what was asked for. Raises Retry."""
        if not mirror.partial:
            return
        with self._lock:
            wanted = self._wanted.setdefault(mirror.url, _Wanted())
            asked, commits = frozenset(wanted.asked), {commit, *wanted.commits}
            if not asked and commit in wanted.brought:
                return
        blobs = _missing(mirror, sorted(commits), wanted, asked)
        if blobs:
            contents.fetch(mirror, blobs)
        with self._lock:
            wanted.asked -= asked
            wanted.commits -= commits
            wanted.brought = {*list(wanted.brought)[-_REMEMBERED:], commit}


def _missing(mirror: mirrors.Mirror, commits: Iterable[str], wanted: _Wanted, asked: frozenset[str]) -> set[str]:
    """The blobs to fetch; `wanted` learns from what was asked for. Only the one lookup of the repository does this."""
    found: set[str] = set()
    known: set[str] = set()
    for commit in commits:
        listing = trees.listing(mirror, commit)
        if not listing.absent:
            continue
        absent = [file for file in listing.below("") if file.blob in listing.absent]
        _learn(wanted, commit, absent, asked)
        known.update(file.blob for file in absent)
        found.update(file.blob for file in absent if file.blob in asked or wanted.wants(file.path))
    # Of a commit nobody follows; where it is here already, it comes again.
    return found | {blob for blob in asked - known if not contents.is_here(mirror, [blob])}


def _learn(wanted: _Wanted, commit: str, absent: list[trees.File], asked: frozenset[str]) -> None:
    missed = [file.path for file in absent if file.blob in asked]
    if not missed:
        return
    times = wanted.times.pop(commit, 0)
    wanted.times = {commit: times + 1}
    wanted.paths.update(missed)
    if sum(selecting.is_manifest_name(file.path) for file in absent) <= FEW:
        wanted.directories = {""}
    else:
        wanted.directories.update("/".join(path.split("/")[: -1 - times]) for path in missed)
