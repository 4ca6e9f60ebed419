"""Finds the processes of a sandbox without namespaces by a mark in their environment, and ends them.

A variable that names the sandbox's folder is inherited by everything it starts. Only a program that wipes its
environment escapes; the reaper gets that one while it lives.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from gitsync.sandbox import processes

MARK = "GITSYNC_SANDBOX_OF"
ROUNDS = 20


def end_marked(folder: str) -> None:
    """Kill every process of the sandbox in `folder` but this one."""
    for _ in range(ROUNDS):  # what forks while it is killed is found in the next round
        left = list(marked(folder))
        if not left:
            return
        for pid in left:
            processes.kill(pid, signal.SIGKILL)


def marked(folder: str) -> Iterator[int]:
    """The living processes with the mark of `folder`, without this one."""
    mark = f"{MARK}={folder}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            found = mark in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if found and processes.is_alive(int(entry.name)):
            yield int(entry.name)
