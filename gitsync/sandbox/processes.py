"""Looks at processes and their logs through /proc; signals those that may be gone already."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists and is not just waiting to be collected."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[:1] != [b"Z"]


def start_time(pid: int) -> int | None:
    """When a process started, in ticks since the machine's boot; with the id it names one process. None: it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return int(stat.rpartition(b")")[2].split()[19])


def parent(pid: int) -> int:
    """The id of a process's parent; 0 when the process is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return int(stat.rpartition(b")")[2].split()[1])


def tree(pid: int) -> Iterator[int]:
    """A process and all its descendants, parents first."""
    yield pid
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        try:
            children = Path(f"/proc/{pid}/task/{thread}/children").read_text(encoding="ascii").split()
        except OSError:
            continue
        for child in children:
            yield from tree(int(child))


def kill(pid: int, signal: int) -> None:
    """Signal a process that may be gone already."""
    try:
        os.kill(pid, signal)
    except ProcessLookupError:
        return


def host_pid(parent: int, inside: int) -> int:
    """The id, as seen here, of `parent`'s child whose id in its own namespace is `inside`; 0 when it is gone."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = dict(
                line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line
            )
        except OSError:
            continue
        if fields.get("PPid") == str(parent) and fields.get("NSpid", "").split()[-1:] == [str(inside)]:
            return int(folder.name)
    return 0


def last_line(log: Path) -> str:
    """The last line of a log that says something, shortened; a stand-in when there is none."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 8192))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    return lines[-1][:300] if lines else "it left no word"
