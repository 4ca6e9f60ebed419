"""The lane in which what is told to others leaves by HTTP: forges and chats that are slow, limited or away.

A pass only hands things over. Of two deliveries with one key the newer wins, one that says what was said last is
dropped, and what cannot be delivered waits with growing pauses or as long as the other side asks (`Retry-After`,
RFC 9110 10.2.3; `x-ratelimit-reset` of GitHub, `RateLimit-Reset` of GitLab). Each side has a pause of its own.
Nothing here is durable: whoever hands over knows what was told before a restart.
"""

import functools
import json
import logging
import ssl
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import assert_never
from urllib.parse import urlsplit

import httpx

from operator_core.jsonvalues import Json
from operator_core.runtime.clock import Clock
from operator_core.runtime.senders import Senders

WORKERS = 2
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 600.0
_MOST_WAITING = 2000
_MOST_REMEMBERED = 5000
_MOST_TRIES = 12
_LONGEST_TEXT = 2000
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A POST of JSON."""

    url: str
    headers: Mapping[str, str]
    body: Json
    certificates: str = ""

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers` have names in small letters; `now` is seconds since the epoch when it came."""

    status: int
    headers: Mapping[str, str]
    text: str
    now: float

    def pause(self) -> float | None:
        """Seconds the other side asks to wait; None when it does not."""
        after = self.headers.get("retry-after", "").strip()
        if after.isdigit():
            return float(after)
        if after:
            try:
                return max(0.0, parsedate_to_datetime(after).timestamp() - self.now)
            except ValueError:
                return None
        if self.headers.get("x-ratelimit-remaining", self.headers.get("ratelimit-remaining")) == "0":
            reset = self.headers.get("x-ratelimit-reset", self.headers.get("ratelimit-reset", ""))
            return max(0.0, float(reset) - self.now) if reset.isdigit() else None
        return None


@dataclass(frozen=True, slots=True)
class Accepted:
    """It was taken."""


@dataclass(frozen=True, slots=True)
class Later:
    """It may be taken later, after `seconds` where the other side said so."""

    why: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It never will be, as things are."""

    why: str


Verdict = Accepted | Later | Refused


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to tell. `make` is asked when it is sent, so that a renewed key is used; None: nothing to send."""

    key: tuple[str, ...]
    place: str
    """Whose state it decides."""
    says: str
    make: Callable[[], HttpRequest | None]
    judge: Callable[[Answer], Verdict]


@dataclass(slots=True)
class _Waiting:
    delivery: Delivery
    tries: int = 0


@dataclass(slots=True)
class _Side:
    """What is known of one host that things are sent to."""

    not_before: float = 0.0
    failures: int = 0
    busy: bool = False
    waiting: OrderedDict[tuple[str, ...], _Waiting] = field(default_factory=OrderedDict)


class Lane:
    """Sends deliveries. Safe to share between threads."""

    def __init__(self, name: str, clock: Clock, on_change: Callable[[str], None] = lambda _: None) -> None:
        """`on_change` is told of a place that began to refuse, or to accept again."""
        self._clock = clock
        self._on_change = on_change
        self._senders = Senders(name, WORKERS, self._next)
        self._lock = self._senders.changed
        self._sides: dict[str, _Side] = {}
        self._said: OrderedDict[tuple[str, ...], str] = OrderedDict()
        self._problems: dict[str, str] = {}
        self._clients: dict[str, httpx.Client] = {}
        self.sent = 0

    def start(self) -> None:
        """Begin to send."""
        self._senders.start()

    def stop(self, timeout: float) -> None:
        """Send what can be sent at once, and end within `timeout` seconds."""
        self._senders.stop(timeout)
        for client in self._clients.values():
            client.close()

    def submit(self, host: str, delivery: Delivery) -> None:
        """Hand something over for `host`; returns at once."""
        with self._lock:
            side = self._sides.setdefault(host, _Side())
            if delivery.key not in side.waiting and self._said.get(delivery.key) == delivery.says:
                return
            side.waiting.pop(delivery.key, None)
            side.waiting[delivery.key] = _Waiting(delivery)
            while len(side.waiting) > _MOST_WAITING:
                side.waiting.popitem(last=False)
            self._lock.notify_all()

    def problem(self, place: str) -> str | None:
        """Why the last delivery of a place failed; empty when it did not, None while there was none."""
        with self._lock:
            return self._problems.get(place)

    @property
    def depth(self) -> int:
        """How many deliveries wait."""
        with self._lock:
            return sum(len(side.waiting) for side in self._sides.values())

    def _next(self) -> tuple[Callable[[], None] | None, float | None]:
        """What is to be sent now, or the seconds until there is something."""
        now = self._clock.monotonic()
        ready = [side for side in self._sides.values() if side.waiting and not side.busy]
        first = min(ready, key=lambda side: side.not_before, default=None)
        if first is None:
            return None, None
        if first.not_before > now:
            return None, first.not_before - now
        first.busy = True
        key, one = first.waiting.popitem(last=False)
        return functools.partial(self._deliver, first, key, one), None

    def _deliver(self, side: _Side, key: tuple[str, ...], one: _Waiting) -> None:
        verdict = self._send(one.delivery)
        with self._lock:
            self._settle(side, key, one, verdict)
            self._lock.notify_all()

    def _settle(self, side: _Side, key: tuple[str, ...], one: _Waiting, verdict: Verdict) -> None:
        side.busy = False
        match verdict:
            case Accepted():
                side.failures = 0
                self._said[key] = one.delivery.says
                self._said.move_to_end(key)
                while len(self._said) > _MOST_REMEMBERED:
                    self._said.popitem(last=False)
                self._tell(one.delivery.place, "")
            case Later(why, seconds):
                side.failures += 1
                patient = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (side.failures - 1))
                side.not_before = self._clock.monotonic() + (patient if seconds is None else seconds)
                if one.tries + 1 < _MOST_TRIES and key not in side.waiting:
                    side.waiting[key] = _Waiting(one.delivery, one.tries + 1)
                    side.waiting.move_to_end(key, last=False)
                self._tell(one.delivery.place, why)
            case Refused(why):
                side.failures = 0
                self._tell(one.delivery.place, why)
            case _:
                assert_never(verdict)

    def _tell(self, place: str, problem: str) -> None:
        before = self._problems.get(place)
        self._problems[place] = problem
        if before == problem:
            return
        if problem:
            _log.warning("%s", problem)
        self._on_change(place)

    def _send(self, delivery: Delivery) -> Verdict:
        host = ""
        try:
            request = delivery.make()
            if request is None:
                return Accepted()
            host = urlsplit(request.url).netloc
            answer = self._client(request.certificates).post(
                request.url,
                content=request.content,
                headers={"Content-Type": "application/json", "User-Agent": "gitsync", **request.headers},
            )
        except httpx.InvalidURL:
            return Refused(f"the address of {host or 'the other side'} is not a URL")
        except httpx.HTTPError as error:
            return Later(f"{host} cannot be reached: {type(error).__name__}")
        except ssl.SSLError:
            return Refused(f"the certificates given for {host} cannot be read")
        except Exception as error:
            # What one delivery meets must not end the lane of all.
            _log.exception("a delivery to %s failed", host)
            return Refused(f"a delivery to {host} failed: {type(error).__name__}; see the agent's log")
        self.sent += 1
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return delivery.judge(
            Answer(answer.status_code, headers, answer.text[:_LONGEST_TEXT], self._clock.now().timestamp())
        )

    def _client(self, certificates: str) -> httpx.Client:
        with self._lock:
            known = self._clients.get(certificates)
            if known is None:
                context = ssl.create_default_context(cadata=certificates) if certificates else True
                known = self._clients[certificates] = httpx.Client(timeout=_TIMEOUT, verify=context)
        return known
