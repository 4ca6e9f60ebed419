"""Contents of files in a mirror that is fetched without them: what is here, and bringing many in one fetch.

Which files are worth bringing is decided elsewhere. Reading never asks the network: what is missing is said by
`Absent`, for whoever may wait for a fetch. A mirror with all contents is read as if there were nothing to this.
"""

from collections.abc import Iterable

from gitsync.git import failures, mirrors, partials
from operator_core.errors import Retry

UNKNOWN = b"?"
"""Stands for the size of a content that is not here."""
_LISTING = ("ls-tree", "-r", "-z", "--full-tree")
_SIZES = ("cat-file", "--batch-check=%(objectname) %(objectsize)")


class Absent(Exception):
    """Contents that a mirror does not have yet and that can be brought: `blobs` of the repository `url`."""

    def __init__(self, url: str, blobs: Iterable[str]) -> None:
        super().__init__(f"contents of {url} are not here yet")
        self.url = url
        self.blobs = frozenset(blobs)


def entries(mirror: mirrors.Mirror, commit: str) -> bytes:
    """What `git ls-tree -r -z -l` says of a commit, with UNKNOWN as the size of a content that is not here."""
    if not mirror.partial:
        return mirror.local(*_LISTING, "-l", commit)
    lines = mirror.local(*_LISTING, commit).split(b"\0")[:-1]
    absent = _absent(mirror, commit)
    ids = {line: line.partition(b"\t")[0].split(b" ")[2] for line in lines}
    here = {one for line, one in ids.items() if b" blob " in line[:12] and one not in absent}
    listed = mirror.local(*_SIZES, stdin=b"".join(one + b"\n" for one in here)).splitlines()
    sizes = dict.fromkeys(absent, UNKNOWN) | {name: size for name, _, size in (one.partition(b" ") for one in listed)}
    return b"".join(_sized(line, sizes.get(ids[line], b"-")) for line in lines)


def read(mirror: mirrors.Mirror, blobs: Iterable[str]) -> bytes:
    """What `git cat-file --batch` says of blobs. Raises Absent when one of them is not here."""
    asked = tuple(blobs)
    stdin = "".join(f"{blob}\n" for blob in asked).encode()
    if mirror.partial and not is_here(mirror, asked):
        raise Absent(mirror.url, asked)
    return mirror.local("cat-file", "--batch", stdin=stdin)


def is_here(mirror: mirrors.Mirror, blobs: Iterable[str]) -> bool:
    """Whether the mirror has all of these; Git's way of saying no depends on its version."""
    stdin = "".join(f"{blob}\n" for blob in blobs).encode()
    output = mirror.local(*_SIZES, stdin=stdin, quiet=True)
    return bool(output) and not any(line.endswith(b" missing") for line in output.splitlines())


def fetch(mirror: mirrors.Mirror, blobs: Iterable[str]) -> None:
    """Bring contents, all in one fetch. Raises Retry."""
    wanted = "".join(f"{blob}\n" for blob in sorted(blobs)).encode()
    arguments = ("fetch", *mirrors.FETCH_OPTIONS, partials.FILTER, "--stdin", partials.REMOTE)
    # Without it Git offers what is here, and a server may leave out what it takes to be among that.
    output = mirror.exchange(
        *arguments, timeout=mirrors.FETCH_TIMEOUT, stdin=wanted, config=(("fetch.negotiationAlgorithm", "noop"),)
    )
    mirror.brought += 1
    if output.status and partials.gives_only_tips(output.stderr):
        detail = failures.first_line(output.stderr)
        why = "its server sends no single files: take partial out of its Secret"
        raise Retry(failures.unreachable(mirror.url, "").reason, f"cannot read {mirror.url}: {why} ({detail})")
    if output.status:
        raise failures.unreachable(mirror.url, output.stderr, output.wait)
    mirror.combine_packs()


def _absent(mirror: mirrors.Mirror, commit: str) -> set[bytes]:
    walked = mirror.local("rev-list", "--objects", "--no-walk", "--missing=print", commit, "--")
    return {line[1:].strip() for line in walked.splitlines() if line.startswith(b"?")}


def _sized(line: bytes, size: bytes) -> bytes:
    meta, _, name = line.partition(b"\t")
    return meta + b" " + size + b"\t" + name + b"\0"
