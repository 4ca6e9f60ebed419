"""One connection to one API server, speaking plain JSON.

Uses the `kubernetes` package for what is hard to get right (kubeconfig, in-cluster credentials,
token refresh, TLS, proxies) and its connection pool for transport; typed models are never made
because decoding them costs six times as much as the JSON itself. Decides nothing: an answer is
returned or raised as one of `kube.errors`.
"""

import copy
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

import urllib3
import yaml
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.requests import Request
from operator_core.runtime.tallies import Tally

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
POOL_SIZE = 32
_CREDENTIAL_SECONDS = 5.0
_RETRIES = urllib3.Retry(total=1, connect=1, read=1, redirect=0, status=0, other=0, allowed_methods=frozenset({"GET"}))


@dataclass(frozen=True, slots=True)
class Streamed:
    """A body that is sent piece by piece; `length` in bytes."""

    chunks: Iterator[bytes]
    content_type: str
    length: int


class _Credentials:
    """The headers that prove who asks, worked out again every few seconds (tokens are renewed)."""

    def __init__(self, configuration: kubernetes_client.Configuration) -> None:
        self._configuration = configuration
        self._known: tuple[float, dict[str, str]] = (float("-inf"), {})

    def headers(self) -> dict[str, str]:
        since, known = self._known
        now = time.monotonic()
        if now - since > _CREDENTIAL_SECONDS:
            settings: Object = dict(self._configuration.auth_settings())
            given = (one for one in settings.values() if one["in"] == "header" and one["value"])
            known = {str(one["key"]): str(one["value"]) for one in given}
            self._known = (now, known)
        return known


class _Sent:
    """How many requests a connection sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def add(self) -> None:
        with self._lock:
            self.count += 1


def _always() -> None:
    """Nothing forbids side effects."""


class Client:
    """Sends `Request` values. Safe to share between threads."""

    def __init__(self, configuration: kubernetes_client.Configuration, *, current_namespace: str = "default") -> None:
        configuration.connection_pool_maxsize = POOL_SIZE
        configuration.keep_alive = True
        self._configuration = configuration
        self._api = kubernetes_client.ApiClient(configuration)
        self._pool: urllib3.PoolManager = self._api.rest_client.pool_manager
        self._credentials = _Credentials(configuration)
        self._sent = _Sent()
        self.answers = Tally("method", "code")
        """What the API server answered to requests (watches: to their beginning), and after how long."""
        self._check: Callable[[], None] = _always
        self.current_namespace = current_namespace

    @classmethod
    def connect(cls, *, context: str | None = None, kubeconfig: Path | None = None) -> Self:
        """Use `kubeconfig`, else KUBECONFIG, else `~/.kube/config`, else the pod's own credentials.

        Raises Stalled when none of them can be used, saying which were tried.
        """
        configuration = kubernetes_client.Configuration()
        in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ
        explicit = kubeconfig is not None or context is not None or bool(os.environ.get("KUBECONFIG"))
        try:
            if in_cluster and not explicit:
                kubernetes_config.load_incluster_config(client_configuration=configuration)
                return cls(configuration, current_namespace=_pod_namespace())
            # Not the library's default, which is what the environment was when it was imported.
            file = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG") or None
            kubernetes_config.load_kube_config(config_file=file, context=context, client_configuration=configuration)
            return cls(configuration, current_namespace=_context_namespace(file, context))
        except (kubernetes_config.ConfigException, OSError, ValueError) as error:
            text = f"no usable cluster credentials in {_tried(kubeconfig)} ({error})"
            text += "; set KUBECONFIG, pass --context, or run inside a pod"
            raise Stalled(Reason.ApiUnreachable, text) from error
        except (yaml.YAMLError, TypeError, AttributeError, LookupError) as error:
            # The library parses whatever the file holds and stumbles somewhere inside.
            why = str(error).splitlines()[0] if isinstance(error, yaml.YAMLError) else "it has another form"
            text = f"{_tried(kubeconfig)} is no kubeconfig that can be read ({why}); set KUBECONFIG to one that can"
            raise Stalled(Reason.ApiUnreachable, text) from error

    @property
    def server(self) -> str:
        """The API server's URL, for messages."""
        return str(self._configuration.host)

    @property
    def requests_sent(self) -> int:
        """How many requests were sent so far, watches included."""
        return self._sent.count

    def guarded(self, check: Callable[[], None]) -> Self:
        """The same connection for somebody who may act only while `check` does not raise; reading is free."""
        other = copy.copy(self)
        other._check = check
        return other

    def check(self) -> None:
        """Raise unless side effects are allowed now. Called before each request that is not a GET."""
        self._check()

    def send(self, request: Request, *, timeout: float = READ_SECONDS) -> Object:
        """The JSON object that the API server answers. Raises `kube.errors`."""
        text = self.send_bytes(request, timeout=timeout)
        value = json.loads(text) if text else {}
        return value if isinstance(value, dict) else {"items": value}

    def send_bytes(self, request: Request, *, timeout: float = READ_SECONDS) -> bytes:
        """The raw body of a successful answer (logs, proxied services). Raises `kube.errors`."""
        response = self._open(request, urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout), preload=True)
        return bytes(response.data)

    def send_stream(self, request: Request, body: Streamed, *, timeout: float) -> bytes:
        """The raw answer to a request whose body is sent piece by piece. Raises `kube.errors`."""
        self._check()
        self._sent.add()
        headers = {**self._headers(request), "Content-Type": body.content_type, "Content-Length": str(body.length)}
        patience = urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout)
        try:
            response = self._pool.request(
                request.method,
                self.server + request.path,
                body=body.chunks,
                headers=headers,
                timeout=patience,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise errors.Unreachable(_unanswered(self.server, _cause(error))) from error
        if response.status >= 300:
            raise errors.from_answer(response.status, bytes(response.data), response.headers.get("Retry-After"))
        return bytes(response.data)

    def stream(self, request: Request, *, idle_seconds: float, as_text: bool = False) -> Iterator[bytes]:
        """The lines of an endless answer; Unreachable when none comes for `idle_seconds`.

        With `as_text` blank lines count, and a last line that does not end.
        """
        response = self._open(request, urllib3.Timeout(connect=CONNECT_SECONDS, read=idle_seconds), preload=False)
        try:
            pending = b""
            for chunk in response.stream(amt=None, decode_content=True):
                *lines, pending = (pending + chunk).split(b"\n")
                yield from (line for line in lines if line or as_text)
            if as_text and pending:
                yield pending
        except urllib3.exceptions.HTTPError as error:
            raise errors.Unreachable(f"watch of {request.path} broke: {error}") from error
        finally:
            response.close()
            response.release_conn()

    def close(self) -> None:
        """Drop pooled connections."""
        self._pool.clear()

    def _open(self, request: Request, timeout: urllib3.Timeout, *, preload: bool) -> urllib3.BaseHTTPResponse:
        url = self.server + request.path
        if request.query:
            url += "?" + urlencode(request.query)
        body = None if request.body is None else requests.text_of(request.body)
        if request.method != "GET":
            self._check()
        self._sent.add()
        began = time.monotonic()
        try:
            response = self._pool.request(
                request.method,
                url,
                body=body,
                headers=self._headers(request),
                timeout=timeout,
                retries=_RETRIES,
                preload_content=preload,
            )
        except urllib3.exceptions.HTTPError as error:
            self.answers.add(request.method, "none", seconds=time.monotonic() - began)
            raise errors.Unreachable(f"the API server at {self.server} does not answer: {_cause(error)}") from error
        self.answers.add(request.method, str(response.status), seconds=time.monotonic() - began)
        if response.status >= 300:
            told = (response.status, bytes(response.data), response.headers.get("Retry-After"))
            raise errors.from_answer(*told, sent=request.body)
        return response

    def _headers(self, request: Request) -> dict[str, str]:
        headers = {"Accept": request.accept, "User-Agent": "gitsync"}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        return headers | self._credentials.headers()


def _pod_namespace() -> str:
    file = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return file.read_text().strip() if file.is_file() else "default"


def _context_namespace(file: str | None, context: str | None) -> str:
    contexts, active = kubernetes_config.list_kube_config_contexts(config_file=file)
    chosen: Object = next((entry for entry in contexts if entry["name"] == context), active)
    return str(dig(chosen, "context", "namespace", default="default"))


def _tried(kubeconfig: Path | None) -> str:
    """Where credentials were looked for, for messages."""
    return str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())


def _unanswered(server: str, cause: str) -> str:
    if "CERTIFICATE" in cause:
        return f"the API server at {server} is not trusted: {cause}; see certificate-authority in the kubeconfig"
    return f"the API server at {server} does not answer: {cause}"


def _cause(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return str(reason if reason is not None else error)
