"""The first process inside the sandbox's namespaces: a hand that the supervisor outside moves.

It runs commands, starts processes with their logs, passes signals on, collects what ends and reports it, all
over one inherited socket with a line of JSON per message. When that socket closes, for whatever reason, it
exits, and the kernel ends every other process of the namespace with it: nothing can outlive the supervisor.
It decides nothing.

From outside: {"run": [argv]} · {"start": name, "argv": [...], "log": path, "outside": fd or null} ·
{"signal": number, "pid": pid}. To outside: {"ran": code, "output": text} · {"started": name, "pid": pid} ·
{"exited": name, "code": code}; `pid` as seen inside, `code` negative for a signal.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys

from gitsync.sandbox import components
from operator_core.jsonvalues import Object

CANNOT_START = 127  # as a shell says it


class Inner:
    """The loop: one socket to obey, one descriptor that tells of ended children."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._buffer = b""
        self._names: dict[int, str] = {}

    def serve(self) -> None:
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.report({"ready": True})
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(wake_read, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == wake_read:
                        os.read(wake_read, 4096)
                    elif not self._receive():
                        return
                self._collect()

    def report(self, message: Object) -> None:
        self._control.sendall(json.dumps(message).encode() + b"\n")

    def _receive(self) -> bool:
        chunk = self._control.recv(65536)
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        return bool(chunk)

    def _obey(self, message: Object) -> None:
        match message:
            case {"run": argv}:
                code, output = run(argv)
                self.report({"ran": code, "output": output})
            case {"start": name, "argv": argv, "log": log, "outside": outside}:
                self._start(name, argv, log, outside)
            case {"signal": number, "pid": pid} if pid in self._names:
                os.kill(pid, number)

    def _start(self, name: str, argv: list[str], log: str, outside: int | None) -> None:
        try:
            pid = start(argv, log, outside)
        except OSError as error:
            with open(log, "a", encoding="utf-8") as file:
                file.write(f"{argv[0]} cannot be started: {error}\n")
            self.report({"started": name, "pid": 0})
            self.report({"exited": name, "code": CANNOT_START})
            return
        self._names[pid] = name
        self.report({"started": name, "pid": pid})

    def _collect(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            name = self._names.pop(pid, None)
            if name is not None:
                self.report({"exited": name, "code": os.waitstatus_to_exitcode(status)})


def run(argv: list[str]) -> tuple[int, str]:
    """Run a short command to its end; its exit code and what it said."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.returncode, (done.stderr + done.stdout).strip()


def start(argv: list[str], log: str, outside: int | None) -> int:
    """Start a process in a session of its own that appends to `log`; `outside` becomes its descriptor 3."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions: list[tuple[object, ...]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, flags, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    if outside is not None:
        actions.append((os.POSIX_SPAWN_DUP2, outside, components.OUTSIDE_FD))
    defaults = [signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD]
    return os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setsid=True, setsigdef=defaults)


def main() -> None:
    """Serve the socket whose descriptor is the first argument; the others are kept for processes to come."""
    descriptors = [int(argument) for argument in sys.argv[1:]]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    # A terminal's Ctrl-C is the supervisor's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=descriptors[0]) as control:
        try:
            Inner(control).serve()
        except (BrokenPipeError, ConnectionResetError):
            return


if __name__ == "__main__":
    main()
