"""What was seen of a job's objects, and when, so that an upgrade can be measured from outside.

Watches FlinkDeployments and the JobManager Deployments of one namespace and notes the wall-clock time of every
change; the functions below pick an upgrade's moments out of what was seen. They read the same status that a person
reads, and know nothing of how the agent works.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gitsync.sandbox import errors
from operator_core.jsonvalues import Object, dig
from operator_core.kube import caches, requests
from operator_core.kube.client import Client

REVISION = "gitsync.io/revision"
SYNC_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """One change of one object; `at_ms` is epoch milliseconds, `event` ADDED, MODIFIED or DELETED."""

    at_ms: int
    event: str
    kind: str
    object: Object


class Lookout:
    """Watches one namespace within a `with` block."""

    def __init__(self, client: Client, namespace: str, kinds: Sequence[requests.Resource]) -> None:
        self._lock = threading.Lock()
        self._seen: list[Sighting] = []
        self._caches = [
            caches.Cache(
                client,
                resource,
                namespaces=(namespace,),
                on_change=lambda event, obj, kind=resource.kind: self._note(event, kind, obj),  # type: ignore[misc]
            )
            for resource in kinds
        ]

    def __enter__(self) -> Self:
        for cache in self._caches:
            cache.start()
        for cache in self._caches:
            if not cache.wait_synced(SYNC_SECONDS):
                raise errors.SandboxError(f"{cache.resource.plural} cannot be watched: {cache.problem or 'no answer'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for cache in self._caches:
            cache.stop()

    @property
    def seen(self) -> tuple[Sighting, ...]:
        """Everything so far, oldest first."""
        with self._lock:
            return tuple(self._seen)

    def _note(self, event: str, kind: str, obj: Object) -> None:
        now = int(time.time() * 1000)
        with self._lock:
            self._seen.append(Sighting(now, event, kind, obj))


def applied_ms(seen: Sequence[Sighting], name: str, revision: str) -> int | None:
    """When the FlinkDeployment first carried `revision`."""
    return next(
        (each.at_ms for each in _of(seen, "FlinkDeployment", name) if _revision(each.object) == revision),
        None,
    )


def triggered_ms(seen: Sequence[Sighting], name: str, after_ms: int) -> int | None:
    """When the stop with savepoint was triggered: its record in the status, `savepointInfo.triggerTimestamp`."""
    for each in _of(seen, "FlinkDeployment", name):
        moment = dig(each.object, "status", "jobStatus", "savepointInfo", "triggerTimestamp", default=0)
        if each.at_ms >= after_ms and isinstance(moment, int) and moment > 0:
            return moment
    return None


def stopped(seen: Sequence[Sighting], name: str, after_ms: int) -> tuple[int, str] | None:
    """When a savepoint's location newly stood in the status (`upgradeSavepointPath`), and that location."""
    known = ""
    for each in _of(seen, "FlinkDeployment", name):
        path = str(dig(each.object, "status", "jobStatus", "upgradeSavepointPath", default=""))
        if each.at_ms >= after_ms and path and path != known:
            return each.at_ms, path
        known = path
    return None


def created_ms(seen: Sequence[Sighting], name: str, after_ms: int) -> int | None:
    """When the next JobManager Deployment came into being."""
    return next(
        (each.at_ms for each in _of(seen, "Deployment", name) if each.event == "ADDED" and each.at_ms >= after_ms),
        None,
    )


def _of(seen: Sequence[Sighting], kind: str, name: str) -> list[Sighting]:
    return [each for each in seen if each.kind == kind and dig(each.object, "metadata", "name") == name]


def _revision(obj: Object) -> str:
    return str(dig(obj, "metadata", "annotations", REVISION, default=""))
