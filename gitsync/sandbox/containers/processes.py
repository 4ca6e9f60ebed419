"""Runs containers: starts `bwrap` in a pod's network, signals the program inside, waits for its end.

The shell around `specs`. A container is a child process whose end a thread of its own waits for; the
caller is told through a callback. Programs inside live in the sandbox's process namespace and die with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitsync.sandbox.containers import specs
from gitsync.sandbox.containers.specs import ContainerSpec

MESSAGE_LIMIT = 4096
FALLBACK_LIMIT = 2048
FALLBACK_LINES = 80
SETUP_POLL_S = 0.002
SETUP_POLLS = 1000
START_FAILURE_CODE = 128  # what container runtimes report for a program that cannot be executed


@dataclass(frozen=True, slots=True)
class End:
    """How a container ended: the exit code (128 + n for signal n), and why its program never ran if it did not."""

    exit_code: int
    failure: str = ""


class Process:
    """One running container. `pid` is process 1 of the container as seen from here."""

    def __init__(self, spec: ContainerSpec, log: Path, child: subprocess.Popen[bytes], status: int, pid: int) -> None:
        self.spec = spec
        self.log = log
        self.pid = pid
        self._child = child
        self._status = status
        self.out_of_memory = False

    def watch(self, ended: Callable[[End], None]) -> None:
        """Call `ended` once from a thread of its own."""
        threading.Thread(target=lambda: ended(self._wait()), name=f"wait-{self.pid}", daemon=True).start()

    def signal(self, number: int) -> None:
        """Signal the program; nothing happens when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            if self._child.poll() is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def entered(self, argv: list[str]) -> list[str]:
        """The command line that runs `argv` inside this container; waits until its root is complete."""
        self._await_program()
        namespaces = ["nsenter", "-t", str(self.pid), "-U", "--preserve-credentials", "-m", "-n", "-p", "-i", "-u"]
        return [*namespaces, "-r", "-w", *argv]

    def environment(self) -> dict[str, str]:
        return dict(self.spec.environment)

    def termination_message(self, policy: str, exit_code: int) -> str:
        """What the program left for its status (Kubernetes documentation, "termination message")."""
        text = _read(self.spec.folder / "termination-log", MESSAGE_LIMIT)
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
        code = self._child.wait()
        with open(self._status, "rb") as status:
            executed = b'"exit-code"' in status.read()
        if not executed and code == 1:
            return End(START_FAILURE_CODE, _tail(self.log).strip().rpartition("\n")[2] or "bwrap failed")
        return End(code if code >= 0 else 128 - code)


def start(spec: ContainerSpec, network: Path | None, log: Path) -> Process:
    """Start the container in the network namespace at `network` (None: the node's own). Raises OSError.

    The options go through a file descriptor, so that no secret of the environment shows in the process list.
    """
    _fill(spec)
    read, write = os.pipe()
    try:
        with tempfile.TemporaryFile() as options, log.open("ab") as output:
            options.write(b"".join(word.encode() + b"\0" for word in specs.options(spec, write)))
            options.seek(0)
            enter = [] if network is None else ["nsenter", f"--net={network}"]
            child = subprocess.Popen(
                [*enter, "bwrap", "--args", str(options.fileno()), "--", *spec.argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(options.fileno(), write),
                start_new_session=True,
            )
    except BaseException:
        os.close(read)
        raise
    finally:
        os.close(write)
    return Process(spec, log, child, read, _child_pid(read, child))


def _child_pid(status: int, child: subprocess.Popen[bytes]) -> int:
    """The pid in the first line bwrap reports; its own when it ended before that line."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(status, 1)
        if not byte:
            return child.pid
        line += byte
    return int(json.loads(line)["child-pid"])


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
