"""The queue of keys between watches, timers and workers.

Level-based: a key says *look at this object*, never what happened to it. The queue decides when a
key is handed out: once however often it was added, at its earliest due time, lower `priority`
first among those that are due, and never to two workers at a time. It knows nothing of what a pass
does.
"""

import heapq
import threading
from dataclasses import dataclass

from operator_core.runtime.clock import Clock

CHANGED = 0
"""Priority of objects that changed or are being deleted."""
RECHECK = 10
"""Priority of periodic looks at objects nobody changed."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One object to look at."""

    kind: str
    namespace: str
    name: str


@dataclass(slots=True)
class _Entry:
    due: float
    priority: int


class Queue:
    """A thread-safe, de-duplicating delay queue of keys. Times are seconds of `clock.monotonic()`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._condition = threading.Condition()
        self._waiting: dict[Key, _Entry] = {}
        self._later: list[tuple[float, Key]] = []
        self._ready: list[tuple[int, float, Key]] = []
        self._running: set[Key] = set()
        self._closed = False
        self._alarm = float("inf")
        """When one of those who wait in `get` looks at the clock again: the others need not."""

    def add(self, key: Key, after: float = 0.0, priority: int = CHANGED) -> None:
        """Have `key` looked at `after` seconds from now, or earlier if that was already asked for."""
        with self._condition:
            due = self._clock.monotonic() + max(0.0, after)
            known = self._waiting.get(key)
            if known is not None:
                if due >= known.due and priority >= known.priority:
                    return
                due = min(due, known.due)
                priority = min(priority, known.priority)
            self._waiting[key] = _Entry(due, priority)
            heapq.heappush(self._later, (due, key))
            self._condition.notify()

    def get(self, timeout: float | None = None) -> Key | None:
        """The next due key, now owned by the caller until `done`; None after `timeout` s or `close`."""
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        with self._condition:
            while not self._closed:
                now = self._clock.monotonic()
                key = self._take(now)
                if key is not None:
                    self._condition.notify()  # somebody else watches the clock now
                    return key
                if deadline is not None and deadline <= now:
                    return None
                self._wait(now, deadline)
            return None

    def _wait(self, now: float, deadline: float | None) -> None:
        """Wait for a key that is due sooner, or for the next due time unless another waits for that already."""
        due = self._later[0][0] if self._later else float("inf")
        if deadline is not None:
            self._condition.wait(max(0.001, min(due, deadline) - now))
            return
        if due >= self._alarm:
            self._condition.wait()
            return
        self._alarm = due
        self._condition.wait(max(0.001, due - now))
        if self._alarm == due:
            self._alarm = float("inf")

    def done(self, key: Key) -> None:
        """The caller finished its pass; the key may be handed out again."""
        with self._condition:
            self._running.discard(key)
            if key in self._waiting:
                heapq.heappush(self._later, (self._waiting[key].due, key))
                self._condition.notify()

    def depth(self) -> int:
        """How many keys wait, due or not."""
        with self._condition:
            return len(self._waiting)

    def lag(self) -> float:
        """Seconds by which the most overdue waiting key is late; 0 when none is."""
        with self._condition:
            now = self._clock.monotonic()
            return max(
                (now - entry.due for key, entry in self._waiting.items() if key not in self._running), default=0.0
            )

    def close(self) -> None:
        """Wake every waiting worker with None; nothing is handed out any more."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _take(self, now: float) -> Key | None:
        while self._later and self._later[0][0] <= now:
            due, key = heapq.heappop(self._later)
            entry = self._waiting.get(key)
            if entry is None or entry.due != due or key in self._running:
                continue
            heapq.heappush(self._ready, (entry.priority, due, key))
        while self._ready:
            priority, due, key = heapq.heappop(self._ready)
            entry = self._waiting.get(key)
            if entry is None or (entry.priority, entry.due) != (priority, due) or key in self._running:
                continue
            del self._waiting[key]
            self._running.add(key)
            return key
        return None
