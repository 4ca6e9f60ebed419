"""The lane in which records are pushed: a few threads, at most one push per repository and interval.

A pass only hands records over; it never waits for a push and never fails because of one. What
cannot be pushed stays here, newest per commit, app and phase, and is tried again: soon when the
repository cannot be reached, hourly when it does not let us. Records that a crash loses come again
from the next pass, and those already told are not told twice. A repository that hangs takes one of
the threads for a while; nobody writes one repository twice at a time.
"""

import functools
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gitsync.git import mirrors, notes, pushes, statusbranch, urls
from gitsync.model.records import Record
from gitsync.model.telling import Story
from operator_core.errors import AgentError, Reason, Stalled
from operator_core.runtime.clock import Clock
from operator_core.runtime.senders import Senders

INTERVAL = 10.0
"""Seconds between two pushes to one repository."""
FORBIDDEN_INTERVAL = 3600.0
WORKERS = 4
_LONGEST_BACK_OFF = 300.0
_MOST_RECORDS = 2000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WriteBackState:
    """The condition `WriteBack` of every app of a repository."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    since: datetime | None = None


UNKNOWN = WriteBackState("Unknown", "NothingToTell", "nothing was written back yet")


_Records = dict[tuple[str, str, str], Record]


@dataclass(frozen=True, slots=True)
class _Batch:
    """One push: what with, and which refs are left out."""

    mirror: mirrors.Mirror
    records: _Records
    closed: frozenset[str]


@dataclass(slots=True)
class _Repository:
    mirror: mirrors.Mirror
    cluster: str
    records: _Records = field(default_factory=dict)
    told: pushes.Told = field(default_factory=pushes.Told)
    busy: bool = False
    closed: frozenset[str] = frozenset()
    """Refs that may not be written; they are tried again at `open_at`."""
    open_at: float = 0.0
    not_before: float = 0.0
    failures: int = 0
    state: WriteBackState = UNKNOWN

    def due_at(self) -> float:
        """When there is something to push; infinity: never, as things are."""
        if self.busy:
            return math.inf
        due = self.not_before if self.records or (self.told.removed and not self.closed) else math.inf
        later = max(self.open_at, self.not_before)
        return min(due, later) if self.told.owed or self.told.removed else due

    def batch(self, now: float) -> _Batch:
        """What to push now."""
        return _Batch(self.mirror, dict(self.records), self.closed if now < self.open_at else frozenset())


class WriteBack:
    """Pushes records to any number of repositories. Safe to share between threads."""

    def __init__(
        self,
        clock: Clock,
        on_change: Callable[[str], None],
        *,
        interval: float = INTERVAL,
        status_branch: bool = True,
    ) -> None:
        """`on_change` is told the URL of a repository whose state changed; `status_branch`: write that too."""
        self._clock = clock
        self._on_change = on_change
        self._interval = interval
        self._status_branch = status_branch
        self._senders = Senders("write-back", WORKERS, self._next)
        self._lock = self._senders.changed
        self._repositories: dict[str, _Repository] = {}

    def start(self) -> None:
        """Begin to push."""
        self._senders.start()

    def stop(self, timeout: float) -> None:
        """Push once more what is waiting, where pushing works, and end within `timeout` seconds."""
        self._senders.stop(timeout)

    def submit(
        self,
        mirror: mirrors.Mirror,
        cluster: str,
        records: Iterable[Record],
        stories: Mapping[str, Story] | None = None,
    ) -> None:
        """Hand records over, and what else is to be known of their apps; returns at once."""
        with self._lock:
            known = self._of(mirror, cluster)
            known.told.stories.update(stories or {})
            for record in records:
                known.records.pop(_key(record), None)
                known.records[_key(record)] = record
            for oldest in list(known.records)[: max(0, len(known.records) - _MOST_RECORDS)]:
                del known.records[oldest]
            self._lock.notify_all()

    def remove(self, mirror: mirrors.Mirror, cluster: str, app: str) -> None:
        """An app was deleted: its page says so with the next push."""
        with self._lock:
            known = self._of(mirror, cluster)
            known.told.stories.pop(app, None)
            if self._status_branch:
                known.told.removed[app] = self._clock.now()
            self._lock.notify_all()

    def _of(self, mirror: mirrors.Mirror, cluster: str) -> _Repository:
        known = self._repositories.get(mirror.url)
        if known is None or known.mirror is not mirror or known.cluster != cluster:
            # Other credentials: what was forbidden may be allowed now.
            known = self._replaced(known, mirror, cluster)
        return known

    def _replaced(self, known: _Repository | None, mirror: mirrors.Mirror, cluster: str) -> _Repository:
        if known is None:
            known = self._repositories[mirror.url] = _Repository(mirror, cluster)
        if known.cluster != cluster:
            known.told = pushes.Told()
        known.mirror, known.cluster, known.not_before, known.open_at = mirror, cluster, 0.0, 0.0
        return known

    def state(self, url: str) -> WriteBackState:
        """How writing back to a repository goes; its URL in any spelling an app may use."""
        with self._lock:
            known = self._repositories.get(urls.canonical(url))
            return known.state if known is not None else UNKNOWN

    def is_idle(self) -> bool:
        """Whether nothing waits to be pushed."""
        with self._lock:
            return not any(known.records or known.told.removed for known in self._repositories.values())

    def _next(self) -> tuple[Callable[[], None] | None, float | None]:
        """The push that is due now, or the seconds until there may be one."""
        now, stopping = self._clock.monotonic(), self._senders.stopping
        first = self._last() if stopping else self._first()
        due = now if stopping or first is None else first.due_at()
        if first is None or due == math.inf:
            return None, None
        if due > now:
            return None, due - now
        first.busy = True
        if stopping:
            first.not_before = math.inf
        return functools.partial(self._push, first, first.batch(now)), None

    def _first(self) -> _Repository | None:
        return min(self._repositories.values(), key=_Repository.due_at, default=None)

    def _last(self) -> _Repository | None:
        """A repository that has not had its last push yet, and where pushing works."""
        waiting = (one for one in self._repositories.values() if (one.records or one.told.removed) and not one.busy)
        return next((one for one in waiting if one.failures == 0 and one.not_before != math.inf), None)

    def _push(self, known: _Repository, batch: _Batch) -> None:
        self._settle(known, batch, self._pushed(known, batch))

    def _pushed(self, known: _Repository, batch: _Batch) -> AgentError | None:
        try:
            pushes.write(
                batch.mirror,
                known.cluster,
                batch.records.values(),
                branch=self._status_branch,
                told=known.told,
                closed=batch.closed,
            )
        except AgentError as error:
            return error
        except Exception as error:
            _log.exception("writing back to %s failed", batch.mirror.url)
            return AgentError(Reason.InternalError, f"writing back failed: {type(error).__name__}; see the agent's log")
        return None

    def _settle(self, known: _Repository, batch: _Batch, error: AgentError | None) -> None:
        with self._lock:
            now = self._clock.monotonic()
            before = known.state
            known.busy = False
            if error is not None or not batch.closed:
                known.state = self._judged(known, error, before)
            if known.mirror is not batch.mirror:
                pause = 0.0  # Other credentials came meanwhile.
            else:
                pause = self._after(known, batch, error, now)
            known.not_before = max(known.not_before, now + pause)
            self._lock.notify_all()
        if known.state != before:
            self._on_change(known.mirror.url)

    def _after(self, known: _Repository, batch: _Batch, error: AgentError | None, now: float) -> float:
        """Keep what is still to be pushed; seconds until the next push."""
        is_partial = isinstance(error, pushes.Refused) and error.refs < pushes.refs_of(
            known.cluster, branch=self._status_branch
        )
        if error is not None and not is_partial:
            known.failures += 1
            patient = min(_LONGEST_BACK_OFF, self._interval * 2 ** (known.failures - 1))
            return FORBIDDEN_INTERVAL if isinstance(error, Stalled) else patient
        known.failures = 0
        for key, record in batch.records.items():
            if known.records.get(key) is record:
                del known.records[key]
        if isinstance(error, pushes.Refused):
            known.closed, known.open_at = error.refs, now + FORBIDDEN_INTERVAL
        elif not batch.closed:
            known.closed = frozenset()
        for oldest in list(known.told.owed)[: max(0, len(known.told.owed) - _MOST_RECORDS)]:
            del known.told.owed[oldest]
        return self._interval

    def _judged(self, known: _Repository, error: AgentError | None, before: WriteBackState) -> WriteBackState:
        if error is None:
            places = notes.ref_of(known.cluster)
            if self._status_branch:
                places += f" and {statusbranch.ref_of(known.cluster)}"
            status, reason, message = "True", "Pushed", f"records are in {places}"
        else:
            status, reason, message = "False", str(error.reason), error.message
        if (before.status, before.reason, before.message) == (status, reason, message):
            return before
        since = before.since if before.status == status else self._clock.now()
        return WriteBackState("True" if error is None else "False", reason, message, since)


def _key(record: Record) -> tuple[str, str, str]:
    return (record.revision, record.app, record.phase.value)
