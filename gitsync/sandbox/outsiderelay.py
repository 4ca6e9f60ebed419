"""Carries connections from the host's loopback to the API server inside, where that one cannot take them itself.

Runs inside the sandbox's namespaces with the host's listening socket as descriptor 3, until it is ended.
"""

from __future__ import annotations

import socket
import sys
import threading

from gitsync.sandbox import components, relay
from gitsync.sandbox import layout as layouts

CONNECT_TIMEOUT_S = 5.0


def main() -> None:
    """Accept for ever."""
    listener = socket.socket(fileno=components.OUTSIDE_FD)
    listener.setblocking(True)
    while True:
        outside, _ = listener.accept()
        threading.Thread(target=_carry, args=(outside,), daemon=True).start()


def _carry(outside: socket.socket) -> None:
    try:
        inside = socket.create_connection((layouts.BRIDGE_ADDRESS, layouts.API_PORT), timeout=CONNECT_TIMEOUT_S)
    except OSError as error:
        print(f"the API server cannot be reached: {error}", file=sys.stderr, flush=True)
        outside.close()
        return
    relay.carry(outside, inside)


if __name__ == "__main__":
    main()
