"""Serves the cluster's names on the bridge's address, over UDP and TCP.

Shell around `dnsmessages` and `dnsnames`; reads the caches at every question, so an answer is as fresh as the watch.
"""

from __future__ import annotations

import logging
import socketserver
import struct
import threading
from collections.abc import Callable

from gitsync.sandbox.kubelet import dnsmessages, dnsnames
from operator_core.jsonvalues import Object

log = logging.getLogger(__name__)

PORT = 53
TCP_LIMIT = 65000
Listing = Callable[[], list[Object]]


class DnsServer:
    """Two threads, until the process ends."""

    def __init__(self, address: str, services: Listing, slices: Listing) -> None:
        def reply(message: bytes, limit: int) -> bytes | None:
            try:
                question = dnsmessages.parse(message)
                records = dnsnames.lookup(question.name, question.kind, services(), slices())
            except ValueError:
                return None
            code = dnsmessages.NAME_ERROR if records is None else dnsmessages.NO_ERROR
            return dnsmessages.answer(question, code, records or (), limit=limit)

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                message, sock = self.request
                if answer := reply(message, 512):
                    sock.sendto(answer, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            timeout = 5

            def handle(self) -> None:
                while len(size := self.rfile.read(2)) == 2:
                    answer = reply(self.rfile.read(struct.unpack("!H", size)[0]), TCP_LIMIT)
                    if answer is None:
                        return
                    self.wfile.write(struct.pack("!H", len(answer)) + answer)

        class TcpServer(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._servers = (socketserver.UDPServer((address, PORT), Udp), TcpServer((address, PORT), Tcp))

    def start(self) -> None:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, name="dns", daemon=True).start()
