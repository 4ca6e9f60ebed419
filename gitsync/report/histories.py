"""The commits of an app, newest first: when each was applied, how it ended, what it did to each job. Pure.

Made from the SyncApp's own history, which knows only what was applied whole, and from the records in
the repository, which also know what failed or was overtaken.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitsync.model import records
from gitsync.model.records import JobRecord, Record
from gitsync.model.revisions import Revision
from gitsync.model.syncstatuses import HistoryEntry
from operator_core.jsonvalues import Object


@dataclass(frozen=True, slots=True)
class Row:
    """One commit; what is not known is empty."""

    revision: str
    number: int | None
    deployed: str
    phase: str
    reason: str
    message: str
    author: str
    subject: str
    jobs: tuple[JobRecord, ...]

    def to_json(self) -> Object:
        """For programs; what is not known is left out."""
        told = {
            "revision": self.revision,
            "id": self.number,
            "deployedAt": self.deployed,
            "phase": self.phase,
            "reason": self.reason,
            "message": self.message,
            "author": self.author,
            "subject": self.subject,
            "jobs": [_job(job) for job in self.jobs],
        }
        return {key: value for key, value in told.items() if value not in ("", None, [])}


def rows(
    history: Iterable[HistoryEntry], told: Iterable[Record], commits: Mapping[str, Revision], limit: int
) -> tuple[Row, ...]:
    """At most `limit` commits, the one that was applied or told of last first."""
    deployed = {entry.revision: entry for entry in history}
    by_revision: dict[str, list[Record]] = {}
    for record in told:
        by_revision.setdefault(record.revision, []).append(record)
    found = [
        (_moment(deployed.get(sha), by_revision.get(sha, [])), sha) for sha in dict.fromkeys([*deployed, *by_revision])
    ]
    newest = sorted(found, reverse=True)[:limit]
    return tuple(_row(sha, deployed.get(sha), by_revision.get(sha, []), commits.get(sha)) for _, sha in newest)


def _moment(entry: HistoryEntry | None, told: list[Record]) -> str:
    """When a commit began to count; comparable as text."""
    began = [records.stamp(record.time) for record in told]
    return min([*began, *([entry.deployed_at] if entry is not None else [])])


def _row(sha: str, entry: HistoryEntry | None, told: list[Record], commit: Revision | None) -> Row:
    last = records.latest(told)
    return Row(
        revision=sha,
        number=entry.id if entry is not None else None,
        deployed=entry.deployed_at if entry is not None else "",
        phase=last.phase.value if last is not None else "",
        reason=last.reason if last is not None else "",
        message=last.message if last is not None else "",
        author=commit.author if commit is not None else "",
        subject=commit.subject if commit is not None else "",
        jobs=last.jobs if last is not None else (),
    )


def _job(job: JobRecord) -> Object:
    return {key: value for key, value in records.job_to_json(job).items() if value}
