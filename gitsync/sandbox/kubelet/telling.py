"""Kubernetes events about pods, written by a thread of their own so that no pod waits for them.

Shell around `events.Recorder`. The same words about the same pod are told once in `REPEAT_S`: a volume that is retried
five times a second must not become five requests a second.
"""

from __future__ import annotations

import queue
import threading

from gitsync.sandbox.kubelet.podstates import uid
from operator_core.jsonvalues import Object
from operator_core.kube.events import Recorder
from operator_core.runtime.clock import Clock

REPEAT_S = 10.0
REMEMBERED = 1000


class Teller:
    """Tells events in order; drops nothing but repeats."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._told: dict[tuple[str, str, str], float] = {}
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[Object, str, str, str]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="events", daemon=True).start()

    def normal(self, pod: Object, reason: str, message: str) -> None:
        self._tell(pod, "Normal", reason, message)

    def warning(self, pod: Object, reason: str, message: str) -> None:
        self._tell(pod, "Warning", reason, message)

    def _tell(self, pod: Object, kind: str, reason: str, message: str) -> None:
        key, now = (uid(pod), reason, message), self._clock.monotonic()
        with self._lock:
            if now - self._told.get(key, -REPEAT_S) < REPEAT_S:
                return
            if len(self._told) >= REMEMBERED:
                self._told.clear()
            self._told[key] = now
        self._queue.put((pod, kind, reason, message))

    def _run(self) -> None:
        while True:
            self._recorder.event(*self._queue.get())
