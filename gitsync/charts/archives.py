"""The files of a chart's archive: what leads out of it or is too large is refused.

Pure over bytes. A chart is one directory in a gzipped tar; links, devices and odd names have no place in it.
"""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Mapping

from operator_core.errors import Reason, Stalled

LARGEST_ARCHIVE = 20 * 2**20
_LARGEST_CONTENT = 50 * 2**20
_MOST_FILES = 5_000


def check_digest(archive: bytes, digest: str, what: str) -> None:
    """Raise Stalled(RepositoryRefused) unless the archive has this SHA-256 ("" checks nothing)."""
    if digest and hashlib.sha256(archive).hexdigest() != digest:
        text = f"{what} is not what its repository says: the digest of the archive is another"
        raise Stalled(Reason.RepositoryRefused, f"{text}; it was changed, or the index is stale")


def files(archive: bytes, what: str) -> Mapping[str, bytes]:
    """The chart's files by path below its directory. Raises Stalled(RepositoryRefused) naming what is wrong."""
    found: dict[str, bytes] = {}
    left = _LARGEST_CONTENT
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                if member.isdir():
                    continue
                path = _path(member, what)
                left -= member.size
                if left < 0 or len(found) >= _MOST_FILES:
                    raise _refused(what, f"it holds more than {_LARGEST_CONTENT} bytes or {_MOST_FILES} files")
                content = tar.extractfile(member)
                found[path] = content.read() if content is not None else b""
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise _refused(what, f"it is no gzipped tar: {error}") from error
    if "Chart.yaml" not in found:
        raise _refused(what, "it has no Chart.yaml in its directory")
    return found


def packed(name: str, files: Mapping[str, bytes]) -> bytes:
    """The archive of a chart; the same for the same files."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for path in sorted(files):
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(files[path])
            tar.addfile(member, io.BytesIO(files[path]))
    return gzip.compress(raw.getvalue(), compresslevel=1, mtime=0)


def _path(member: tarfile.TarInfo, what: str) -> str:
    steps = member.name.split("/")
    if not member.isreg():
        raise _refused(what, f"{member.name!r} is a link or a device")
    if member.name.startswith("/") or any(step in ("", ".", "..", ".git") for step in steps) or len(steps) < 2:
        raise _refused(what, f"the name {member.name!r} leads out of the chart")
    if any(ord(char) < 32 or char == "\\" for char in member.name):
        raise _refused(what, f"the name {member.name!r} holds characters no file should have")
    return "/".join(steps[1:])


def _refused(what: str, why: str) -> Stalled:
    return Stalled(Reason.RepositoryRefused, f"the archive of {what} is refused: {why}")
