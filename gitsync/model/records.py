"""The record of what a commit did to one app on one cluster: one JSON object per line.

Pure. Records live in Git notes and in the status branch, where every clone of the repository can
read them: they hold ids, effects, reasons and field paths, and never a value of a manifest, an
argument or a configuration. Several agents write the same note; merging keeps the newest line per
cluster, app and phase, lines of a newer format as they are, and text that people put there.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from operator_core import masking
from operator_core.jsonvalues import Json, Object, dig

VERSION = 1
_SAVEPOINTS_APART = timedelta(hours=1)
_LONGEST_MESSAGE = 500


class Phase(StrEnum):
    """How far an app came with a commit."""

    PENDING = "pending"
    APPLIED = "applied"
    RUNNING = "running"
    STABLE = "stable"
    FAILED = "failed"
    SUPERSEDED = "superseded"


TERMINAL = frozenset({Phase.RUNNING, Phase.STABLE, Phase.FAILED, Phase.SUPERSEDED})
"""Phases that say how a commit ended; `running` may still become `stable`."""


ORDER = {
    phase: number
    for number, phase in enumerate(
        (Phase.PENDING, Phase.APPLIED, Phase.RUNNING, Phase.STABLE, Phase.FAILED, Phase.SUPERSEDED)
    )
}
"""The order of phases one commit reached at one time, as far as records tell times apart."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What happened to one job: ids and the effect, never a value of its specification."""

    kind: str
    namespace: str
    name: str
    effect: str = ""
    job_id: str = ""
    restored_from: str = ""
    savepoint: str = ""
    scheduled: bool = field(default=False, compare=False)
    """Whether a schedule asked for the savepoint: such ones are told once an hour. Not part of the line."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line. `revision` is a full commit id, `time` aware and UTC, told to the millisecond."""

    cluster: str
    app: str
    revision: str
    phase: Phase
    reason: str
    message: str
    time: datetime
    jobs: tuple[JobRecord, ...] = ()

    def to_line(self) -> str:
        """The line, without its line feed; keys in the order of the format."""
        return json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":"))

    def to_json(self) -> Object:
        """The line as an object."""
        return {
            "v": VERSION,
            "cluster": self.cluster,
            "app": self.app,
            "revision": self.revision,
            "phase": self.phase.value,
            "reason": self.reason,
            "message": masked(self.message),
            "time": stamp(self.time),
            "jobs": [job_to_json(job) for job in self.jobs],
        }

    def says_the_same_as(self, other: "Record") -> bool:
        """Whether both tell the same story, whenever they were written."""
        return _without_time(self.to_json()) == _without_time(other.to_json())


def stamp(moment: datetime) -> str:
    """A time as records have it: UTC, to the millisecond, so that texts sort as the times do."""
    utc = moment.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"


def latest(records: Iterable[Record]) -> Record | None:
    """The record that says how things are: the newest, of an overtaken commit only where nothing else is told."""
    return max(records, key=lambda one: (one.phase is not Phase.SUPERSEDED, *_age(one)), default=None)


def masked(message: str) -> str:
    """`message` fit for a record: no credentials of a URL, no value of a secret-looking key, not long."""
    text = masking.masked(message)
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def parse_lines(text: str) -> tuple[Record, ...]:
    """Every record of this format in `text`; other lines are skipped."""
    return tuple(record for line in text.splitlines() if (record := _parsed(line)) is not None)


def merge(*texts: str) -> str:
    """All lines of `texts`, the newest per cluster, app and phase; ends with a line feed unless empty.

    Of two lines of the same time the greater text wins, so that every writer comes to the same result.
    """
    newest: dict[tuple[str, str, str], tuple[str, str]] = {}
    foreign: dict[str, None] = {}
    for line in (line.strip() for text in texts for line in text.splitlines()):
        key_and_time = _key_and_time(line)
        if key_and_time is None:
            if line:
                foreign[line] = None
            continue
        key, time = key_and_time
        newest[key] = max(newest.get(key, ("", "")), (time, line))
    ours = [newest[key][1] for key in sorted(newest, key=lambda key: (newest[key][0], _rank(key[2]), newest[key][1]))]
    return "".join(f"{line}\n" for line in [*ours, *foreign])


def added(text: str, records: Iterable[Record]) -> str:
    """`text` with `records` merged in; unchanged by a record that is already told with another time."""
    present: dict[tuple[str, str], list[Record]] = {}
    for one in parse_lines(text):
        present.setdefault((one.cluster, one.app), []).append(one)
    news: list[str] = []
    for record in records:
        of_app = present.setdefault((record.cluster, record.app), [])
        if is_news(record, of_app):
            present[(record.cluster, record.app)] = [one for one in of_app if one.phase is not record.phase] + [record]
            news.append(record.to_line())
    return merge(text, *news) if news else text


def is_news(record: Record, present: Iterable[Record]) -> bool:
    """Whether `record` adds to what is there of its app: new words, or a phase that was left and came again."""
    of_app = list(present)
    of_phase = [one for one in of_app if one.phase is record.phase]
    if any(one.time > record.time for one in of_phase):
        return False
    if any(_is_soon_again(one, record) for one in of_phase):
        return False
    told = next((one for one in of_phase if one.says_the_same_as(record)), None)
    return told is None or any(_age(told) < _age(one) < _age(record) for one in of_app)


def _is_soon_again(told: Record, record: Record) -> bool:
    """Whether nothing is new but the newest of scheduled savepoints, and one was told within the hour."""
    if record.time - told.time >= _SAVEPOINTS_APART or len(told.jobs) != len(record.jobs):
        return False
    kept = replace(record, jobs=tuple(replace(new, savepoint=old.savepoint) for old, new in _pairs(told, record)))
    changed = [(old, new) for old, new in _pairs(told, record) if old.savepoint != new.savepoint]
    again = all(old.savepoint and new.scheduled for old, new in changed)
    return bool(changed) and again and told.says_the_same_as(kept)


def _pairs(told: Record, record: Record) -> list[tuple[JobRecord, JobRecord]]:
    return list(zip(told.jobs, record.jobs, strict=True))


def _age(record: Record) -> tuple[str, int]:
    return stamp(record.time), ORDER[record.phase]


def _rank(phase: str) -> int:
    return ORDER.get(Phase(phase), len(ORDER)) if phase in set(Phase) else len(ORDER)


def job_to_json(job: JobRecord) -> Object:
    """Every field under the name it has in a note; empty ones too."""
    return {
        "kind": job.kind,
        "namespace": job.namespace,
        "name": job.name,
        "effect": job.effect,
        "jobId": job.job_id,
        "restoredFrom": job.restored_from,
        "savepoint": job.savepoint,
    }


def _without_time(line: Object) -> Object:
    return {key: value for key, value in line.items() if key != "time"}


def _object(line: str) -> Object | None:
    try:
        value: Json = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _key_and_time(line: str) -> tuple[tuple[str, str, str], str] | None:
    value = _object(line) if line.startswith("{") else None
    if value is None:
        return None
    parts = [value.get(name) for name in ("cluster", "app", "phase", "time")]
    if not all(isinstance(part, str) for part in parts):
        return None
    cluster, app, phase, time = parts
    return (str(cluster), str(app), str(phase)), str(time)


def _parsed(line: str) -> Record | None:
    value = _object(line)
    return from_json(value) if value is not None else None


def from_json(value: Object) -> Record | None:
    """The record behind the object of a line; None when it is none of this format."""
    if value.get("v") != VERSION:
        return None
    try:
        time = datetime.fromisoformat(str(value["time"]))
        return Record(
            cluster=str(value["cluster"]),
            app=str(value["app"]),
            revision=str(value["revision"]),
            phase=Phase(value["phase"]),
            reason=str(value.get("reason", "")),
            message=str(value.get("message", "")),
            time=time if time.tzinfo else time.replace(tzinfo=UTC),
            jobs=tuple(_job_from_json(job) for job in value.get("jobs", [])),
        )
    except (KeyError, ValueError, TypeError):
        return None


def _job_from_json(value: Json) -> JobRecord:
    def text(name: str) -> str:
        return str(dig(value, name, default=""))

    return JobRecord(
        kind=text("kind"),
        namespace=text("namespace"),
        name=text("name"),
        effect=text("effect"),
        job_id=text("jobId"),
        restored_from=text("restoredFrom"),
        savepoint=text("savepoint"),
    )
