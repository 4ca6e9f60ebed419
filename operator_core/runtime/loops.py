"""Workers that run passes: one key at a time each, one pass per key.

A loop decides only what an outcome means for the queue: `After` comes back, `Done` waits for a
change, `Stalled` waits for a change and is told, any other error comes back with growing pauses.
It knows nothing of kinds.
"""

import logging
import random
import secrets
import threading
import time
from collections.abc import Callable

from operator_core.errors import AgentError, Retry, Stalled
from operator_core.outcomes import After, Outcome
from operator_core.runtime import logs
from operator_core.runtime.queues import RECHECK, Key, Queue
from operator_core.runtime.tallies import Tally

log = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
GROWTH = 1.5
LONGEST_PAUSE = 60.0
OUTCOMES = ("done", "after", "retry", "stalled", "error")


def pause_after(failures: int, jitter: float) -> float:
    """Seconds before the next try after `failures` (from 1) in a row; `jitter` in [0, 1) spreads by 20 %."""
    base: float = min(LONGEST_PAUSE, FIRST_PAUSE * GROWTH ** min(failures - 1, 20))
    return base * (0.9 + 0.2 * jitter)


class Loop:
    """`workers` threads taking keys from one queue."""

    def __init__(
        self,
        name: str,
        queue: Queue,
        reconcile: Callable[[Key], Outcome],
        *,
        workers: int = 4,
        on_error: Callable[[Key, Exception], None] | None = None,
    ) -> None:
        self._name = name
        self.queue = self._queue = queue
        self._reconcile = reconcile
        self._workers = workers
        self._on_error = on_error
        self.passes = Tally("loop", "outcome")
        for outcome in OUTCOMES:
            self.passes.begin(name, outcome)
        self._failures: dict[Key, int] = {}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the workers; returns at once."""
        for number in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout: float = 10.0) -> bool:
        """Let running passes end; True when all workers ended within `timeout` seconds each."""
        self._queue.close()
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (key := self._queue.get()) is not None:
            try:
                self._one_pass(key)
            finally:
                self._queue.done(key)

    def _one_pass(self, key: Key) -> None:
        began = time.monotonic()
        with logs.during(resource=f"{key.kind} {key.namespace}/{key.name}", pass_id=secrets.token_hex(4)):
            result = self._run(key)
        self.passes.add(self._name, result, seconds=time.monotonic() - began)

    def _run(self, key: Key) -> str:
        """One pass and what its outcome means for the queue; the outcome's name."""
        try:
            outcome = self._reconcile(key)
        except Stalled as error:
            self._failures.pop(key, None)
            self._tell(key, error)
            return "stalled"
        except Exception as error:  # a worker survives whatever a pass does; the key backs off
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            after = error.after if isinstance(error, Retry) else None
            self._tell(key, error)
            self._queue.add(key, pause_after(failures, random.random()) if after is None else after, RECHECK)
            return "retry" if isinstance(error, AgentError) else "error"
        self._failures.pop(key, None)
        if isinstance(outcome, After):
            self._queue.add(key, outcome.seconds, RECHECK)
            return "after"
        return "done"

    def _tell(self, key: Key, error: Exception) -> None:
        if self._on_error is None:
            log.warning("%s %s/%s: %s", key.kind, key.namespace, key.name, error)
            return
        try:
            self._on_error(key, error)
        except AgentError as silent:
            log.warning("%s %s/%s: %s; not reported: %s", key.kind, key.namespace, key.name, error, silent)
        except Exception:
            log.exception("reporting an error of %s %s/%s failed", key.kind, key.namespace, key.name)
