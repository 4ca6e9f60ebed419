"""How long resources stay in a lifecycle state before the next one, as far as this process saw it.

Fed by what the watch tells; what changed while nobody watched is not counted. States are the Java operator's
`status.lifecycleState` (its metric `Lifecycle.Transition`).
"""

import threading

from operator_core.jsonvalues import Object, dig
from operator_core.runtime.clock import Clock
from operator_core.runtime.tallies import Tally


class Transitions:
    """Remembers in which state each resource is, and since when."""

    def __init__(self, clock: Clock) -> None:
        self.tally = Tally("kind", "from", "to")
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[str, tuple[str, float]] = {}

    def observe(self, kind: str, obj: Object) -> None:
        """A resource is as `obj` says."""
        uid, state = str(dig(obj, "metadata", "uid", default="")), dig(obj, "status", "lifecycleState")
        if not uid or not isinstance(state, str):
            return
        now = self._clock.monotonic()
        with self._lock:
            before = self._states.get(uid)
            if before is None or before[0] != state:
                self._states[uid] = (state, now)
        if before is not None and before[0] != state:
            self.tally.add(kind, before[0], state, seconds=now - before[1])

    def forget(self, obj: Object) -> None:
        """A resource is gone."""
        with self._lock:
            self._states.pop(str(dig(obj, "metadata", "uid", default="")), None)
