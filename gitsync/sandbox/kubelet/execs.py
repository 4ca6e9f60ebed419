"""`kubectl exec`: a command inside a running container, its streams carried over one WebSocket.

Shell. Speaks the remote command protocol `v5.channel.k8s.io`: the first byte of a message is its channel (0 stdin,
1 stdout, 2 stderr, 3 status as JSON, 4 terminal size, 255 end of a stream). The API server passes it through because
the node declares the feature ExtendWebSocketsToKubelet.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Callable
from dataclasses import dataclass

from gitsync.sandbox.containers.processes import Process
from gitsync.sandbox.kubelet import websockets
from operator_core.jsonvalues import Object

PROTOCOL = "v5.channel.k8s.io"
STDIN, STDOUT, STDERR, STATUS, RESIZE, END = 0, 1, 2, 3, 4, 255
CHUNK = 1 << 15


@dataclass(frozen=True, slots=True)
class Command:
    """What to run; `terminal` joins all streams in a pseudo-terminal."""

    argv: tuple[str, ...]
    stdin: bool
    terminal: bool


def serve(command: Command, process: Process, read: websockets.Read, write: Callable[[bytes], None]) -> None:
    """Run the command to its end, or until the connection breaks; then it is killed."""
    lock = threading.Lock()

    def send(channel: int, data: bytes) -> None:
        with lock, contextlib.suppress(OSError):
            write(websockets.frame(websockets.BINARY, bytes([channel]) + data))

    session = _Session(command, process)
    pumps = [
        threading.Thread(target=_pump, args=(fd, channel, send), daemon=True) for fd, channel in session.outputs.items()
    ]
    for pump in pumps:
        pump.start()
    threading.Thread(target=_listen, args=(session, read), daemon=True).start()
    code = session.child.wait()
    for pump in pumps:
        pump.join(5)
    send(STATUS, json.dumps(status(code)).encode())
    with lock, contextlib.suppress(OSError):
        write(websockets.frame(websockets.CLOSE, struct.pack("!H", 1000)))
    session.close()


def status(code: int) -> Object:
    """The Status object of an exit code (a negative one is a signal's)."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    number = code if code > 0 else 128 - code
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: {number}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(number)}]},
    }


class _Session:
    """The child and its descriptors; `outputs` maps those to read to their channels."""

    def __init__(self, command: Command, process: Process) -> None:
        argv, environment = process.entered(list(command.argv)), process.environment()
        if command.terminal:
            master, slave = pty.openpty()
            environment.setdefault("TERM", "xterm")
            self.child = subprocess.Popen(
                ["setsid", "--ctty", "--wait", *argv], stdin=slave, stdout=slave, stderr=slave, env=environment
            )
            os.close(slave)
            self.outputs = {master: STDOUT}
            self._stdin: int | None = master
        else:
            source = subprocess.PIPE if command.stdin else subprocess.DEVNULL
            self.child = subprocess.Popen(
                argv, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
            )
            assert self.child.stdout is not None and self.child.stderr is not None
            self.outputs = {self.child.stdout.fileno(): STDOUT, self.child.stderr.fileno(): STDERR}
            self._stdin = self.child.stdin.fileno() if self.child.stdin else None
        self._terminal = command.terminal

    def feed(self, data: bytes) -> None:
        if self._stdin is not None:
            with contextlib.suppress(OSError):
                os.write(self._stdin, data)

    def end_input(self) -> None:
        """Close the command's standard input; a terminal gets Ctrl-D."""
        if self._terminal:
            self.feed(b"\x04")
        elif self.child.stdin is not None:
            self._stdin = None
            with contextlib.suppress(OSError):
                self.child.stdin.close()

    def resize(self, width: int, height: int) -> None:
        if self._terminal and self._stdin is not None:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._stdin, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def close(self) -> None:
        self.end_input()
        if self._terminal:
            for descriptor in self.outputs:
                os.close(descriptor)
            return
        for stream in (self.child.stdout, self.child.stderr):
            if stream is not None:
                stream.close()


def _pump(descriptor: int, channel: int, send: Callable[[int, bytes], None]) -> None:
    while True:
        try:
            data = os.read(descriptor, CHUNK)
        except OSError:
            return  # a terminal's way of saying that its other end is closed
        if not data:
            return
        send(channel, data)


def _listen(session: _Session, read: websockets.Read) -> None:
    while True:
        try:
            opcode, payload = websockets.message(read)
        except (OSError, EOFError, ValueError):
            opcode, payload = websockets.CLOSE, b""
        if opcode == websockets.CLOSE:
            session.child.kill()
            return
        if opcode not in (websockets.BINARY, websockets.TEXT) or not payload:
            continue
        channel, data = payload[0], payload[1:]
        if channel == STDIN:
            session.feed(data)
        elif channel == END and data[:1] == bytes([STDIN]):
            session.end_input()
        elif channel == RESIZE:
            with contextlib.suppress(ValueError, KeyError):
                size = json.loads(data)
                session.resize(int(size["Width"]), int(size["Height"]))
