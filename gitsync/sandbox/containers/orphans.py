"""Ends what an earlier kubelet started and nobody goes on with.

Shell. A runner (of a container, a probe or a command inside a container) whose starter died belongs to the first
process of the sandbox's process namespace; those that are not kept are killed with everything below them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from pathlib import Path

from gitsync.sandbox import processes

RUNNERS = ("bwrap", "nsenter", "setsid")
FIRST = "1"


def end(keep: Collection[int]) -> None:
    """Kill the runners without a starter, but for the monitors `keep`."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in keep and _is_orphaned_runner(entry):
            end_tree(int(entry.name))


def end_tree(pid: int) -> None:
    """Kill a process and its descendants, the lowest first: a runner's end alone would leave its program."""
    for each in reversed(list(processes.tree(pid))):
        processes.kill(each, signal.SIGKILL)


def _is_orphaned_runner(entry: Path) -> bool:
    try:
        program = os.path.basename(os.readlink(entry / "exe"))
        parent = (entry / "stat").read_bytes().rpartition(b")")[2].split()[1]
    except OSError:
        return False
    return program in RUNNERS and parent.decode() == FIRST
