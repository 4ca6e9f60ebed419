"""What is worth a message to people: a phase that a commit reached, an app that is ready no more, or again.

Pure. What was told is kept in the SyncApp's status (`status.told`), written before it is told: nothing is told twice,
also not by an agent that has just started; what a crash in between takes away is told by the next change.
"""

from dataclasses import dataclass
from datetime import datetime

from gitsync.git import urls
from gitsync.model import records, telling
from gitsync.model.identities import AppName
from gitsync.model.records import Phase, Record
from gitsync.model.syncstatuses import Status, Told
from gitsync.report import flapping
from operator_core.jsonvalues import Object

READY, NOT_READY = "ready", "not-ready"
_MOVING = frozenset({"Applying", "Progressing", "WaitingForKind", "OutOfSync"})
"""Reasons of `Ready` that pass by themselves or wait for a person who knows."""
_AGAIN = "; again, so its end is told once it lasts for {} s"


@dataclass(frozen=True, slots=True)
class Where:
    """Which app it is about; `repository` is its URL."""

    app: AppName
    cluster: str
    repository: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell. `event` is a phase, or `ready` or `not-ready`."""

    event: str
    where: Where
    revision: str
    reason: str
    message: str
    time: datetime
    jobs: tuple[Object, ...] = ()

    def to_json(self) -> Object:
        """What templates and generic webhooks see."""
        return {
            "event": self.event,
            "app": self.where.app.name,
            "namespace": self.where.app.namespace,
            "cluster": self.where.cluster,
            "repository": urls.without_credentials(self.where.repository),
            "revision": self.revision,
            "reason": self.reason,
            "message": records.masked(self.message),
            "time": records.stamp(self.time),
            "jobs": list(self.jobs),
        }


def told(old: Told | None, record: Record | None, new: Status, now: datetime) -> Told | None:
    """What is told of an app with its next status: kept there, so that nobody tells it again."""
    before = old or Told()
    ended = _is_ready(new) and flapping.left(before, new, now) is None
    trouble = _trouble(new) or ("" if ended else before.trouble)
    after = flapping.turned(before, trouble, new.attempted_revision or "", now)
    if record is not None and _is_news(record, before):
        update = {"revision": record.revision, "phase": record.phase.value, "time": records.stamp(record.time)}
        after = after.model_copy(update=update)
        if record.revision != before.revision:
            after = after.model_copy(update={"turns": 0})
    return old if after == before else after


def last_told(record: Record, told: Told | None) -> Record | None:
    """What was told of an app before, as far as its status knows; None when nothing was."""
    if told is None or not told.revision:
        return None
    time = datetime.fromisoformat(told.time)
    return Record(record.cluster, record.app, told.revision, Phase(told.phase), "", "", time)


def between(where: Where, old: Status, new: Status, record: Record | None, now: datetime) -> tuple[Notice, ...]:
    """What is worth a message when the status `new` is written after `old`; `record` is the newest."""
    before, after = old.told or Told(), new.told or Told()
    found = []
    if record is not None and (before.revision, before.phase) != (after.revision, after.phase):
        jobs = tuple(record.to_json()["jobs"])
        found.append(Notice(record.phase.value, where, record.revision, record.reason, record.message, now, jobs))
    if before.trouble != after.trouble:
        ready = next(one for one in new.conditions if one.type == "Ready")
        event = NOT_READY if after.trouble else READY
        revision = new.attempted_revision or ""
        again = _AGAIN.format(int(flapping.hold(after.turns).total_seconds())) if after.trouble and after.turns else ""
        found.append(Notice(event, where, revision, ready.reason, ready.message + again, now))
    return tuple(found)


def _is_news(record: Record, told: Told) -> bool:
    if record.revision != told.revision or told.phase not in set(Phase):
        return True
    phase = Phase(told.phase)
    return record.phase is not phase and not telling.is_step_back(phase, record.phase)


def _is_ready(status: Status) -> bool:
    ready = flapping.ready_of(status)
    return ready is not None and ready.status == "True"


def _trouble(status: Status) -> str:
    """The reason for which an app is not ready, where that is trouble and not what every commit goes through."""
    ready = flapping.ready_of(status)
    if ready is None or ready.status == "True" or ready.reason in _MOVING:
        return ""
    return ready.reason
