"""The kubelet's HTTPS endpoint: container logs and commands, asked for by the API server on behalf of kubectl.

Shell: the kubelet's own paths and parameters (`/containerLogs/NS/POD/CONTAINER` with previous and what `podlogs`
knows, `/exec/NS/POD/CONTAINER` with command, input, output, error and tty). Which file or process is meant is the
caller's answer.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from gitsync.sandbox.containers.processes import Process
from gitsync.sandbox.kubelet import execs, podlogs, websockets
from gitsync.sandbox.kubelet.execs import Command
from gitsync.sandbox.kubelet.podlogs import LogFile

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pods:
    """namespace, pod, container (and for logs: previous) → the log, the running process."""

    log: Callable[[str, str, str, bool], LogFile | None]
    process: Callable[[str, str, str], Process | None]


class PodServer:
    """Answers until the process ends."""

    def __init__(self, address: tuple[str, int], certificate: tuple[Path, Path], pods: Pods) -> None:
        class Handler(_Handler):
            known = pods

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: object, client_address: object) -> None:
                log.debug("a reader of logs went away", exc_info=True)

        self._server = Server(address, Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="pod-server", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    known: Pods

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        query = parse_qs(url.query)
        match parts:
            case ["healthz"]:
                self._answer(200, b"ok")
            case ["containerLogs", namespace, pod, container]:
                self._logs((namespace, pod, container), {key: values[-1] for key, values in query.items()})
            case ["exec", namespace, pod, container]:
                self._exec((namespace, pod, container), query)
            case _:
                self._answer(404, b"the sandbox's kubelet serves logs and commands only\n")

    def _logs(self, names: tuple[str, str, str], query: dict[str, str]) -> None:
        found = self.known.log(*names, query.get("previous") == "true")
        if found is None:
            which = "previous terminated container" if query.get("previous") == "true" else "container"
            self._answer(400, f"{which} {names[2]!r} in pod {names[1]!r} has no log\n".encode())
            return
        try:
            wanted = podlogs.wanted(query, datetime.now(UTC))
        except ValueError as error:
            self._answer(400, f"{error}\n".encode())
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in podlogs.pieces(found, wanted):
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _exec(self, names: tuple[str, str, str], query: dict[str, list[str]]) -> None:
        process = self.known.process(*names)
        if process is None:
            self._answer(404, f"container {names[2]!r} in pod {names[1]!r} is not running\n".encode())
            return
        offered = self.headers.get("Sec-WebSocket-Protocol", "")
        if execs.PROTOCOL not in [word.strip() for word in offered.split(",")]:
            self._answer(400, f"commands need a WebSocket with the protocol {execs.PROTOCOL}\n".encode())
            return
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", websockets.accept_key(self.headers.get("Sec-WebSocket-Key", "")))
        self.send_header("Sec-WebSocket-Protocol", execs.PROTOCOL)
        self.end_headers()
        self.close_connection = True

        def is_set(name: str) -> bool:
            return query.get(name, [""])[-1] in ("1", "true")

        command = Command(tuple(query.get("command", [])), is_set("input"), is_set("tty"))
        execs.serve(command, process, self.rfile.read, self._write)

    def _write(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)
