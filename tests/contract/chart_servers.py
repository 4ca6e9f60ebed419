"""A Helm repository and an OCI registry on loopback: static files, and what a registry answers to a pull."""

import base64
import gzip
import hashlib
import io
import json
import ssl
import tarfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import yaml

from gitsync.charts import lockfiles
from operator_core.jsonvalues import Object


def packed(name: str, files: Mapping[str, str], *, links: Mapping[str, str] | None = None) -> bytes:
    """A chart's archive; names are below the chart's directory unless they begin with `=`."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for path, text in files.items():
            member = tarfile.TarInfo(path[1:] if path.startswith("=") else f"{name}/{path}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
        for path, target in (links or {}).items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return gzip.compress(raw.getvalue(), mtime=0)


def chart(name: str, version: str, value: str = "1") -> dict[str, str]:
    """The files of a chart with one ConfigMap."""
    template = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  a: {{ .Values.a | quote }}\n"
    )
    meta = f"apiVersion: v2\nname: {name}\nversion: {version}\n"
    return {"Chart.yaml": meta, "values.yaml": f"a: '{value}'\n", "templates/map.yaml": template}


def depending(name: str, wanted: list[Object], found: list[Object]) -> dict[str, str]:
    """The files of a chart with one ConfigMap and the lock of its dependencies."""
    files = chart(name, "0.1.0")
    digest = lockfiles.digest([wanted, found])
    lock = {"dependencies": found, "digest": f"sha256:{digest}", "generated": "2026-01-01T00:00:00Z"}
    files["Chart.yaml"] += yaml.safe_dump({"dependencies": wanted})
    return {**files, "Chart.lock": yaml.safe_dump(lock)}


class ChartServer:
    """Serves a Helm repository at `/` and a registry at `/v2/`; faults on demand."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._scheme = "http" if tls is None else "https"
        self.files: dict[str, bytes] = {}
        self.entries: dict[str, list[dict[str, object]]] = {}
        self.tags: dict[str, dict[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.password = ""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.requests: list[str] = []
        server = self

        class Handler(_Handler):
            charts = server

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def oci(self) -> str:
        return f"oci://127.0.0.1:{self._server.server_address[1]}/charts"

    def publish(self, name: str, version: str, archive: bytes, digest: str | None = None) -> None:
        """Put a version into the index."""
        file = f"{name}-{version}.tgz"
        self.files[f"/{file}"] = archive
        known = hashlib.sha256(archive).hexdigest() if digest is None else digest
        self.entries.setdefault(name, []).append({"version": version, "urls": [file], "digest": known})
        index = {"apiVersion": "v1", "entries": self.entries}
        self.files["/index.yaml"] = yaml.safe_dump(index).encode()

    def push(self, name: str, version: str, archive: bytes) -> None:
        """Put a version into the registry."""
        digest = f"sha256:{hashlib.sha256(archive).hexdigest()}"
        self.blobs[digest] = archive
        layer = {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": digest}
        manifest = json.dumps({"schemaVersion": 2, "layers": [layer]}).encode()
        self.tags.setdefault(f"charts/{name}", {})[version.replace("+", "_")] = manifest

    def __enter__(self) -> "ChartServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    charts: ChartServer

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        server = self.charts
        path = urlsplit(self.path).path
        server.requests.append(path)
        if server.status:
            self._answer(server.status, b"", server.headers)
        elif path == "/token":
            self._token()
        elif path.startswith("/v2/"):
            self._registry(path)
        elif not self._is_known("robot"):
            self._answer(401, b"", {"WWW-Authenticate": "Basic"})
        elif path == "/index.yaml":
            tag = f'"{hashlib.sha256(server.files[path]).hexdigest()}"'
            same = self.headers.get("If-None-Match") == tag
            self._answer(304 if same else 200, b"" if same else server.files[path], {"ETag": tag})
        else:
            self._answer(200 if path in server.files else 404, server.files.get(path, b""), {})

    def _is_known(self, user: str) -> bool:
        wanted = base64.b64encode(f"{user}:{self.charts.password}".encode()).decode()
        return not self.charts.password or self.headers.get("Authorization") == f"Basic {wanted}"

    def _token(self) -> None:
        scope = parse_qs(urlsplit(self.path).query).get("scope", [""])[0]
        known = self._is_known("robot") and scope.startswith("repository:charts/") and scope.endswith(":pull")
        self._answer(200 if known else 401, b'{"token": "t0ken"}' if known else b"", {})

    def _registry(self, path: str) -> None:
        if self.headers.get("Authorization") != "Bearer t0ken":
            challenge = f'Bearer realm="{self.charts.url}/token",service="registry"'
            self._answer(401, b"", {"WWW-Authenticate": challenge})
            return
        repository, _, rest = path.removeprefix("/v2/").partition("/tags/")
        if rest:
            tags = {"tags": list(self.charts.tags.get(repository, {}))}
            self._answer(200 if tags["tags"] else 404, json.dumps(tags).encode(), {})
            return
        repository, _, tag = path.removeprefix("/v2/").partition("/manifests/")
        found = self.charts.tags.get(repository, {}).get(tag) or self.charts.blobs.get(path.rpartition("/")[2])
        self._answer(200 if found else 404, found or b"", {})

    def _answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
