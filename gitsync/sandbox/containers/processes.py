"""Runs containers: starts `bwrap` in a pod's network, signals the program inside, waits for its end.

The shell around `specs`. A `bwrap` outside the container watches it and writes its exit code to a file of the run; a
thread waits for that one's end and tells the caller through a callback. Neither is tied to the caller: another process
can go on with a container it finds (`adopt`). All of them live in the sandbox's process namespace and die with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gitsync.sandbox import processes
from gitsync.sandbox.containers import specs
from gitsync.sandbox.containers.specs import ContainerSpec

MESSAGE_LIMIT = 4096
FALLBACK_LIMIT = 2048
FALLBACK_LINES = 80
SETUP_POLL_S = 0.002
SETUP_POLLS = 1000
START_FAILURE_CODE = 128  # what container runtimes report for a program that cannot be executed
LOST_CODE = 137  # as of a container that was killed: what the kubelet reports when nobody saw the end
STATUS = "status"


@dataclass(frozen=True, slots=True)
class End:
    """How a container ended: the exit code (128 + n for signal n), and why its program never ran if it did not.

    `lost`: nobody saw it end, the code is made up. `ended_at`: seconds since the epoch, where only a file tells.
    """

    exit_code: int
    failure: str = ""
    lost: bool = False
    ended_at: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for good: its id may be given again, not with the same start time (see `processes.start_time`)."""

    pid: int
    started: int

    def is_alive(self) -> bool:
        return processes.start_time(self.pid) == self.started and processes.is_alive(self.pid)


class Monitor(Protocol):
    """The process outside the container that waits for its end."""

    def wait(self) -> int | None:
        """Its exit code (negative for a signal), None when it is not to be had."""

    def is_alive(self) -> bool: ...


class Child:
    """A monitor that this process started."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child

    def wait(self) -> int | None:
        return self._child.wait()

    def is_alive(self) -> bool:
        return self._child.poll() is None


class Stranger:
    """A monitor that another process started."""

    def __init__(self, identity: Identity) -> None:
        self._descriptor: int | None = None
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(identity.pid)
            if identity.is_alive():
                self._descriptor = descriptor
            else:
                os.close(descriptor)

    def wait(self) -> int | None:
        self._ends_within(None)
        return None

    def is_alive(self) -> bool:
        return not self._ends_within(0)

    def _ends_within(self, milliseconds: int | None) -> bool:
        if self._descriptor is None:
            return True
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(milliseconds))


@dataclass(frozen=True, slots=True)
class Run:
    """All that it takes to go on with a container: its program, its monitor, its private folder, its log."""

    program: Identity
    monitor: Identity
    folder: Path
    log: Path
    environment: dict[str, str]


class Process:
    """One running container. `pid` is process 1 of the container as seen from here."""

    def __init__(self, run: Run, monitor: Monitor) -> None:
        self.run = run
        self.pid = run.program.pid
        self.log = run.log
        self._monitor = monitor
        self.out_of_memory = False

    def watch(self, ended: Callable[[End], None]) -> None:
        """Call `ended` once from a thread of its own."""
        threading.Thread(target=lambda: ended(self._wait()), name=f"wait-{self.pid}", daemon=True).start()

    def signal(self, number: int) -> None:
        """Signal the program; nothing happens when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            if self._monitor.is_alive():
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def entered(self, argv: list[str]) -> list[str]:
        """The command line that runs `argv` inside this container; waits until its root is complete."""
        self._await_program()
        namespaces = ["nsenter", "-t", str(self.pid), "-U", "--preserve-credentials", "-m", "-n", "-p", "-i", "-u"]
        return [*namespaces, "-r", "-w", *argv]

    def environment(self) -> dict[str, str]:
        return dict(self.run.environment)

    def termination_message(self, policy: str, exit_code: int) -> str:
        """What the program left for its status (Kubernetes documentation, "termination message")."""
        text = _read(self.run.folder / "termination-log", MESSAGE_LIMIT)
        if text or policy != "FallbackToLogsOnError" or exit_code == 0:
            return text
        return _tail(self.log)

    def _await_program(self) -> None:
        """bwrap tells the pid before it has made the mounts; its own name goes with the last of them."""
        for _ in range(SETUP_POLLS):
            try:
                if not os.readlink(f"/proc/{self.pid}/exe").endswith("/bwrap"):
                    return
            except OSError:
                return
            time.sleep(SETUP_POLL_S)

    def _wait(self) -> End:
        code = self._monitor.wait()
        status = self.run.folder / STATUS
        told = _exit_code(status)
        if told is not None:
            return End(told, ended_at=status.stat().st_mtime if code is None else None)
        if code == 1:
            return End(START_FAILURE_CODE, _tail(self.log).strip().rpartition("\n")[2] or "bwrap failed")
        # Without its monitor a container would run on unwatched.
        if self.run.program.is_alive():
            processes.kill(self.pid, signal.SIGKILL)
        return End(LOST_CODE, lost=True)


def start(spec: ContainerSpec, network: Path | None, log: Path) -> Process:
    """Start the container in the network namespace at `network` (None: the node's own). Raises OSError.

    The options go through a file descriptor, so that no secret of the environment shows in the process list.
    """
    _fill(spec)
    read, write = os.pipe()
    try:
        with (
            tempfile.TemporaryFile() as options,
            log.open("ab") as output,
            (spec.folder / STATUS).open("wb") as status,
        ):
            words = specs.options(spec, status.fileno(), write)
            options.write(b"".join(word.encode() + b"\0" for word in words))
            options.seek(0)
            enter = [] if network is None else ["nsenter", f"--net={network}"]
            child = subprocess.Popen(
                [*enter, "bwrap", "--args", str(options.fileno()), "--", *spec.argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(options.fileno(), status.fileno(), write),
                start_new_session=True,
            )
    except BaseException:
        os.close(read)
        raise
    finally:
        os.close(write)
    pid = program(read) or child.pid
    run = Run(identity(pid), identity(child.pid), spec.folder, log, dict(spec.environment))
    return Process(run, Child(child))


def adopt(run: Run) -> Process:
    """Go on with a container that another process started, be it running or ended."""
    return Process(run, Stranger(run.monitor))


def identity(pid: int) -> Identity:
    """The process that has this id now."""
    return Identity(pid, processes.start_time(pid) or 0)


def program(descriptor: int) -> int | None:
    """The program's pid in the document that bwrap writes; None when it ended before that."""
    with open(descriptor, "rb") as stream:
        document = stream.read()
    return int(json.loads(document)["child-pid"]) if document.strip() else None


def _exit_code(status: Path) -> int | None:
    """The exit code in what bwrap has written about a container, if it is there."""
    try:
        lines = status.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(json.loads(line)["exit-code"]) for line in lines if '"exit-code"' in line), None)


def _fill(spec: ContainerSpec) -> None:
    folder = spec.folder
    for name in ("tmp", "etc", "rw"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "tmp").chmod(0o1777)
    (folder / "termination-log").touch()
    for target in spec.image.scratch:
        specs.writable(folder, target).mkdir(parents=True, exist_ok=True)
    for copy in spec.image.copies:
        target_path = specs.writable(folder, copy.target)
        if copy.source.is_dir():
            shutil.copytree(copy.source, target_path, dirs_exist_ok=True)
        else:
            target_path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(copy.source, target_path)
    _write_accounts(spec)


def _write_accounts(spec: ContainerSpec) -> None:
    image, etc = spec.image, spec.folder / "etc"
    users = {0: ("root", 0, "/root"), image.uid: (image.user, image.gid, image.home)}
    users.setdefault(spec.uid, (f"user{spec.uid}", spec.gid, image.home))
    lines = [f"{name}:x:{uid}:{gid}::{home}:/bin/bash" for uid, (name, gid, home) in users.items()]
    (etc / "passwd").write_text("\n".join(lines) + "\n", encoding="utf-8")
    groups = {0: "root", image.gid: image.user}
    groups.setdefault(spec.gid, f"group{spec.gid}")
    (etc / "group").write_text("".join(f"{name}:x:{gid}:\n" for gid, name in groups.items()), encoding="utf-8")


def _read(file: Path, limit: int) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(limit).decode("utf-8", "replace").replace("\0", "")
    except OSError:
        return ""


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - FALLBACK_LIMIT))
            lines = stream.read().decode("utf-8", "replace").splitlines(keepends=True)
    except OSError:
        return ""
    return "".join(lines[-FALLBACK_LINES:])
