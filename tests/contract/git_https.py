"""A Git server over TLS on loopback: `git http-backend` behind a certificate, with faults on demand."""

import base64
import contextlib
import gzip
import os
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme


@dataclass
class Behaviour:
    """What the server does beside serving; changed by tests while it runs."""

    root: Path
    user: str = ""
    password: str = ""
    bearer: str = ""
    read_only: bool = False
    status: int = 0
    fails_for: bytes = b""
    """Requests whose body has these bytes are answered with 500."""
    retry_after: str = ""
    redirect_to: str = ""
    hang: threading.Event | None = None
    requests: list[str] = field(default_factory=list)
    filtered: int = 0
    """Fetches that asked to have contents left out."""
    authorizations: list[str] = field(default_factory=list)


class GitServer:
    """Serves every bare repository below a directory as https://localhost:<port>/<name>."""

    def __init__(self, root: Path, certificates: Path, *, only_with_certificate: bool = False) -> None:
        self.behaviour = Behaviour(root)
        authority = trustme.CA()
        self.ca_file = certificates / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        client = authority.issue_cert("robot@example.org")
        self.client_certificate = "".join(part.bytes().decode() for part in client.cert_chain_pems)
        self.client_key = client.private_key_pem.bytes().decode()
        if only_with_certificate:
            authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        behaviour = self.behaviour

        class Handler(_Handler):
            server_behaviour = behaviour

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.tls = context
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, name: str, user: str = "") -> str:
        return f"https://{user}localhost:{self.port}/{name}"

    def __enter__(self) -> "GitServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.behaviour.hang is not None:
            self.behaviour.hang.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    tls: ssl.SSLContext

    def process_request_thread(self, request, client_address):  # type: ignore[no-untyped-def]
        # The handshake belongs to the thread of the connection, or one bad client stops the server.
        try:
            request = self.tls.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError):
            request.close()
            return
        super().process_request_thread(request, client_address)

    def shutdown_request(self, request):  # type: ignore[no-untyped-def]
        # GnuTLS counts a connection that ends without a goodbye as a failed one.
        with contextlib.suppress(OSError, ValueError):
            request.settimeout(2)
            request.unwrap()
        super().shutdown_request(request)

    def handle_error(self, request, client_address):  # type: ignore[no-untyped-def]
        """Clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server_behaviour: Behaviour

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self._body())

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _refusal(self, path: str, query: str) -> int:
        behaviour = self.server_behaviour
        given = self.headers.get("Authorization", "")
        if given:
            behaviour.authorizations.append(given)
        wanted = base64.b64encode(f"{behaviour.user}:{behaviour.password}".encode()).decode()
        if behaviour.bearer and given != f"Bearer {behaviour.bearer}":
            return 401
        if behaviour.user and given != f"Basic {wanted}":
            return 401
        if behaviour.read_only and "git-receive-pack" in path + query:
            return 403
        return behaviour.status

    def _serve(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        behaviour = self.server_behaviour
        behaviour.requests.append(f"{self.command} {self.path}")
        if behaviour.hang is not None:
            behaviour.hang.wait(60)
        plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        behaviour.filtered += b"filter blob:none" in plain
        refusal = self._refusal(path, query)
        if behaviour.fails_for and behaviour.fails_for in plain:
            refusal = 500
        if behaviour.redirect_to:
            self.send_response(302)
            self.send_header("Location", behaviour.redirect_to + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif refusal:
            self.send_response(refusal)
            if refusal == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
            if behaviour.retry_after:
                self.send_header("Retry-After", behaviour.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._backend(path, query, body)

    def _backend(self, path: str, query: str, body: bytes) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.receivepack",
            "GIT_CONFIG_VALUE_0": "true",
            "GIT_PROJECT_ROOT": str(self.server_behaviour.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [line.partition(": ")[::2] for line in head.decode().splitlines()]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        self.send_response(status)
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
