"""Where jars come from: https with limits and checked addresses, files below one directory."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from operator_core.flink.jarsources import JarSources, JarUnavailable, Policy, copy_local

OPEN = Policy(restricted_hosts=False)


class Server:
    """A repository over https on loopback; `asked` are path and authorization of each request."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.asked: list[tuple[str, str | None]] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.path, self.headers.get("X-Token")))
                server.answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("repo.example.com", "other.example.com").configure_cert(context)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.authority = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    def url(self, path: str, host: str = "repo.example.com") -> str:
        return f"https://{host}:{self.port}{path}"

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        path, body = handler.path.partition("?")[0], b""
        redirects = {
            "/moved": self.url("/job.jar"),
            "/elsewhere": self.url("/job.jar", "other.example.com"),
            "/plain": "http://repo.example.com/job.jar",
            "/again": self.url("/again"),
            "/inside": f"https://169.254.169.254:{self.port}/meta",
        }
        if path in redirects:
            handler.send_response(302)
            handler.send_header("Location", redirects[path])
        elif path == "/job.jar":
            handler.send_response(200)
            body = b"PK" * 500
        else:
            handler.send_response(404)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.close()


@pytest.fixture
def sources(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[JarSources]:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    sources = JarSources(resolve=lambda host, port: (host if host[0].isdigit() else "127.0.0.1",))
    yield sources
    sources.close()


def test_a_jar_comes_over_https_with_headers_and_over_redirects(
    sources: JarSources, server: Server, tmp_path: Path
) -> None:
    target = tmp_path / "job.jar"
    for path in ("/job.jar", "/moved", "/elsewhere"):
        sources.fetch(server.url(path), target, Policy(restricted_hosts=False, headers={"X-Token": "secret"}))
        assert target.read_bytes() == b"PK" * 500
    assert [token for path, token in server.asked if path == "/job.jar"] == ["secret", "secret", None]


@pytest.mark.parametrize(
    ("path", "policy", "text"),
    [
        ("/missing", OPEN, "answered 404"),
        ("/job.jar", Policy(restricted_hosts=False, max_bytes=100), "larger than 100 bytes"),
        ("/job.jar", Policy(restricted_hosts=False, seconds=-1), "did not come within"),
        ("/plain", OPEN, "not one of the allowed schemes"),
        ("/again", OPEN, "redirects more than 5 times"),
        ("/job.jar", Policy(), "restricted address"),
    ],
)
def test_what_is_refused(
    sources: JarSources, server: Server, tmp_path: Path, path: str, policy: Policy, text: str
) -> None:
    with pytest.raises(JarUnavailable, match=text) as caught:
        sources.fetch(server.url(path) + "?password=secret", tmp_path / "job.jar", policy)
    assert "secret" not in str(caught.value)


def test_a_redirect_to_the_inside_is_refused_even_when_the_name_was_public(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first host resolves to what counts as public here; the second is a link-local address by itself."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    monkeypatch.setattr("operator_core.decide.sessionrules.is_restricted", lambda address: address.startswith("169."))
    sources = JarSources(resolve=lambda host, port: (host if host[0].isdigit() else "127.0.0.1",))
    with pytest.raises(JarUnavailable, match="restricted address"):
        sources.fetch(server.url("/inside"), tmp_path / "job.jar", Policy())
    sources.close()


def test_an_untrusted_server_and_an_unknown_host_are_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    sources = JarSources(resolve=lambda host, port: ("127.0.0.1",))
    with pytest.raises(JarUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        sources.fetch(server.url("/job.jar"), tmp_path / "job.jar", OPEN)
    sources.close()
    sources = JarSources()
    with pytest.raises(JarUnavailable, match=r"'no-such-host.invalid' cannot be resolved"):
        sources.fetch("https://no-such-host.invalid/x.jar", tmp_path / "job.jar", Policy())
    sources.close()


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    jars = tmp_path / "jars"
    (jars / "sub").mkdir(parents=True)
    (jars / "job.jar").write_bytes(b"PK")
    (jars / "sub" / "a b.jar").write_bytes(b"PK")
    (tmp_path / "secret").write_bytes(b"no")
    (jars / "link").symlink_to(tmp_path / "secret")
    (jars / "inner").symlink_to(jars / "job.jar")
    (jars / "folder").symlink_to(tmp_path)
    return jars


@pytest.mark.parametrize("path", ["/job.jar", "/sub/a%20b.jar", "/inner", "/sub/../job.jar"])
def test_files_below_the_directory_are_read(jars: Path, tmp_path: Path, path: str) -> None:
    for scheme in ("file", "local"):
        copy_local(f"{scheme}://{jars}{path}", tmp_path / "copy", Policy(directory=str(jars)))
        assert (tmp_path / "copy").read_bytes() == b"PK"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/../secret", "is not below"),
        ("/link", "is not below"),
        ("/folder/secret", "is not below"),
        ("/sub", "is not a file|cannot be read"),
        ("/missing.jar", "cannot be read"),
    ],
)
def test_nothing_outside_the_directory_is_read(jars: Path, tmp_path: Path, path: str, text: str) -> None:
    with pytest.raises(JarUnavailable, match=text):
        copy_local(f"file://{jars}{path}", tmp_path / "copy", Policy(directory=str(jars)))
    with pytest.raises(JarUnavailable, match="no directory"):
        copy_local(f"file://{jars}/job.jar", tmp_path / "copy", Policy())
    with pytest.raises(JarUnavailable, match="larger"):
        copy_local(f"file://{jars}/job.jar", tmp_path / "copy", Policy(directory=str(jars), max_bytes=1))
