"""The half of `forward` that runs inside a sandbox: accepts outside, connects inside, copies both ways.

The target is looked up anew for each connection, so a pod that was replaced is found. Ends when its standard
input closes.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from gitsync.sandbox import destinations, isolation
from gitsync.sandbox.access import Access, Unanswered
from gitsync.sandbox.forwarding import Target

CONNECT_TIMEOUT_S = 5.0
CHUNK = 65536
Real = Callable[[str], str]
"""Where a cluster's address is reached from here."""


def serve(access: Access, listener: socket.socket, target: Target, real: Real) -> None:
    """Accept for ever, one thread per direction of a connection."""
    while True:
        outside, _ = listener.accept()
        threading.Thread(target=_connect, args=(access, outside, target, real), daemon=True).start()


def _connect(access: Access, outside: socket.socket, target: Target, real: Real) -> None:
    try:
        address, port = destinations.find(access, target)
        inside = socket.create_connection((real(address), port), timeout=CONNECT_TIMEOUT_S)
    except (destinations.NoDestination, Unanswered, OSError) as error:
        print(f"{target.kind}/{target.name}: {error}", file=sys.stderr, flush=True)
        outside.close()
        return
    carry(outside, inside)


def carry(outside: socket.socket, inside: socket.socket) -> None:
    """Copy both ways until both are at their end."""
    inside.settimeout(None)
    threading.Thread(target=_copy, args=(outside, inside), daemon=True).start()
    _copy(inside, outside)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for each in (source, sink):
            each.close()


def main() -> None:
    """Arguments: kubeconfig, descriptor of the listening socket, kind, namespace, name, remote port, isolation."""
    kubeconfig, descriptor, kind, namespace, name, remote, way = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the command outside, which closes the pipe
    target = Target(kind, namespace, name, remote, 0)
    listener = socket.socket(fileno=int(descriptor))
    real = isolation.named(way).real
    threading.Thread(target=serve, args=(Access(Path(kubeconfig)), listener, target, real), daemon=True).start()
    while os.read(sys.stdin.fileno(), CHUNK):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
