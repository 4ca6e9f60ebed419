"""Assembles a Flink distribution out of the Python packages of Apache Flink.

`apache-flink-libraries` (source archive: jars, plugins) plus `apache-flink` (wheel: scripts, configuration) make the
folder that the binary release has, except examples and Python. Kept in the cache by release; filled once, under a
lock, beside its place. Knows nothing of containers.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from gitsync.sandbox import caches, errors, pypi
from gitsync.sandbox.progress import Progress

WHEEL_PYTHON = "3.11"  # every pinned release has a wheel for it; only its scripts are taken, so any platform does
WHEEL_PLATFORM = "manylinux2014_x86_64"


def location(release: str) -> Path:
    """Where the release is, or will be."""
    return caches.cache_dir() / "flink" / release


def is_ready(release: str) -> bool:
    """Whether the release is complete in the cache (it appears there by one rename)."""
    return location(release).is_dir()


def assemble(release: str, progress: Progress) -> Path:
    """The folder of the release, fetched first where needed (230 to 330 MB). Raises SandboxError."""
    target = location(release)
    with caches.locked(f"flink-{release}"):
        if not target.is_dir():
            # What lies beside it under this lock was left by a fetch that was killed.
            for left in target.parent.glob(f".{release}.*"):
                shutil.rmtree(left, ignore_errors=True)
            with progress.stage(f"assemble Flink {release}"), caches.replacing(target) as scratch:
                _fill(release, scratch, progress)
    return target


def _fill(release: str, home: Path, progress: Progress) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{release}.", dir=home.parent) as folder:
        downloads = Path(folder)
        wheel = pypi.download(
            f"apache-flink=={release}",
            downloads,
            progress,
            *("--only-binary", ":all:", "--python-version", WHEEL_PYTHON, "--platform", WHEEL_PLATFORM),
        )
        # pip runs the archive's metadata step; it keeps the archive's name and needs no build of it.
        archive = pypi.download(f"apache-flink-libraries=={release}", downloads, progress, "--no-binary", ":all:")
        with progress.stage("unpack"):
            unpack_libraries(archive, home)
            unpack_scripts(wheel, home)
    (home / "log").mkdir(exist_ok=True)
    if not list((home / "lib").glob("flink-dist-*.jar")):
        raise errors.SandboxError(f"the packages of Flink {release} hold no flink-dist jar; this release is unusable")


def unpack_libraries(archive: Path, home: Path) -> None:
    """Take `deps/{lib,opt,plugins,bin,...}` out of the source archive."""
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = Path(member.name).parts
            if not member.isfile() or len(parts) < 3 or parts[1] != "deps" or ".." in parts:
                continue
            target = home.joinpath(*parts[2:])
            target.parent.mkdir(parents=True, exist_ok=True)
            stream = tar.extractfile(member)
            assert stream is not None
            with stream, target.open("wb") as out:
                shutil.copyfileobj(stream, out, 1 << 20)


def unpack_scripts(wheel: Path, home: Path) -> None:
    """Take `pyflink/{bin,conf}` out of the wheel; scripts become executable."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            parts = Path(name).parts
            if name.endswith("/") or len(parts) < 3 or parts[:2] not in (("pyflink", "bin"), ("pyflink", "conf")):
                continue
            target = home.joinpath(*parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
            target.chmod(0o755 if parts[1] == "bin" else 0o644)
