"""Tell what a pass found: the SyncApp's status, an event, and a record for the repository.

The status is written only when it differs, with the resourceVersion it was computed from; losing
that race means reading again, not repeating the write. Records go to the write-back lane when they
say something new. Decides nothing about what is told (`status`, `phases`, `telling`).
"""

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from gitsync.model import telling
from gitsync.model.identities import AppName
from gitsync.model.records import Phase, Record
from gitsync.model.syncstatuses import Status
from gitsync.report import conditions, notices, status
from gitsync.report.notices import Notice, Where
from gitsync.report.outlets import Outlet, Source
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.kube.events import Recorder
from operator_core.runtime.clock import Clock

log = logging.getLogger(__name__)

FIELD_MANAGER = "gitsync-status"
PROGRESS_SECONDS = 10.0
"""Between two writes that only tell how far something is."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """Where else things are told: records go to all outlets, notices to people."""

    outlets: tuple[Outlet, ...] = ()
    announce: Callable[[tuple[Notice, ...]], None] = lambda _: None


class Publisher:
    """Writes statuses and hands records on. Safe to share between threads."""

    def __init__(self, client: Client, clock: Clock, apps: Cache, recorder: Recorder, lanes: Lanes) -> None:
        self._client = client
        self._clock = clock
        self._apps = apps
        self._recorder = recorder
        self._outlets = lanes.outlets
        self._announce = lanes.announce
        self._lock = threading.Lock()
        self._told: dict[AppName, tuple[Source, Record]] = {}
        self._written: dict[AppName, float] = {}

    def write(self, name: AppName, old: Status, new: Status) -> bool:
        """Write the status if it changed; False when the app changed meanwhile (it was read again)."""
        if new == old:
            return True
        obj = self._apps.get(name.namespace, name.name)
        if obj is None:
            return True
        body = {**obj, "status": new.to_json()}
        request = requests.replace(requests.SYNC_APPS, body, subresource="status", field_manager=FIELD_MANAGER)
        try:
            self._apps.observed(self._client.send(request))
        except errors.NotFound:
            return True
        except errors.Conflict:
            self._apps.observed(self._client.send(requests.get(requests.SYNC_APPS, name.namespace, name.name)))
            return False
        self._written[name] = self._clock.monotonic()
        if new.problems and new.problems != old.problems:
            first = new.problems[0]
            self._recorder.event(obj, "Warning", first.reason, conditions.problem_text(first))
        blocked = conditions.newly_blocked(old, new)
        if blocked:
            self._recorder.event(obj, "Warning", conditions.BLOCKED, blocked)
        return True

    def release(self, obj: Object, finalizers: list[str]) -> None:
        """Let an app that is being deleted go but for the `finalizers` of others."""
        meta = obj["metadata"]
        body = {"metadata": {"finalizers": finalizers, "resourceVersion": meta["resourceVersion"]}}
        request = requests.merge_patch(
            requests.SYNC_APPS, meta["namespace"], meta["name"], body, field_manager=FIELD_MANAGER
        )
        with contextlib.suppress(errors.NotFound):
            self._client.send(request)

    def pause(self, name: AppName, old: Status, new: Status) -> float:
        """Seconds until words about something still under way may be written again; 0: now."""
        if not status.is_only_progress(old, new):
            return 0.0
        last = self._written.get(name)
        return 0.0 if last is None else max(0.0, last + PROGRESS_SECONDS - self._clock.monotonic())

    def tell(self, source: Source, record: Record, old: Status, new: Status) -> None:
        """Hand on what `record` adds to what was told before; `old` and `new` are the app's status then and now."""
        before = notices.last_told(record, old.told)
        with self._lock:
            known = self._told.get(source.app)
            due = telling.due(record, known[1] if known is not None else before, source.story.phases)
            self._told[source.app] = (source, due.told)
        if old.told == new.told and before is not None:
            source = replace(source, told_at=before.time)
        if due.told is record:
            # Why a commit failed is told by the event about it.
            why = f": {record.message}" if record.message and record.phase is not Phase.FAILED else ""
            log.info("app %s: commit %s is %s%s", source.app, record.revision[:7], record.phase, why)
        if due.records:
            for outlet in self._outlets:
                outlet.tell(source, due.records)

    def announce(self, where: Where, old: Status, new: Status, record: Record | None = None) -> None:
        """Tell people what is worth a message of the status `new` that was written after `old`."""
        self._announce(notices.between(where, old, new, record, self._clock.now()))

    def drop(self, name: AppName) -> None:
        """The app does not exist any more."""
        with self._lock:
            told = self._told.pop(name, None)
            self._written.pop(name, None)
        if told is not None:
            for outlet in self._outlets:
                outlet.removed(told[0])
