"""Everything a pass may touch, by the narrowest interface: tests put in-memory parts in the same places.

Holds no rule. The API server is reached through one `send`, caches are only read and told about our own
writes, Flink through one `send`, time and random ids through the clock and `new_id`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from operator_core.conf.defaults import Defaults
from operator_core.controllers.readings import Readings
from operator_core.controllers.storework import Work
from operator_core.decide.facts import Listing
from operator_core.flink.requests import FlinkRequest
from operator_core.flink.rest import Address
from operator_core.jsonvalues import Object
from operator_core.kube.requests import Request
from operator_core.runtime.clock import Clock

FIELD_MANAGER = "gitsync-operator"


class Api(Protocol):
    """The API server."""

    def send(self, request: Request) -> Object:
        """The object that is answered. Raises kube.errors."""
        ...

    def send_bytes(self, request: Request) -> bytes:
        """The raw answer. Raises kube.errors."""
        ...


class ObjectCache(Protocol):
    """One kind, as watches last told it."""

    def get(self, namespace: str | None, name: str) -> Object | None:
        """The object, or None."""
        ...

    def items(self, namespace: str | None = None) -> list[Object]:
        """All objects, or those of a namespace."""
        ...

    def observed(self, obj: Object) -> None:
        """An answer to our own write or live read."""
        ...

    def forget(self, namespace: str | None, name: str, version: int = 0) -> None:
        """A live read found nothing."""
        ...


class SnapshotSource(Protocol):
    """The FlinkStateSnapshots of the watched namespaces."""

    def get(self, namespace: str, name: str) -> Object | None:
        """The snapshot, or None."""
        ...

    def of(self, kind: str, namespace: str, name: str) -> tuple[Object, ...] | None:
        """Those that name a job; None where the cluster does not have the kind."""
        ...

    def changed(self, obj: Object) -> None:
        """We made it or began to delete it: its own pass is due."""
        ...

    def observed(self, obj: Object) -> None:
        """An answer to our own write or live read."""
        ...

    def forget(self, namespace: str, name: str) -> None:
        """It is gone."""
        ...


class FlinkRest(Protocol):
    """Flink's REST API."""

    def send(self, address: Address, request: FlinkRequest) -> Object:
        """The object that is answered. Raises flink.errors."""
        ...

    def reset(self, namespace: str, name: str) -> None:
        """Another cluster took the address."""
        ...


class StateStores(Protocol):
    """Listings of S3-compatible stores, made in a lane."""

    def known(self, namespace: str, name: str) -> Listing | None:
        """What the newest listing says; None: none was asked for."""
        ...

    def forget(self, namespace: str, name: str) -> None:
        """Nobody needs the listing any more."""
        ...

    def begin(self, namespace: str, name: str, work: Work) -> None:
        """Have the stores listed."""
        ...


class Events(Protocol):
    """Telling people."""

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
        """Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """The parts a controller is wired with. `defaults` is what holds below every resource: one value
    for a whole pass, whatever is reloaded meanwhile."""

    api: Api
    resources: ObjectCache
    deployments: ObjectCache
    pods: Callable[[str, str], tuple[Object, ...]]
    flink: FlinkRest
    events: Events
    clock: Clock
    new_id: Callable[[], str]
    defaults: Defaults
    reach: Callable[[str], None]
    snapshots: SnapshotSource | None = None
    ingresses: ObjectCache | None = None
    worker_pods: Callable[[str, str], tuple[Object, ...]] = lambda _, __: ()
    """TaskManagers' pods with which something is wrong."""
    readings: Readings = field(default_factory=Readings)
    stores: StateStores | None = None
