"""Sends Flink REST requests: directly to the Service's DNS name, or through the API server's proxy.

Bounded: one second to connect, three to read; a breaker per cluster stops asking one that does not answer,
for a second at first, then longer, so that a pass over it costs nothing. Decides nothing about jobs.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import httpx

from operator_core.conf.resttls import RestTls
from operator_core.flink import errors
from operator_core.flink.jars import Multipart
from operator_core.flink.requests import FlinkRequest
from operator_core.flink.tlscontexts import TlsContexts
from operator_core.jsonvalues import Object
from operator_core.kube import errors as kube_errors
from operator_core.kube import requests as kube_requests
from operator_core.kube.client import Client, Streamed
from operator_core.runtime.clock import Clock
from operator_core.runtime.tallies import Tally

CONNECT_SECONDS = 1.0
READ_SECONDS = 3.0
_TIMEOUT = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
_LIMITS = httpx.Limits(max_keepalive_connections=0, max_connections=64)
_FAILURES_TO_OPEN = 3
_LONGEST_OPEN = 15.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a cluster's REST Service is."""

    namespace: str
    name: str
    port: int = 8081
    tls: RestTls | None = None
    """None: plain HTTP."""

    @property
    def service(self) -> str:
        """The Service's name."""
        return f"{self.name}-rest"


class Transport(Protocol):
    """Sends one request; raises flink.errors."""

    def send(self, address: Address, request: FlinkRequest, *, seconds: float = READ_SECONDS) -> Object:
        """The JSON object of the answer, which may take so long."""
        ...

    def upload(self, address: Address, path: str, body: Multipart, *, seconds: float) -> Object:
        """POST a file that is read while it is sent; the JSON object of the answer."""
        ...


class DirectTransport:
    """To the Service's DNS name, from inside the cluster. Connections are not kept: addresses change at upgrades."""

    def __init__(
        self,
        *,
        check: Callable[[], None] | None = None,
        transport: httpx.BaseTransport | None = None,
        contexts: TlsContexts | None = None,
    ) -> None:
        """`check` raises where side effects are not allowed now; clusters with TLS need `contexts`."""
        self._check = check
        self._contexts = contexts
        self._client = httpx.Client(timeout=_TIMEOUT, limits=_LIMITS, transport=transport, trust_env=False)

    def send(self, address: Address, request: FlinkRequest, *, seconds: float = READ_SECONDS) -> Object:
        """The JSON object of the answer. Raises flink.errors."""
        if self._check is not None and request.method != "GET":
            self._check()
        with self._open(address) as client:
            url, patience = _url(address, request.path), httpx.Timeout(seconds, connect=CONNECT_SECONDS)
            return _answered(
                client.request(request.method, url, params=list(request.query), json=request.body, timeout=patience)
            )

    def upload(self, address: Address, path: str, body: Multipart, *, seconds: float) -> Object:
        """POST a file that is read while it is sent. Raises flink.errors."""
        if self._check is not None:
            self._check()
        headers = {"Content-Type": body.content_type, "Content-Length": str(body.length)}
        with self._open(address) as client:
            patience = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
            return _answered(client.post(_url(address, path), content=body.chunks(), headers=headers, timeout=patience))

    @contextlib.contextmanager
    def _open(self, address: Address) -> Iterator[httpx.Client]:
        """A client for the cluster, with its TLS material where it wants TLS. Raises FlinkUnreachable."""
        try:
            if address.tls is None:
                yield self._client
                return
            if self._contexts is None:
                raise errors.FlinkUnreachable(f"Flink {address.name} wants TLS, which is not configured here")
            context = self._contexts.context(address.namespace, address.tls)
            with httpx.Client(timeout=_TIMEOUT, limits=_LIMITS, verify=context, trust_env=False) as client:
                yield client
        except httpx.HTTPError as error:
            if address.tls is not None and self._contexts is not None:
                self._contexts.forget(address.namespace, address.tls)
            raise errors.FlinkUnreachable(f"Flink at {_url(address, '')} does not answer: {error}") from error

    def close(self) -> None:
        """Close pooled connections."""
        self._client.close()


class ProxyTransport:
    """Through the API server's service proxy, from anywhere the API server can be reached from."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def send(self, address: Address, request: FlinkRequest, *, seconds: float = READ_SECONDS) -> Object:
        """The JSON object of the answer. Raises flink.errors."""
        proxied = kube_requests.service_proxy(
            address.namespace,
            _service_port(address),
            request.method,
            request.path,
            query=request.query,
            body=request.body,
        )
        return self._answer(address, lambda: self._client.send_bytes(proxied, timeout=seconds))

    def upload(self, address: Address, path: str, body: Multipart, *, seconds: float) -> Object:
        """POST a file that is read while it is sent. Raises flink.errors."""
        proxied = kube_requests.service_proxy(address.namespace, _service_port(address), "POST", path)
        file = Streamed(body.chunks(), body.content_type, body.length)
        return self._answer(address, lambda: self._client.send_stream(proxied, file, timeout=seconds))

    def _answer(self, address: Address, send: Callable[[], bytes]) -> Object:
        try:
            return _object(send())
        except kube_errors.Unreachable as error:
            raise errors.FlinkUnreachable(f"Flink {address.name} does not answer: {error.message}") from error
        except kube_errors.KubeError as error:
            if _is_of_the_proxy(error):
                raise errors.FlinkUnreachable(f"Flink {address.name} does not answer: {error.message}") from error
            raise errors.from_status(error.status, _flink_message(error.body) or error.message) from error


def _service_port(address: Address) -> str:
    if address.tls is not None and address.tls.mutual:
        text = f"Flink {address.name} wants a client certificate, which the API server's proxy does not show"
        raise errors.FlinkUnreachable(f"{text}; run the agent in the cluster with flinkRest: direct")
    scheme = "https:" if address.tls is not None else ""
    return f"{scheme}{address.service}:{address.port}"


def _is_of_the_proxy(error: kube_errors.KubeError) -> bool:
    """Whether the API server, not Flink, gave the answer: Flink's errors are no Kubernetes Status."""
    if error.status in (401, 403, 502, 503, 504):
        return True
    return error.status == 404 and "services " in error.message


class Rest:
    """One transport with a breaker per cluster. Safe to share between threads."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[tuple[str, str], tuple[int, float]] = {}
        self.requests = Tally("method", "result")

    def send(self, address: Address, request: FlinkRequest) -> Object:
        """The JSON object of the answer. Raises flink.errors; at once while the breaker is open."""
        key = (address.namespace, address.name)
        failures, open_until = self._failures.get(key, (0, 0.0))
        if self._clock.monotonic() < open_until:
            raise errors.FlinkUnreachable(f"Flink {address.name} did not answer {failures} times", lasting=True)
        began = self._clock.monotonic()
        try:
            answer = self._transport.send(address, request)
        except errors.FlinkUnreachable as error:
            self._count(request, "unreachable", began)
            error.lasting = self._count_failure(key)
            raise
        except errors.FlinkError:
            self._count(request, "refused", began)
            self.reset(*key)
            raise
        self._count(request, "ok", began)
        self.reset(*key)
        return answer

    def _count(self, request: FlinkRequest, result: str, began: float) -> None:
        self.requests.add(request.method, result, seconds=self._clock.monotonic() - began)

    def suspicious(self, namespace: str, name: str) -> bool:
        """Whether the cluster has not answered for a while, so that asking it may take long."""
        return self._failures.get((namespace, name), (0, 0.0))[0] >= _FAILURES_TO_OPEN

    def reset(self, namespace: str, name: str) -> None:
        """Forget failures: the cluster answered, or another one took its place."""
        with self._lock:
            self._failures.pop((namespace, name), None)

    def _count_failure(self, key: tuple[str, str]) -> bool:
        with self._lock:
            failures = self._failures.get(key, (0, 0.0))[0] + 1
            pause = min(_LONGEST_OPEN, 2.0 ** (failures - _FAILURES_TO_OPEN)) if failures >= _FAILURES_TO_OPEN else 0.0
            self._failures[key] = (failures, self._clock.monotonic() + pause)
            return failures >= _FAILURES_TO_OPEN


def _url(address: Address, path: str) -> str:
    scheme = "https" if address.tls else "http"
    return f"{scheme}://{address.service}.{address.namespace}:{address.port}{path}"


def _answered(answer: httpx.Response) -> Object:
    if answer.status_code >= 300:
        raise errors.from_status(answer.status_code, _flink_message(answer.content))
    return _object(answer.content)


def _object(content: bytes) -> Object:
    value = json.loads(content) if content else {}
    return value if isinstance(value, dict) else {"value": value}


def _flink_message(content: bytes) -> str:
    try:
        texts = json.loads(content).get("errors") or []
        return " ".join(str(text) for text in texts)
    except (ValueError, AttributeError):
        return content.decode("utf-8", "replace")
