"""Has savepoints taken of jobs that another operator runs, before they are deleted.

One live list per job and pass, and at most one snapshot made. Remembers only which snapshot it saw unfinished; whoever
forgets that, such as a restart, takes one savepoint more. What is needed is decided in `plan.stateguards`.
"""

import contextlib
import threading
from typing import assert_never

from gitsync.model.plans import Prune
from gitsync.plan import stateguards
from gitsync.plan.stateguards import Failed, Secured, Take, Wait
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import FLINK_STATE_SNAPSHOTS
from operator_core.runtime.clock import Clock

_FORGOTTEN_AFTER = 60.0
"""Seconds without a look: what asked for the savepoint was taken back meanwhile, or may have been."""
_FIELD_MANAGER = "gitsync-status"


class StateGuards:
    """Asks for savepoints and for their end. Safe to share between threads."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[str, float]] = {}

    def secure(self, job: Prune, revision: str) -> Wait | Secured | Failed:
        """Whether the job may be deleted now; a savepoint is asked for where none is. Raises kube errors."""
        namespace = job.identity.namespace
        listing = requests.listing(FLINK_STATE_SNAPSHOTS, namespace, labels=f"{stateguards.GUARDS}={job.uid}")
        found = stateguards.decide(job, revision, self._client.send(listing)["items"], self._last_seen(job.uid))
        match found:
            case Take(snapshot):
                create = requests.create(FLINK_STATE_SNAPSHOTS, namespace, snapshot, field_manager=_FIELD_MANAGER)
                with contextlib.suppress(errors.AlreadyExists):
                    self._client.send(create)
                name = str(snapshot["metadata"]["name"])
                self._see(job.uid, name)
                return Wait(
                    name, f"{job.identity.shown} is deleted when its savepoint is complete: {name} is asked for"
                )
            case Wait(name, _):
                self._see(job.uid, name)
                return found
            case Secured() | Failed():
                return found
            case _:
                assert_never(found)

    def _last_seen(self, uid: str) -> str:
        with self._lock:
            name, at = self._seen.get(uid, ("", 0.0))
            return name if self._clock.monotonic() - at < _FORGOTTEN_AFTER else ""

    def _see(self, uid: str, name: str) -> None:
        now = self._clock.monotonic()
        with self._lock:
            self._seen = {one: seen for one, seen in self._seen.items() if now - seen[1] < _FORGOTTEN_AFTER}
            self._seen[uid] = (name, now)
