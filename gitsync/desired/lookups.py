"""When a repository may be looked at: spread over the interval, not while it asks to be left alone, and so that a
host that hangs delays nobody else's.

One probe per repository and interval serves all its apps (`fetching`); here is decided when it begins. A
repository that answered slowly, or never yet, shares half of the workers with its like.
"""

import threading
import zlib
from collections.abc import Callable, Iterable

from operator_core.errors import Retry
from operator_core.outcomes import After, Done, Outcome
from operator_core.runtime.clock import Clock
from operator_core.runtime.lanes import Lane
from operator_core.runtime.queues import RECHECK, Key, Queue

WORKERS = 8
SLOW_SECONDS = 2.0
_SPREAD = 0.2
_LONGEST_SPREAD = 10.0


class Lookups:
    """Looks at repositories, politely. Safe to share between threads."""

    def __init__(self, clock: Clock, queue: Queue, look: Callable[[Key], Outcome], interval: float) -> None:
        """`look` is one lookup of a repository; `interval` the seconds between polls."""
        self._clock = clock
        self._queue = queue
        self._look = look
        self._spread = min(interval * _SPREAD, _LONGEST_SPREAD)
        self._lock = threading.Lock()
        self._until: dict[Key, float] = {}
        self._quick: set[Key] = set()
        self._lane = Lane(WORKERS // 2, queue.add)

    def poll(self, kind: str, urls: Callable[[], Iterable[str]]) -> None:
        """Have every repository looked at, each at its own place in the interval."""
        wanted = {Key(kind, "", url) for url in urls()}
        with self._lock:
            for gone in [key for key in (*self._until, *self._quick) if key not in wanted]:
                self._until.pop(gone, None)
                self._quick.discard(gone)
        for key in wanted:
            place = zlib.crc32(key.name.encode()) / 2**32
            self._queue.add(key, self._spread * place, priority=RECHECK)

    def reconcile(self, key: Key) -> Outcome:
        """One lookup, when it is time for it. Raises what the lookup raises."""
        now = self._clock.monotonic()
        with self._lock:
            until = self._until.get(key, now)
            is_quick = key in self._quick
        if until > now:
            return After(until - now)
        if is_quick:
            return self._timed(key, now)
        if not self._lane.enter(key):
            return Done()
        try:
            return self._timed(key, now)
        finally:
            self._lane.leave(key)

    def _timed(self, key: Key, began: float) -> Outcome:
        try:
            outcome = self._look(key)
        except Retry as error:
            with self._lock:
                self._quick.discard(key)
                if error.after is not None:
                    self._until[key] = self._clock.monotonic() + error.after
            raise
        with self._lock:
            self._until.pop(key, None)
            if self._clock.monotonic() - began < SLOW_SECONDS:
                self._quick.add(key)
            else:
                self._quick.discard(key)
        return outcome
