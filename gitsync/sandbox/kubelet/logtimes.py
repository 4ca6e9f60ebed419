"""When the lines of containers' logs were written, to a quarter of a second.

Shell, one thread. Containers write their logs into files themselves, so nobody stands between who could stamp lines.
Instead the size and the time of the last write of every growing log are noted beside it (`N.times`: one line of size
and nanoseconds per change). What was written while no kubelet looked has the time of the last write in that span.
"""

from __future__ import annotations

import bisect
import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

PAUSE_S = 0.25
SUFFIX = ".times"
LINE_LIMIT = 1 << 16


class LogTimes:
    """Logs are added when their container starts and taken out when it has ended."""

    def __init__(self) -> None:
        self._sizes: dict[Path, int] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="log-times", daemon=True).start()

    def add(self, log: Path) -> None:
        with self._lock:
            self._sizes[log] = -1

    def discard(self, log: Path) -> None:
        with self._lock:
            if log in self._sizes:
                self._note(log)
                del self._sizes[log]

    def _run(self) -> None:
        while True:
            time.sleep(PAUSE_S)
            with self._lock:
                for log in self._sizes:
                    self._note(log)

    def _note(self, log: Path) -> None:
        with contextlib.suppress(OSError):
            found = log.stat()
            if found.st_size != self._sizes[log]:
                with log.with_suffix(SUFFIX).open("a", encoding="ascii") as notes:
                    notes.write(f"{found.st_size} {found.st_mtime_ns}\n")
                self._sizes[log] = found.st_size


class Times:
    """What is noted about one log; times are nanoseconds since the epoch."""

    def __init__(self, log: Path, now: Callable[[], int] = time.time_ns) -> None:
        self._log = log
        self._now = now
        self._sizes: list[int] = []
        self._times: list[int] = []
        self._read()

    def of(self, end: int) -> int:
        """When the line that ends at this offset was written."""
        if not self._sizes or end > self._sizes[-1]:
            self._read()
        place = bisect.bisect_left(self._sizes, end)
        return self._times[place] if place < len(self._times) else self._last_write()

    def offset_since(self, moment: int) -> int:
        """Where the first line begins that was written at `moment` or later."""
        place = bisect.bisect_left(self._times, moment)
        if place == len(self._times) and self._last_write() < moment:
            return self._log.stat().st_size
        return _line_start(self._log, self._sizes[place - 1]) if place else 0

    def _read(self) -> None:
        self._sizes, self._times = [], []
        try:
            notes = self._log.with_suffix(SUFFIX).read_text(encoding="ascii").splitlines()
        except OSError:
            return
        for note in notes:
            size, _, moment = note.partition(" ")
            if moment:
                self._sizes.append(int(size))
                self._times.append(int(moment))

    def _last_write(self) -> int:
        try:
            return self._log.stat().st_mtime_ns
        except OSError:
            return self._now()


def _line_start(log: Path, offset: int) -> int:
    """Where the line begins that the byte at `offset` is in, or 64 KiB before in a very long line."""
    start = max(0, offset - LINE_LIMIT)
    with log.open("rb") as stream:
        stream.seek(start)
        return start + stream.read(offset - start).rfind(b"\n") + 1
