"""Which records a commit is due, given how far an app came and what was told before.

Pure. A record is written when it says something new: not once per pass, not when a healthy job
restarts and is merely `running` again. A commit that a newer one overtook before it came to an end
gets `superseded`, so that every commit's note ends with how it ended.
"""

from dataclasses import dataclass
from datetime import datetime

from gitsync.model.records import TERMINAL, Phase, Record

_RANK = {Phase.PENDING: 0, Phase.APPLIED: 1, Phase.RUNNING: 2, Phase.STABLE: 3}


@dataclass(frozen=True, slots=True)
class Due:
    """Records to push, oldest story first, and what is told of the app from now on."""

    records: tuple[Record, ...]
    told: Record


def due(record: Record, told: Record | None, phases: frozenset[Phase] = TERMINAL) -> Due:
    """What to write back when a pass ends with `record` and `told` was the last one.

    `phases` are those the policy wants in Git; the others only count for what follows.
    """
    if told is None:
        return Due(_wanted((record,), phases), record)
    if (told.cluster, told.app, told.revision) != (record.cluster, record.app, record.revision):
        return Due(_wanted((*_superseded(told, record.revision, record.time), record), phases), record)
    if _is_step_back(told.phase, record.phase) or told.says_the_same_as(record):
        return Due((), told)
    return Due(_wanted((record,), phases), record)


def _superseded(told: Record, newer: str, now: datetime) -> tuple[Record, ...]:
    if told.phase in TERMINAL:
        return ()
    return (
        Record(
            cluster=told.cluster,
            app=told.app,
            revision=told.revision,
            phase=Phase.SUPERSEDED,
            reason="Superseded",
            message=f"commit {newer[:7]} came before this one was done",
            time=now,
        ),
    )


def _is_step_back(told: Phase, now: Phase) -> bool:
    """A job that recovers passes earlier phases again; the commit has already reached the later one."""
    return told in (Phase.RUNNING, Phase.STABLE) and now in _RANK and _RANK[now] < _RANK[told]


def _wanted(records: tuple[Record, ...], phases: frozenset[Phase]) -> tuple[Record, ...]:
    return tuple(record for record in records if record.phase in phases)
