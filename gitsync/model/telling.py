"""Which records a commit is due, given how far an app came and what was told before.

Pure. A record is written when it says something new: not once per pass, not when a healthy job
restarts and is merely `running` again, not when a failed commit is tried once more. A commit that a
newer one overtook before it came to an end gets `superseded`, so that every commit's note ends with
how it ended.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from gitsync.model.records import TERMINAL, Phase, Record

_RANK = {Phase.PENDING: 0, Phase.APPLIED: 1, Phase.RUNNING: 2, Phase.STABLE: 3}
ALL = frozenset(Phase)


@dataclass(frozen=True, slots=True)
class Due:
    """Records to push, oldest story first, and what is told of the app from now on."""

    records: tuple[Record, ...]
    told: Record


@dataclass(frozen=True, slots=True)
class Story:
    """What to know of an app beside its records."""

    paths: tuple[str, ...] = ()
    """Where in the repository what it reads is; a commit that changes none of them is none of its own."""
    phases: frozenset[Phase] = ALL
    branch: bool = True
    """Whether it has a page in the status branch."""
    commit_status: bool = True
    """Whether the repository's forge shows how its commits are."""


def _nothing(old: str, new: str) -> tuple[str, ...]:
    return ()


def due(record: Record, told: Record | None, phases: frozenset[Phase] = ALL) -> Due:
    """What to write back when a pass ends with `record` and `told` was the last one.

    `phases` are those the policy wants in Git; the others only count for what follows.
    """
    if told is None:
        return Due(_wanted((record,), phases), record)
    if (told.cluster, told.app, told.revision) != (record.cluster, record.app, record.revision):
        return Due(_wanted((*_superseded(told, record.revision, record.time), record), phases), record)
    if is_step_back(told.phase, record.phase) or told.says_the_same_as(record):
        return Due((), told)
    return Due(_wanted((record,), phases), record)


def resumed(
    records: Iterable[Record],
    told: Record | None,
    passed_over: Callable[[str, str], tuple[str, ...]] = _nothing,
) -> Due | None:
    """What of `records` of one app, in the order they came, is due after `told`; None without any.

    Lets a writer that knows what Git has correct one that has just started and does not. `passed_over` are the
    commits between two that nobody looked at, because a newer one came first: each gets its end as well.
    """
    news: list[Record] = []
    for record in records:
        if record.phase is Phase.SUPERSEDED:
            news.append(record)
            continue
        if told is not None and told.revision != record.revision:
            known = {one.revision for one in news if one.phase is Phase.SUPERSEDED}
            ended = _superseded(told, record.revision, record.time)
            ended += tuple(_passed_over(sha, record) for sha in passed_over(told.revision, record.revision))
            news += [one for one in ended if one.revision not in known]
        if told is None or told.revision != record.revision or due(record, told).records:
            news.append(record)
            told = record
    return Due(tuple(news), told) if told is not None else None


def _superseded(told: Record, newer: str, now: datetime) -> tuple[Record, ...]:
    if told.phase in TERMINAL:
        return ()
    return (_ended(told, told.revision, f"commit {newer[:7]} came before this one was done", now),)


def _passed_over(revision: str, by: Record) -> Record:
    return _ended(by, revision, f"commit {by.revision[:7]} came before this one was looked at", by.time)


def _ended(of: Record, revision: str, message: str, now: datetime) -> Record:
    return Record(
        cluster=of.cluster,
        app=of.app,
        revision=revision,
        phase=Phase.SUPERSEDED,
        reason="Superseded",
        message=message,
        time=now,
    )


def is_step_back(told: Phase, now: Phase) -> bool:
    """A job that recovers passes earlier phases again; the commit has already reached the later one."""
    if told is Phase.FAILED:
        return now in (Phase.PENDING, Phase.APPLIED)
    return told in _RANK and now in _RANK and _RANK[now] < _RANK[told]


def _wanted(records: tuple[Record, ...], phases: frozenset[Phase]) -> tuple[Record, ...]:
    return tuple(record for record in records if record.phase in phases)
