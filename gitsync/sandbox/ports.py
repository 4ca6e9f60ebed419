"""Listening sockets on the host's loopback that outlive their port's number being forgotten.

A sandbox keeps its port between `down` and `up` when nobody took it, so that a kubeconfig stays valid; the
first choice follows from its folder, so that sandboxes side by side rarely meet. The range lies below the
kernel's ephemeral ports (32768 up), which any outgoing connection may occupy.
"""

from __future__ import annotations

import socket
import zlib

from gitsync.sandbox import errors

FIRST, COUNT = 20000, 10000


def first_choice(name: str) -> int:
    """The port that the sandbox in folder `name` tries first."""
    return FIRST + zlib.crc32(name.encode()) % COUNT


def listen(preferred: int | None, start: int) -> socket.socket:
    """Listen on 127.0.0.1 at `preferred`, else at the first free port from `start` on, round the whole range."""
    candidates = [preferred] if preferred is not None else []
    candidates += [FIRST + (start - FIRST + step) % COUNT for step in range(COUNT)]
    for port in candidates:
        try:
            return socket.create_server(("127.0.0.1", port), backlog=1024)
        except OSError:
            continue
    raise errors.SandboxError(f"no port from {FIRST} to {FIRST + COUNT - 1} is free on 127.0.0.1")


def listen_at(port: int) -> socket.socket:
    """Listen on 127.0.0.1 at exactly `port`, 0 for any. Raises OSError."""
    return socket.create_server(("127.0.0.1", port), backlog=128)
