"""Which process this is, in a form that another process of the same machine can check.

`host_boot.space.pid.start`: the host's name, the machine's boot, the process id namespace, the process id and
the moment it began in clock ticks, because ids are used again; in a container of a pod `.pod.container` follow.
From elsewhere nobody can tell whether such a process still runs, and nothing is claimed then. On systems without
/proc only the id is compared.

A container that was started again has other process ids, but one thing is certain there: a kubelet runs one
container of a pod under one name at a time, and the kernel ends a process id namespace with its first process.
"""

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_STATE, _START = 0, 19
"""Fields of /proc/PID/stat after the command, as in proc(5)."""
_ENDED = ("Z", "X")
_FIRST = 1
_CONTAINER = re.compile(r"/pods/(?P<pod>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/containers/(?P<name>[a-z0-9-]+)/")
"""Where a kubelet keeps what it mounts for the termination message of one container of one pod."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process of one machine."""

    host: str
    boot: str
    space: str
    pid: int
    start: str
    container: str = ""
    """`<uid of the pod>.<name of the container>`; empty outside of pods."""

    def __str__(self) -> str:
        place = f".{self.container}" if self.container else ""
        return f"{self.host}_{self.boot}.{self.space}.{self.pid}.{self.start}{place}"

    @property
    def shown(self) -> str:
        """For people."""
        return f"{self.host} (process {self.pid})"


def parse(text: str) -> Process | None:
    """The process behind a text that `str` made; None for any other."""
    host, _, rest = text.rpartition("_")
    parts = rest.split(".")
    if not host or len(parts) not in (4, 6) or not parts[2].isdigit():
        return None
    return Process(host, parts[0], parts[1], int(parts[2]), parts[3], ".".join(parts[4:]))


def this() -> Process:
    """The process that asks."""
    pid = os.getpid()
    return Process(socket.gethostname(), _boot(), _space(), pid, _start(pid) or "0", container_of(_mounts()))


def is_gone(other: Process, me: Process) -> bool:
    """Whether `other` is certain not to run any more: it was of this machine, and is not there."""
    if _is_former_run(other, me):
        return True
    if (other.host, other.boot, other.space) != (me.host, me.boot, me.space):
        return False
    if _PROC.joinpath("self").exists():
        return _start(other.pid) != other.start
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _is_former_run(other: Process, me: Process) -> bool:
    """Whether `other` was the first process of the container that was started again with `me` in its place."""
    same = bool(me.container) and (other.container, other.boot) == (me.container, me.boot)
    return same and other.space != me.space and other.pid == me.pid == _FIRST


def container_of(mounts: str) -> str:
    """The pod and the container that a text like /proc/self/mountinfo belongs to; empty outside of pods."""
    found = {(match["pod"], match["name"]) for match in _CONTAINER.finditer(mounts)}
    return ".".join(found.pop()) if len(found) == 1 else ""


def _mounts() -> str:
    try:
        return _PROC.joinpath("self/mountinfo").read_text()
    except OSError:
        return ""


def _start(pid: int) -> str | None:
    """When a running process began; None when there is none."""
    try:
        text = _PROC.joinpath(str(pid), "stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[_STATE] in _ENDED else fields[_START]


def _boot() -> str:
    try:
        return _PROC.joinpath("sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return "0"


def _space() -> str:
    try:
        return _PROC.joinpath("self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return "0"
