"""How many Flink jobs may be restarting at once because of syncs, over all apps.

A bad image in a shared base must not take every job down together: a job that this agent made restart holds its
place until it runs again, so a rollout stops at the first ones that do not come up. Jobs that restart for other
reasons take places too. Kept in memory only: after a restart of the agent, jobs that are not settled count.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gitsync.model.identities import Identity
from gitsync.plan import health, identities
from operator_core.jsonvalues import Object, dig
from operator_core.runtime.clock import Clock

_UNSEEN_SECONDS = 10.0
"""How long after a place was given the job may still have the spec of before."""


@dataclass(slots=True)
class _Place:
    """A place that a job has taken."""

    since: float
    generation: int
    """Of the spec that the job had then: its health speaks of what was written once it has a newer one."""


class RestartBudget:
    """Places for restarting jobs. Safe to share between threads."""

    def __init__(self, clock: Clock, limit: int, jobs: Callable[[], Iterable[Object]]) -> None:
        """`limit` 0: there is no bound. `jobs`: the live Flink jobs that are known."""
        self._clock = clock
        self._limit = limit
        self._jobs = jobs
        self._lock = threading.Lock()
        self._held: dict[Identity, _Place] = {}

    def take(self, wanted: Iterable[Identity]) -> frozenset[Identity]:
        """Those of `wanted` that may restart now; they hold a place until they run again."""
        asked = list(wanted)
        if not self._limit:
            return frozenset(asked)
        with self._lock:
            known = {identities.identity_of(obj): obj for obj in self._jobs()}
            busy = self._busy(known)
            free = max(0, self._limit - len(busy - set(asked)))
            granted = [one for one in asked if one in self._held]
            granted += [one for one in asked if one not in self._held][: max(0, free - len(granted))]
            now = self._clock.monotonic()
            self._held.update({one: self._held.get(one, _Place(now, _generation(known.get(one)))) for one in granted})
            return frozenset(granted)

    def _busy(self, known: Mapping[Identity, Object]) -> set[Identity]:
        live = {one: health.assess(obj) for one, obj in known.items()}
        now = self._clock.monotonic()
        for one, place in list(self._held.items()):
            verdict = live.get(one)
            settled = verdict is None or health.is_settled(verdict)
            if settled and (_generation(known.get(one)) > place.generation or now - place.since >= _UNSEEN_SECONDS):
                del self._held[one]
        moving = {one for one, verdict in live.items() if verdict is not None and verdict.status == "Progressing"}
        return moving | set(self._held)


def _generation(obj: Object | None) -> int:
    return int(dig(obj or {}, "metadata", "generation", default=0))
