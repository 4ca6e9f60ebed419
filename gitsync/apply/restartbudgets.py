"""How many Flink jobs may be restarting at once because of syncs, over all apps.

A bad image in a shared base must not take every job down together: a job that this agent made restart holds its
place until it runs again, so a rollout stops at the first ones that do not come up. Jobs that restart for other
reasons take places too. Kept in memory only: after a restart of the agent, jobs that are not settled count.
"""

import threading
from collections.abc import Callable, Iterable

from gitsync.model.identities import Identity
from gitsync.plan import health, identities
from operator_core.jsonvalues import Object
from operator_core.runtime.clock import Clock

_UNSEEN_SECONDS = 10.0
"""How long after a write the job may still look as it did before."""


class RestartBudget:
    """Places for restarting jobs. Safe to share between threads."""

    def __init__(self, clock: Clock, limit: int, jobs: Callable[[], Iterable[Object]]) -> None:
        """`limit` 0: there is no bound. `jobs`: the live Flink jobs that are known."""
        self._clock = clock
        self._limit = limit
        self._jobs = jobs
        self._lock = threading.Lock()
        self._held: dict[Identity, float] = {}

    def take(self, wanted: Iterable[Identity]) -> frozenset[Identity]:
        """Those of `wanted` that may restart now; they hold a place until they run again."""
        asked = list(wanted)
        if not self._limit:
            return frozenset(asked)
        with self._lock:
            busy = self._busy()
            free = max(0, self._limit - len(busy - set(asked)))
            granted = [one for one in asked if one in self._held]
            granted += [one for one in asked if one not in self._held][: max(0, free - len(granted))]
            now = self._clock.monotonic()
            self._held.update({one: self._held.get(one, now) for one in granted})
            return frozenset(granted)

    def _busy(self) -> set[Identity]:
        live = {identities.identity_of(obj): health.assess(obj) for obj in self._jobs()}
        now = self._clock.monotonic()
        for one, since in list(self._held.items()):
            verdict = live.get(one)
            settled = one not in live or verdict is None or health.is_settled(verdict)
            if settled and now - since >= _UNSEEN_SECONDS:
                del self._held[one]
        moving = {one for one, verdict in live.items() if verdict is not None and verdict.status == "Progressing"}
        return moving | set(self._held)
