"""A store's endpoint is what a resource says: answers that never end, wander or lie cost little and tell nothing."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from operator_core.conf.s3options import Keys, S3Settings
from operator_core.decide.statestores import StorePlace
from operator_core.stores import looking
from operator_core.stores.errors import StoreError

PLACE = StorePlace("s3", "states", "sp", "savepoint-012345-")
INSIDE = b"what only the agent can see"
Answer = Callable[[BaseHTTPRequestHandler], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Answer = _page
        self.asked = 0


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked += 1
        with contextlib.suppress(OSError):
            self.server.answer(self)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def endpoint() -> Iterator[_Server]:
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(60)
    server.server_close()


def _head(handler: BaseHTTPRequestHandler, status: int, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def _page(handler: BaseHTTPRequestHandler) -> None:
    _head(handler, 200, Content_Type="text/html")
    handler.wfile.write(INSIDE)


def _error(handler: BaseHTTPRequestHandler) -> None:
    _head(handler, 403, Content_Type="application/xml")
    handler.wfile.write(b"<Error><Code>" + INSIDE + b"</Code><Message>" + INSIDE + b"</Message></Error>")


def _refusal(handler: BaseHTTPRequestHandler) -> None:
    _head(handler, 401, Content_Type="text/plain")
    handler.wfile.write(INSIDE)


def _endless(handler: BaseHTTPRequestHandler) -> None:
    _head(handler, 200, Content_Type="application/xml")
    while True:
        handler.wfile.write(b"x" * 65536)


def _dripping(handler: BaseHTTPRequestHandler) -> None:
    _head(handler, 200, Content_Type="application/xml")
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (_page, "does not speak S3"),
        (_error, "an unknown error"),
        (_refusal, "does not speak S3"),
        (_endless, "take too long"),
    ],
)
def test_what_answers_is_never_told(endpoint: _Server, answer: Answer, expected: str) -> None:
    endpoint.answer = answer
    with pytest.raises(StoreError, match=expected) as told:
        looking.states(_settings(endpoint), (PLACE,))
    assert INSIDE.decode() not in told.value.message


def test_an_answer_that_drips_ends_with_the_time_that_is_given(endpoint: _Server) -> None:
    endpoint.answer = _dripping
    with pytest.raises(StoreError, match="take too long"):
        looking.states(_settings(endpoint), (PLACE,), seconds=1.0)


def test_signed_requests_go_nowhere_else(endpoint: _Server) -> None:
    target = f"http://127.0.0.1:{endpoint.server_port}/elsewhere"
    endpoint.answer = lambda handler: _head(handler, 307, Location=target, Content_Length="0")
    with pytest.raises(StoreError):
        looking.states(_settings(endpoint), (PLACE,))
    assert endpoint.asked == 1


def _settings(endpoint: _Server) -> S3Settings:
    return S3Settings(f"http://127.0.0.1:{endpoint.server_port}", None, True, Keys("a", "b"))
