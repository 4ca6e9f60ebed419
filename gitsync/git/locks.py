"""One writer of a mirror at a time, over all processes, and no leftovers of the dead.

Children of the holder inherit the lock: when an agent is killed in the middle of a fetch, the next
one waits for the orphaned Git instead of removing the locks it still needs. Whoever gets the lock
first in a process therefore knows that every lock file in the mirror is stale.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_LEFTOVERS = (
    "*.lock",
    "refs/**/*.lock",
    "objects/pack/tmp_*",
    "objects/pack/.tmp-*",
    "objects/??/tmp_obj_*",
    "objects/tmp_*",
    "fast_import_crash_*",
)


class WriterLock:
    """The right to write one mirror. Not reentrant: holding it twice in one process waits for ever."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory.with_suffix(".lock")
        self._swept = False

    @contextlib.contextmanager
    def held(self) -> Iterator[int]:
        """Wait for the lock; gives the descriptor that children must keep open."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not self._swept:
                self.sweep()
                self._swept = True
            yield descriptor
        finally:
            os.close(descriptor)

    def sweep(self) -> None:
        """Remove what killed Git processes left; only with the lock held."""
        for pattern in _LEFTOVERS:
            for leftover in self._directory.glob(pattern):
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
                else:
                    leftover.unlink(missing_ok=True)
