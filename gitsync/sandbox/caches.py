"""Where everything lives that can be fetched or built again.

One folder per user, `$XDG_CACHE_HOME/gitsync` or `~/.cache/gitsync`. Whoever fills a part of it builds
beside its final place and renames, under that part's lock, so that a reader sees all of a thing or
nothing of it and two builders never do the same work twice. Knows nothing about what is cached.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_dir() -> Path:
    """The user's cache folder of this program (created; absolute).

    A relative `XDG_CACHE_HOME` is ignored, as the XDG base directory specification demands.
    """
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if os.path.isabs(configured) else Path.home() / ".cache"
    folder = base / "gitsync"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the machine-wide lock of the cache part `name`; waits for another holder, dies with the process."""
    folder = cache_dir() / "locks"
    folder.mkdir(exist_ok=True)
    with open(folder / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_locked(name: str) -> bool:
    """Whether somebody holds the lock of the cache part `name` right now."""
    try:
        with open(cache_dir() / "locks" / f"{name}.lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield an empty scratch directory beside `target`; on success it becomes `target`, on error it vanishes.

    The caller holds the part's lock, so a scratch directory that is already there was left by a killed process.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for orphan in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(orphan, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield scratch
        scratch.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
