"""Kills containers that use more memory than their limit, as the kernel does on a real node.

Shell, one thread: looks once a second at the resident memory of every container with a limit (all its processes
together). Coarser than cgroups, which need rights that an ordinary user does not have; a Java heap never notices.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from gitsync.sandbox import processes
from gitsync.sandbox.containers.processes import Process

PAUSE_S = 1.0
PAGE = os.sysconf("SC_PAGE_SIZE")


class MemoryWatch:
    """Containers are added with their limit in bytes and taken out when they have ended."""

    def __init__(self) -> None:
        self._limits: dict[Process, int] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="memory", daemon=True).start()

    def add(self, process: Process, limit: int) -> None:
        with self._lock:
            self._limits[process] = limit

    def discard(self, process: Process) -> None:
        with self._lock:
            self._limits.pop(process, None)

    def _run(self) -> None:
        while True:
            time.sleep(PAUSE_S)
            with self._lock:
                watched = list(self._limits.items())
            for process, limit in watched:
                if resident(process.pid) > limit:
                    process.out_of_memory = True
                    process.kill()


def resident(pid: int) -> int:
    """Bytes of resident memory of a process and all its descendants; shared pages count for each."""
    total = 0
    for each in processes.tree(pid):
        try:
            total += int(Path(f"/proc/{each}/statm").read_text(encoding="ascii").split()[1]) * PAGE
        except (OSError, IndexError):
            continue  # it has just ended
    return total
