"""Looks out for the Java operator: its Deployment and Lease every few seconds, its writes as watches tell them.

Remembers only what the rules in `decide.foreign` need; what may not be listed is no sign. Tells people with an
event and a condition, and changes nothing else of the resource.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from operator_core.conf import options
from operator_core.controllers.world import FIELD_MANAGER
from operator_core.decide import foreign
from operator_core.decide.foreign import Signs
from operator_core.errors import AgentError, Reason
from operator_core.jsonvalues import Object, dig
from operator_core.kube import caches, errors, requests
from operator_core.kube.client import Client
from operator_core.kube.events import Recorder
from operator_core.kube.requests import Resource
from operator_core.runtime.clock import Clock

log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
CONDITION = "ForeignOperator"
_Name = tuple[str, str, str]


class ForeignOperators:
    """`on_change` is called when other operators came or went; `namespaces` are where to look without more rights."""

    def __init__(
        self, client: Client, clock: Clock, events: Recorder, namespaces: tuple[str, ...], on_change: Callable[[], None]
    ) -> None:
        self._client = client
        self._clock = clock
        self._events = events
        self.namespaces = namespaces
        self.lease_name = options.LEASE_NAME.default
        self._on_change = on_change
        self._signs: Signs | None = None
        self._written: dict[_Name, datetime] = {}
        self._told: dict[_Name, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="foreign-operators", daemon=True)

    def start(self) -> None:
        """Begin to look out; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking out."""
        self._over.set()

    @property
    def is_known(self) -> bool:
        """Whether there was a first look."""
        return self._signs is not None

    def project(self, obj: Object) -> Object:
        """The object as caches keep it, after a look at who wrote its status."""
        written = foreign.last_write(obj)
        if written is not None:
            self._written[_name(obj)] = written
        return caches.without_managed_fields(obj)

    def refusal(self, obj: Object) -> str | None:
        """Why nothing may be done to the resource now; None: go on."""
        name = _name(obj)
        sign = foreign.sign_of_life(name[1], self._written.get(name), self._signs or Signs(), self._clock.now())
        if sign is None:
            self._told.pop(name, None)
            return None
        return foreign.message(sign)

    def forget(self, obj: Object) -> None:
        """The resource is gone."""
        self._written.pop(_name(obj), None)
        self._told.pop(_name(obj), None)

    def tell(self, obj: Object, message: str) -> None:
        """Say it once with an event, and as a condition for as long as the other one leaves it there."""
        name = _name(obj)
        if self._told.get(name) != message:
            self._told[name] = message
            self._events.event(obj, "Warning", Reason.ForeignOperator, message, key=CONDITION, component="Operator")
        if name[0] == requests.FLINK_DEPLOYMENTS.kind and obj.get("status"):
            self._condition(obj, message)

    def look(self) -> None:
        """Look once."""
        found = foreign.signs(
            self._listed(requests.DEPLOYMENTS, labels=foreign.DEPLOYMENT_LABELS),
            self._listed(requests.LEASES, fields=f"metadata.name={self.lease_name}"),
        )
        before, self._signs = self._signs, found
        if before is None or _shape(before) != _shape(found):
            for one in found.running:
                log.warning(
                    "the Flink operator %s/%s is running; its resources are left alone", one.namespace, one.name
                )
            self._on_change()

    def _condition(self, obj: Object, message: str) -> None:
        conditions = dig(obj, "status", "conditions", default=[])
        if any(one.get("type") == CONDITION and one.get("message") == message for one in conditions):
            return
        new: Object = {
            "type": CONDITION,
            "status": "True",
            "reason": Reason.ForeignOperator.value,
            "message": message,
            "lastTransitionTime": self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        meta = obj["metadata"]
        patch: Object = {
            "metadata": {"resourceVersion": meta["resourceVersion"]},
            "status": {"conditions": [*(one for one in conditions if one.get("type") != CONDITION), new]},
        }
        request = requests.merge_patch(
            requests.FLINK_DEPLOYMENTS,
            meta["namespace"],
            meta["name"],
            patch,
            subresource="status",
            field_manager=FIELD_MANAGER,
        )
        try:
            self._client.send(request)
        except errors.Conflict:
            return

    def _listed(self, resource: Resource, *, labels: str = "", fields: str = "") -> list[Object]:
        """Wherever they may be listed."""
        try:
            return self._items(resource, None, labels, fields)
        except errors.Forbidden:
            found: list[Object] = []
            for namespace in self.namespaces:
                try:
                    found += self._items(resource, namespace, labels, fields)
                except errors.Forbidden:
                    continue
            return found

    def _items(self, resource: Resource, namespace: str | None, labels: str, fields: str) -> list[Object]:
        answer = self._client.send(requests.listing(resource, namespace, labels=labels, fields=fields))
        return list(answer.get("items") or [])

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.look()
            except AgentError as error:
                log.debug("looking out for other operators failed: %s", error.message)
            self._over.wait(LOOK_SECONDS if self.is_known else 1.0)


def _shape(seen: Signs) -> tuple[object, ...]:
    """What is seen, without the times that every renewal changes."""
    return seen.running, tuple((one.namespace, one.name) for one in seen.held)


def _name(obj: Object) -> _Name:
    meta = obj["metadata"]
    return str(obj.get("kind")), str(meta.get("namespace", "")), str(meta["name"])
