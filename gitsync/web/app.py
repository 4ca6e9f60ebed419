"""What the agent serves: probes, metrics, and a receiver of push notifications.

Knows nothing of syncing: it asks and tells through the functions it is given. A notification is a
hint that a repository may have moved, never a source of truth; it is verified before it is parsed,
and its answer does not say whether anybody follows that repository.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gitsync.git import refs
from gitsync.web import pushes
from gitsync.web.pushes import Provider, Push
from operator_core.errors import AgentError

LARGEST_BODY = 3 * 2**20
BODY_TIMEOUT = 10.0
"""Seconds a sender has for its body."""
_MOST_DELIVERIES = 2000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where push notifications go: `secret` is asked each time, so that it can be exchanged while running."""

    secret: Callable[[], bytes]
    on_push: Callable[[Push], None]
    """Must return at once."""


@dataclass(frozen=True, slots=True)
class WebHooks:
    """What the pages ask. `live` and `ready` give what is wrong, or an empty text."""

    live: Callable[[], str]
    ready: Callable[[], str]
    metrics: CollectorRegistry
    receiver: Receiver | None = None


def make_app(hooks: WebHooks) -> Starlette:
    """The application. Raises Stalled(WebhookSecretMissing) for a receiver without a secret."""
    routes = [
        Route("/healthz", _probe(hooks.live), methods=["GET"]),
        Route("/readyz", _probe(hooks.ready), methods=["GET"]),
        Route("/metrics", _metrics(hooks.metrics), methods=["GET"]),
    ]
    if hooks.receiver is not None:
        hooks.receiver.secret()
        seen = _Seen()
        for one in pushes.PROVIDERS:
            routes.append(Route(f"/hooks/{one.name}", _receive(hooks.receiver, one, seen), methods=["POST"]))
    return Starlette(routes=routes)


def _probe(ask: Callable[[], str]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        wrong = ask()
        return PlainTextResponse(wrong or "ok", status_code=503 if wrong else 200)

    return answer


def _metrics(registry: CollectorRegistry) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return answer


class _Seen:
    """The deliveries that were taken lately: one that is sent again changes nothing."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_repeated(self, delivery: str) -> bool:
        """Whether this delivery was taken before; remembered from now on."""
        if not delivery:
            return False
        known = delivery in self._ids
        self._ids[delivery] = None
        while len(self._ids) > _MOST_DELIVERIES:
            self._ids.popitem(last=False)
        return known


def _receive(receiver: Receiver, provider: Provider, seen: _Seen) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        body = await _whole(request)
        if isinstance(body, Response):
            return body
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            secret = receiver.secret()
        except AgentError as error:
            _log.error("a push notification could not be verified: %s", error.message)
            return _refusal(503, "the receiver has no secret")
        if not provider.is_signed(headers, body, secret):
            return _refusal(401, provider.unsigned)
        try:
            told = provider.parse(headers, body)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(step) for step in first["loc"]) or "body"
            return _refusal(400, f"{place}: {first['msg']}")
        if not seen.is_repeated(f"{provider.name} {id}" if (id := headers.get(provider.delivery, "")) else ""):
            for push in told:
                if not refs.is_own(push.ref):
                    receiver.on_push(push)
        return JSONResponse({"accepted": True}, status_code=202)

    return answer


async def _whole(request: Request) -> bytes | Response:
    """The body, or why it is refused."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            body = await _body(request)
    except TimeoutError:
        return _refusal(408, "the body did not arrive in time")
    except ClientDisconnect:
        return _refusal(400, "the body is not complete")
    return _refusal(413, f"the body is larger than {LARGEST_BODY} bytes") if body is None else body


async def _body(request: Request) -> bytes | None:
    """The whole body, or None as soon as it is too large."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > LARGEST_BODY:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def _refusal(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status_code=status)
