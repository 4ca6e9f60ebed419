"""What is in a commit: names, contents and history, read from the mirror without a checkout.

Every answer is addressed by content (a commit or a blob id), so it never goes stale and is kept
within bounds. Names that are not UTF-8 are shown with escapes; contents are found by their id, so
no name ever becomes an argument or a path of this machine.
"""

import bisect
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from gitsync.git import contents, mirrors, submodules, urls
from gitsync.git.memos import Memo
from operator_core.errors import Reason, Retry

SYMLINK = "120000"
SUBMODULE = "160000"
_REGULAR = ("100644", "100755")
_SMALL = 256 * 2**10
_KEPT_BLOBS = 16 * 2**20
_KEPT_LISTINGS = 32 * 2**20
_KEPT_HISTORY = 512


@dataclass(frozen=True, slots=True, order=True)
class File:
    """One entry of a tree that is not a directory. `size` is in bytes, 0 for a submodule."""

    path: str
    mode: str
    blob: str
    size: int


class Listing:
    """All entries of one commit, sorted; lines are parsed when they are asked for.

    `modules` are its submodules by path: the files of those without a problem are among the entries.
    `absent` are the blobs whose content the mirror did not have. `size` is in bytes.
    """

    def __init__(self, output: bytes, modules: Mapping[str, submodules.Module] | None = None) -> None:
        self._lines = output.split(b"\0")[:-1]
        self.size = len(output) + 1
        self.modules = modules or {}
        lacks_any = b" " + contents.UNKNOWN + b"\t" in output
        self.absent = frozenset(_file(line).blob for line in self._lines if lacks_any and _lacks(line))

    def below(self, directory: str) -> list[File]:
        """Every file below `directory` ("" is the root), at any depth, in the order of their bytes."""
        prefix = f"{directory}/".encode() if directory else b""
        start = bisect.bisect_left(self._lines, prefix, key=_name)
        found = []
        for line in self._lines[start:]:
            if not _name(line).startswith(prefix):
                break
            found.append(_file(line))
        return found

    def file(self, path: str) -> File | None:
        """The entry of exactly this path, unless it is a directory."""
        wanted = path.encode()
        start = bisect.bisect_left(self._lines, wanted, key=_name)
        if start < len(self._lines) and _name(self._lines[start]) == wanted:
            return _file(self._lines[start])
        return None

    def has_directory(self, path: str) -> bool:
        """Whether anything is below `path`."""
        prefix = f"{path}/".encode() if path else b""
        start = bisect.bisect_left(self._lines, prefix, key=_name)
        return start < len(self._lines) and _name(self._lines[start]).startswith(prefix)

    def directories(self) -> set[str]:
        """Every directory of the commit."""
        found: set[str] = set()
        for line in self._lines:
            parent = _shown(_name(line)).rpartition("/")[0]
            while parent and parent not in found:
                found.add(parent)
                parent = parent.rpartition("/")[0]
        return found


_MOST_PASSED_OVER = 20

_listings: Memo[Listing] = Memo(_KEPT_LISTINGS, lambda one: one.size)
_blobs: Memo[bytes] = Memo(_KEPT_BLOBS, lambda content: len(content) + 100)
_changes: Memo[tuple[str, ...]] = Memo(_KEPT_HISTORY)
_readers: OrderedDict[tuple[str, str], int] = OrderedDict()
_readers_lock = threading.Lock()


def listing(mirror: mirrors.Mirror, sha: str) -> Listing:
    """All entries of commit `sha`."""
    key = _listing_key(mirror, sha)
    known = _listings.get(key)
    if known is None:
        modules: dict[str, submodules.Module] = {}
        output = contents.entries(mirror, sha)
        if _has_submodule(output):
            lines = _with_modules(mirror, sha, mirror.remote, (b"", output), modules)
            output = b"".join(line + b"\0" for line in sorted(lines, key=_name))
        known = Listing(output, modules)
        _listings.put(key, known)
    return known


def forget(mirror: mirrors.Mirror, sha: str) -> None:
    """Read the entries of commit `sha` from the mirror again when they are asked for next."""
    _listings.drop(_listing_key(mirror, sha))


def _listing_key(mirror: mirrors.Mirror, sha: str) -> tuple[str, str, int]:
    return (mirror.url, sha, mirror.brought)


def _has_submodule(output: bytes) -> bool:
    start = SUBMODULE.encode() + b" commit "
    return output.startswith(start) or b"\0" + start in output


def _with_modules(
    mirror: mirrors.Mirror,
    sha: str,
    remote: urls.Remote,
    tree: tuple[bytes, bytes],
    modules: dict[str, submodules.Module],
) -> list[bytes]:
    """The entries of a commit with those of its submodules in their place; `modules` takes these by path.

    `tree`: what paths begin with, and the commit's own entries.
    """
    prefix, output = tree
    here = submodules.of(mirror, sha, remote) if _has_submodule(output) else {}
    found: list[bytes] = []
    for line in output.split(b"\0")[:-1]:
        meta, _, name = line.partition(b"\t")
        module = here.get(_shown(name)) if meta.startswith(SUBMODULE.encode()) else None
        if module is not None:
            commit = meta.split()[2].decode()
            problem = module.problem or _missing(mirror, commit, len(modules))
            module = modules[_shown(prefix + name)] = replace(module, path=_shown(prefix + name), problem=problem)
        if module is None or module.problem:
            found.append(meta + b"\t" + prefix + name)
        else:
            below = contents.entries(mirror, commit)
            its = urls.parse(module.url, mirror.policy)
            found += _with_modules(mirror, commit, its, (prefix + name + b"/", below), modules)
    return found


def _missing(mirror: mirrors.Mirror, commit: str, known: int) -> str:
    if known >= submodules.MOST_MODULES:
        return f"the repository has more than {submodules.MOST_MODULES} submodules, one in another"
    return "" if mirror.has_commit(commit) else f"its commit {commit[:7]} was not fetched"


def files(mirror: mirrors.Mirror, sha: str, path: str) -> list[File]:
    """Every file of commit `sha` below the directory `path` ("" or "." is the root)."""
    return listing(mirror, sha).below("" if path in ("", ".") else path.strip("/"))


def read(mirror: mirrors.Mirror, blobs: Iterable[str]) -> Mapping[str, bytes]:
    """The contents of blobs by id, with one Git process for all that are not remembered. Raises contents.Absent."""
    found: dict[str, bytes] = {}
    missing: list[str] = []
    for blob in dict.fromkeys(blobs):
        known = _blobs.get((mirror.url, blob))
        if known is None:
            missing.append(blob)
        else:
            found[blob] = known
    if missing:
        output = contents.read(mirror, missing)
        for blob, content in _batch(output, mirror.url):
            found[blob] = content
            _blobs.put((mirror.url, blob), content)
    return found


def prefetch(mirror: mirrors.Mirror, sha: str, wanted: Callable[[str], bool]) -> None:
    """Remember the small files of a commit whose path is `wanted`, when a second reader begins with that commit.

    Many apps that are read for the first time then share one Git process instead of starting one each.
    """
    with _readers_lock:
        readers = _readers[(mirror.url, sha)] = _readers.pop((mirror.url, sha), 0) + 1
        while len(_readers) > _KEPT_HISTORY:
            _readers.popitem(last=False)
        if readers != 2:
            return
        blobs: dict[str, None] = {}
        room = _KEPT_BLOBS // 2
        whole = listing(mirror, sha)
        for file in whole.below(""):
            if file.blob in whole.absent or file.mode not in _REGULAR or file.size > _SMALL:
                continue
            if wanted(file.path) and file.blob not in blobs:
                room -= file.size + 100
                if room < 0:
                    break
                blobs[file.blob] = None
        read(mirror, blobs)


def changed_paths(mirror: mirrors.Mirror, old: str, new: str) -> tuple[str, ...]:
    """Paths that differ between two commits, both sides of a rename; every path if `old` is no longer known."""
    if old == new:
        return ()
    known = _changes.get((mirror.url, old, new))
    if known is None:
        if not mirror.has_commit(old):
            return tuple(file.path for file in listing(mirror, new).below(""))
        output = mirror.local("diff-tree", "-r", "-z", "--raw", "--no-renames", old, new)
        meta, names = output.split(b"\0")[:-1:2], output.split(b"\0")[1::2]
        changed = [_shown(name) for name in names]
        moved = [path for path, modes in zip(changed, meta, strict=True) if SUBMODULE.encode() in modes]
        known = (*changed, *_below_modules(mirror, (old, new), moved))
        _changes.put((mirror.url, old, new), known)
    return known


def _below_modules(mirror: mirrors.Mirror, shas: tuple[str, str], moved: list[str]) -> Iterable[str]:
    """The files of submodules that moved, as they are in either commit."""
    for sha in shas if moved else ():
        whole = listing(mirror, sha)
        for path in moved:
            yield from (file.path for file in whole.below(path))


def passed_over(mirror: mirrors.Mirror, old: str, new: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    """The newest commits after `old` and before `new` that changed one of `paths`, oldest first; "." is all of them.

    None where the history between the two is not known here.
    """
    if not (paths and mirror.has_commit(old) and mirror.has_commit(new)):
        return ()
    wanted = () if "." in paths or "" in paths else paths
    options = ("-n", str(_MOST_PASSED_OVER + 1), new, f"^{old}")
    output = mirror.local("rev-list", *options, "--", *wanted, quiet=True)
    found = [sha for sha in output.decode().split() if sha != new]
    return tuple(reversed(found[:_MOST_PASSED_OVER]))


def _batch(output: bytes, url: str) -> Iterable[tuple[str, bytes]]:
    position = 0
    while position < len(output):
        end = output.index(b"\n", position)
        header = output[position:end].decode().split(" ")
        if len(header) != 3 or not header[2].isdigit():
            detail = " ".join(header)
            raise Retry(Reason.RepositoryUnreachable, f"the mirror of {url} lacks an object it should have: {detail}")
        start = end + 1
        position = start + int(header[2]) + 1
        yield header[0], output[start : position - 1]


def _name(line: bytes) -> bytes:
    return line.partition(b"\t")[2]


def _file(line: bytes) -> File:
    meta, _, name = line.partition(b"\t")
    mode, _, blob, size = meta.decode().split()
    return File(_shown(name), mode, blob, int(size) if size.isdigit() else 0)


def _lacks(line: bytes) -> bool:
    return line.partition(b"\t")[0].endswith(b" " + contents.UNKNOWN)


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
