"""Kubernetes Events about an object, aggregated as the Java operator aggregates them.

A repeat (same reason, key, type and object) raises `count` of the event that is there instead of
making another. A reason that is told again and again about one object is written at a bounded rate; what was
held back is counted in the next one that is written. What is written is a line of the log as well.
Telling is never worth failing for: errors are logged and swallowed. Decides nothing about what is told, but that no
secret is.
"""

import logging
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from operator_core import masking
from operator_core.errors import AgentError
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.runtime.clock import Clock

log = logging.getLogger(__name__)

_T = TypeVar("_T")
MESSAGE_LIMIT = 1000
_REMEMBERED = 4096
BURST = 20
"""So many events of one reason about one object are written at once, then one every REFILL_SECONDS."""
REFILL_SECONDS = 15.0


def java_hash(text: str) -> int:
    """Java's `String.hashCode`, without the sign bit: event names stay what the Java operator would choose."""
    value = 0
    for unit in memoryview(text.encode("utf-16-le")).cast("H"):
        value = (31 * value + unit) & 0xFFFFFFFF
    return value & 0x7FFFFFFF


class Recorder:
    """Writes v1 Events as one component. Safe to share between threads; never raises."""

    def __init__(self, client: Client, clock: Clock, *, component: str = "gitsync", instance: str = "") -> None:
        self._client = client
        self._clock = clock
        self._component = component
        self._instance = instance
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = {}
        self._held: dict[tuple[str, str], int] = {}
        self._budgets: dict[tuple[str, str], tuple[float, float]] = {}

    def event(
        self,
        obj: Object,
        type_: str,
        reason: str,
        message: str,
        *,
        key: str | None = None,
        component: str | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Tell about `obj`. `type_` is Normal or Warning; `key` replaces the message in telling repeats apart."""
        meta = obj["metadata"]
        source = component or self._component
        identity = reason + (key or message) + type_ + obj["kind"] + meta["name"] + meta.get("uid", "")
        name = f"{source.lower()}.{java_hash(identity)}"
        namespace = meta.get("namespace") or "default"
        body = self._body(obj, type_, reason, message, source)
        body["metadata"] = {"name": name, "namespace": namespace}
        if annotations:
            body["metadata"]["annotations"] = dict(annotations)
        if not self._may_write((meta.get("uid") or meta["name"], reason), (namespace, name)):
            return
        level = logging.WARNING if type_ == "Warning" else logging.INFO
        log.log(level, "%s %s/%s: %s: %s", obj["kind"], namespace, meta["name"], reason, " ".join(message.split()))
        try:
            self._write(namespace, name, body)
        except AgentError as error:
            log.debug("event %s about %s/%s not written: %s", reason, namespace, meta["name"], error)

    def _write(self, namespace: str, name: str, body: Object) -> None:
        with self._lock:
            seen = self._counts.get((namespace, name), 0)
            seen += self._held.pop((namespace, name), 0)
        body["count"] = seen + 1
        if not seen:
            try:
                self._client.send(requests.create(requests.EVENTS, namespace, body))
                self._remember(namespace, name, 1)
                return
            except errors.AlreadyExists:
                live = self._client.send(requests.get(requests.EVENTS, namespace, name))
                seen = int(dig(live, "count", default=1))
        patch: Object = {"count": seen + 1, "lastTimestamp": body["lastTimestamp"], "message": body["message"]}
        if "annotations" in body["metadata"]:
            patch["metadata"] = {"annotations": body["metadata"]["annotations"]}
        try:
            self._client.send(requests.merge_patch(requests.EVENTS, namespace, name, patch))
            self._remember(namespace, name, seen + 1)
        except errors.NotFound:
            self._client.send(requests.create(requests.EVENTS, namespace, body))
            self._remember(namespace, name, seen + 1)

    def _may_write(self, about: tuple[str, str], event: tuple[str, str]) -> bool:
        """Whether the budget of this reason about this object allows a write; if not, the event is counted."""
        now = self._clock.monotonic()
        with self._lock:
            left, since = self._budgets.pop(about, (float(BURST), now))
            left = min(float(BURST), left + (now - since) / REFILL_SECONDS)
            allowed = left >= 1
            _limited(self._budgets)[about] = (left - 1 if allowed else left, now)
            if not allowed:
                _limited(self._held)[event] = self._held.get(event, 0) + 1
            return allowed

    def _remember(self, namespace: str, name: str, count: int) -> None:
        with self._lock:
            _limited(self._counts)[(namespace, name)] = count

    def _body(self, obj: Object, type_: str, reason: str, message: str, source: str) -> Object:
        meta = obj["metadata"]
        now = _stamp(self._clock.now())
        involved = {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": meta["name"],
            "namespace": meta.get("namespace", ""),
            "uid": meta.get("uid", ""),
            "resourceVersion": meta.get("resourceVersion", ""),
        }
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "type": type_,
            "reason": reason,
            "message": masking.masked(message)[:MESSAGE_LIMIT],
            "involvedObject": involved,
            "source": {"component": source},
            "reportingComponent": source,
            "reportingInstance": self._instance or source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }


def _limited(known: dict[tuple[str, str], _T]) -> dict[tuple[str, str], _T]:
    """The dictionary with room for one more entry: the oldest gives way."""
    if len(known) >= _REMEMBERED:
        known.pop(next(iter(known)))
    return known


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
