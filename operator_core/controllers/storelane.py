"""The lane in which S3-compatible stores are listed: read the credentials, ask the store; no pass waits for it.

What it remembers is this process' knowledge alone: after a crash nobody knows, and the store is asked again, which
changes nothing there. A try that follows a failure tells that failure until it ends. Decides nothing about states.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from operator_core.conf.s3options import S3Settings
from operator_core.controllers import storework
from operator_core.controllers.storework import Work
from operator_core.controllers.world import Api
from operator_core.decide.facts import Listing
from operator_core.decide.records import epoch_ms
from operator_core.decide.statestores import StorePlace
from operator_core.outcomes import Done, Outcome
from operator_core.runtime.clock import Clock
from operator_core.runtime.loops import Loop
from operator_core.runtime.queues import Key, Queue
from operator_core.stores import looking
from operator_core.stores.errors import StoreError

log = logging.getLogger(__name__)

WORKERS = 4

Look = Callable[[S3Settings, tuple[StorePlace, ...]], tuple[looking.State, ...]]


class StoreLane:
    """Safe to share between threads. `wake` is told namespace and name of a resource whose listing ended."""

    def __init__(self, clock: Clock, api: Api, wake: Callable[[str, str], None], look: Look = looking.states) -> None:
        self._clock = clock
        self._api = api
        self._wake = wake
        self._look = look
        self._lock = threading.Lock()
        self._wanted: dict[Key, Work] = {}
        self._known: dict[Key, Listing] = {}
        self._queue = Queue(clock)
        self._loop = Loop("stores", self._queue, self._list, workers=WORKERS)

    def start(self) -> None:
        """Begin to list."""
        self._loop.start()

    def stop(self, timeout: float) -> None:
        """Take no more work; listings under way end by themselves or with the process."""
        self._queue.close()
        self._loop.stop(timeout)

    def known(self, namespace: str, name: str) -> Listing | None:
        """What the newest listing says; None: none was asked for."""
        with self._lock:
            return self._known.get(_key(namespace, name))

    def forget(self, namespace: str, name: str) -> None:
        """Nobody needs the listing any more."""
        with self._lock:
            self._known.pop(_key(namespace, name), None)
            self._wanted.pop(_key(namespace, name), None)

    def begin(self, namespace: str, name: str, work: Work) -> None:
        """Have the stores listed, whatever was asked for before."""
        key = _key(namespace, name)
        with self._lock:
            before = self._known.get(key)
            again = before is not None and before.state == "failed" and before.purpose == work.purpose
            self._known[key] = replace(before, ended=self._now()) if before and again else _pending(work)
            self._wanted[key] = work
        self._queue.add(key)

    def _list(self, key: Key) -> Outcome:
        with self._lock:
            work = self._wanted.pop(key, None)
        if work is None:
            return Done()
        ended = self._try(key, work)
        with self._lock:
            known = self._known.get(key)
            if known is None or key in self._wanted:
                return Done()
            self._known[key] = ended
        self._wake(key.namespace, key.name)
        return Done()

    def _try(self, key: Key, work: Work) -> Listing:
        try:
            found = self._look(storework.access(self._api, key.namespace, work), work.places)
        except StoreError as error:
            log.info("%s/%s: %s", key.namespace, key.name, error.message)
            return self._failed(work, error.message)
        except Exception as error:
            log.exception("listing the states of %s/%s failed", key.namespace, key.name)
            return self._failed(work, f"listing failed: {type(error).__name__}; see the agent's log")
        return Listing(work.purpose, "done", found)

    def _failed(self, work: Work, cause: str) -> Listing:
        return Listing(work.purpose, "failed", cause=cause, ended=self._now())

    def _now(self) -> int:
        return epoch_ms(self._clock.now())


def _pending(work: Work) -> Listing:
    return Listing(work.purpose, "pending")


def _key(namespace: str, name: str) -> Key:
    return Key("StateStores", namespace, name)
