"""The supervisor's grip on the namespaces: makes them, sends messages to the first process in them, hears its.

The socket between the two is the namespaces' lifeline: closed, by whatever death, it ends everything inside.
Knows no component and no order; those are the supervisor's.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

from gitsync.sandbox import errors, namespaces
from gitsync.sandbox.components import Component
from operator_core.jsonvalues import Object

CREDENTIALS = struct.Struct("3i")  # unix(7): pid, uid, gid, translated into the receiver's namespaces


class Outer:
    """`inner` as the first process of what `wrapping` (the start of its command line) makes around it."""

    def __init__(self, wrapping: list[str], listener: socket.socket) -> None:
        self._listener = listener
        self._buffer = b""
        self._pending: deque[Object] = deque()
        self.child = 0
        control, inside = socket.socketpair()
        self._control = control
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        command = [*wrapping, sys.executable, "-m", "gitsync.sandbox.inner"]
        command += [str(inside.fileno()), str(listener.fileno())]
        with inside:
            self.process = subprocess.Popen(
                command,
                env=namespaces.environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=(inside.fileno(), listener.fileno()),
            )
        self._await("ready")

    def fileno(self) -> int:
        """For selectors: readable when the inside has something to say."""
        return self._control.fileno()

    def run(self, argv: list[str]) -> None:
        """Run a short command inside. Raises SandboxError with its words when it fails."""
        self._send({"run": argv})
        answer = self._await("ran")
        if answer["ran"] != 0:
            raise errors.SandboxError(f"`{' '.join(argv)}` failed in the sandbox's namespaces: {answer['output']}")

    def start(self, component: Component, log: Path) -> int:
        """Start a component inside; its process id as seen there."""
        outside = self._listener.fileno() if component.outside else None
        self._send({"start": component.name, "argv": list(component.argv), "log": str(log), "outside": outside})
        pid = self._await("started")["pid"]
        assert isinstance(pid, int)
        return pid

    def signal(self, pid: int, number: int) -> None:
        """Signal a component by its process id inside."""
        self._send({"signal": number, "pid": pid})

    def receive(self) -> list[Object]:
        """What was reported since the last call; waits only when nothing was. Raises SandboxError at the end."""
        if not self._pending:
            self._read()
        messages = list(self._pending)
        self._pending.clear()
        return messages

    def close(self) -> None:
        """End everything inside and wait until it is gone."""
        self._control.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _send(self, message: Object) -> None:
        try:
            self._control.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise errors.SandboxError("the sandbox's namespaces ended unexpectedly") from error

    def _await(self, kind: str) -> Object:
        skipped: list[Object] = []
        while True:
            while self._pending:
                message = self._pending.popleft()
                if kind in message:
                    self._pending.extendleft(reversed(skipped))
                    return message
                skipped.append(message)
            self._read()

    def _read(self) -> None:
        chunk, ancillary, _, _ = self._control.recvmsg(65536, socket.CMSG_SPACE(CREDENTIALS.size))
        if not chunk:
            raise errors.SandboxError("the sandbox's namespaces ended unexpectedly; see logs/supervisor.log")
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS and not self.child:
                self.child = CREDENTIALS.unpack(data[: CREDENTIALS.size])[0]
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        self._pending.extend(json.loads(line) for line in lines)


class Wakeup:
    """Waits on a sandbox, on signals to end and on a pipe whose closing means the same."""

    def __init__(self, lifeline: int | None) -> None:
        self._selector = selectors.DefaultSelector()
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        self.ending = False
        signal.set_wakeup_fd(write)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._end)
        self._selector.register(self._read, selectors.EVENT_READ, self._drain)
        if lifeline is not None:
            self._selector.register(lifeline, selectors.EVENT_READ, lambda: self._feel(lifeline))

    def watch(self, outer: Outer, heard: Callable[[], None]) -> None:
        """Call `heard` whenever `outer` has something to say."""
        self._selector.register(outer, selectors.EVENT_READ, heard)

    def forget(self, outer: Outer) -> None:
        """Stop listening to `outer`."""
        self._selector.unregister(outer)

    def wait(self, seconds: float | None) -> None:
        """Return after something happened or the time has passed."""
        for key, _ in self._selector.select(seconds):
            key.data()

    def _end(self, *_: object) -> None:
        self.ending = True

    def _drain(self) -> None:
        os.read(self._read, 4096)

    def _feel(self, lifeline: int) -> None:
        if not os.read(lifeline, 4096):
            self.ending = True
            self._selector.unregister(lifeline)
