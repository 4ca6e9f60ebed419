"""Carries connections where no kernel rule can: from Services to pods, and from the API server to pods and nodes.

Each port of a Service is a listening socket on its loopback address; a connection goes to one of the endpoints, or is
closed when there is none. The API server asks for its ways over a socket file with HTTP CONNECT (its egress
selector), and gets them at the addresses this machine has for the cluster's.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from gitsync.sandbox import isolation, relay
from gitsync.sandbox.kubelet import servicerules
from gitsync.sandbox.kubelet.servicerules import Port
from operator_core.jsonvalues import Object

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
HEAD_LIMIT = 8192
Key = tuple[str, int]


class Ways:
    """The listening sockets of all Services, TCP only."""

    def __init__(self) -> None:
        self._listeners: dict[Key, socket.socket] = {}
        self._ports: dict[Key, Port] = {}
        self._refused: set[Key] = set()

    def apply(self, services: list[Object], slices: list[Object], claimed: Collection[int]) -> bool:
        """Open and close what changed. A port that the machine refuses is told once; it is tried at every change.

        The ports `claimed` are left to the programs that may bind all addresses, and so answer at a Service's too.
        """
        wanted = {
            (isolation.rewritten(port.address), port.number): port
            for port in servicerules.ports_of(services, slices)
            if port.protocol == "tcp" and port.number not in claimed
        }
        self._ports = wanted
        for key in set(self._listeners) - set(wanted):
            listener = self._listeners.pop(key)
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()
        for key in set(wanted) - set(self._listeners):
            self._open(key)
        return True

    def _open(self, key: Key) -> None:
        try:
            listener = socket.create_server(key)
        except OSError as error:
            if key not in self._refused:
                log.warning("the Service at %s port %d cannot be had: %s", *key, error.strerror)
            self._refused.add(key)
            return
        self._refused.discard(key)
        self._listeners[key] = listener
        threading.Thread(target=self._serve, args=(key, listener), name=f"service-{key[0]}", daemon=True).start()

    def _serve(self, key: Key, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._lead, args=(key, client), daemon=True).start()

    def _lead(self, key: Key, client: socket.socket) -> None:
        port = self._ports.get(key)
        endpoints = port.endpoints if port else ()
        for address, number in random.sample(endpoints, len(endpoints)):
            try:
                inside = socket.create_connection((isolation.rewritten(address), number), CONNECT_TIMEOUT_S)
            except OSError:
                continue
            relay.carry(client, inside)
            return
        client.close()


def lead_api_server(place: Path, real: Callable[[str], str]) -> None:
    """Serve HTTP CONNECT at the socket file `place`, which its owner alone may use, in a thread."""
    place.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    place.chmod(0o600)
    listener.listen(128)

    def serve() -> None:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_connect, args=(client, real), daemon=True).start()

    threading.Thread(target=serve, name="api-server-ways", daemon=True).start()


def _connect(client: socket.socket, real: Callable[[str], str]) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        chunk = client.recv(1) if len(head) < HEAD_LIMIT else b""  # what follows the head is the other end's
        if not chunk:
            client.close()
            return
        head += chunk
    words = head.split(b"\r\n")[0].decode("latin-1").split()
    try:
        address, _, port = words[1].rpartition(":")
        inside = socket.create_connection((real(address), int(port)), CONNECT_TIMEOUT_S)
    except (OSError, ValueError, IndexError) as error:
        client.sendall(f"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nX-Reason: {error}\r\n\r\n".encode())
        client.close()
        return
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    relay.carry(client, inside)
