"""How a snapshot that is recorded in the status goes on, until it is complete, tried again or given up.

With snapshot resources it becomes a FlinkStateSnapshot, whose own controller sees it through; without, Flink is asked
here under the recorded trigger id (the Java operator's legacy form). Which snapshot is due is decided elsewhere.
"""

import hashlib
from typing import assert_never

from operator_core.conf import options
from operator_core.decide import cadence, observing, records, savepointdirectories, snapshotrecords, steps
from operator_core.decide.decisions import (
    Event,
    NewSnapshot,
    SideEffect,
    SnapshotKind,
    Step,
    TriggerCheckpoint,
    TriggerSavepoint,
)
from operator_core.decide.flinkfacts import (
    Job,
    Trigger,
    TriggerCompleted,
    TriggerFailed,
    TriggerPending,
    TriggerUnknown,
    Unreachable,
)
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Need, Unread
from operator_core.decide.snapshotrecords import Pending
from operator_core.errors import Reason
from operator_core.model.statuses import TERMINAL_JOB_STATES

_RETRIES = (10.0, 30.0)
"""Seconds after the first trigger at which one that failed is tried again, within the grace period."""
SOON = 0.5
"""Seconds until a snapshot that was just handed over, ended or given up is looked at again."""


def makes_resources(facts: JobFacts[S]) -> bool:
    """Whether snapshots are FlinkStateSnapshots: switched on and served by the cluster."""
    return not records.keeps_history(facts)


def effect(facts: JobFacts[S], pending: Pending) -> SideEffect:
    """What has a recorded snapshot taken: a resource of its own, or a request to Flink."""
    if makes_resources(facts):
        return new(facts, pending)
    job_id = facts.status.job_status.job_id or ""
    if pending.kind == "checkpoint":
        return TriggerCheckpoint(job_id, pending.trigger_id, pending.format_type)
    return TriggerSavepoint(job_id, pending.trigger_id, savepointdirectories.of(facts), pending.format_type)


def new(facts: JobFacts[S], pending: Pending) -> NewSnapshot:
    """The FlinkStateSnapshot of a recorded snapshot."""
    if pending.kind == "checkpoint":
        return NewSnapshot("checkpoint", pending.trigger, pending.since)
    return NewSnapshot(
        kind="savepoint",
        trigger=pending.trigger,
        stamp=pending.since,
        path=savepointdirectories.of(facts),
        format_type=pending.format_type,
        dispose_on_delete=options.get_bool(facts.conf, options.SAVEPOINT_DISPOSE),
    )


def exists(facts: JobFacts[S], snapshot: NewSnapshot) -> bool:
    """Whether the FlinkStateSnapshot is there already."""
    name = snapshotrecords.name_of(facts.name, snapshot)
    return any(resource["metadata"]["name"] == name for resource in facts.snapshots or ())


def carry_on(facts: JobFacts[S], pending: Pending) -> Step[S] | None:
    """A recorded snapshot: make its resource, or ask Flink how it fares. None: nothing to do at the moment."""
    if makes_resources(facts):
        snapshot = new(facts, pending)
        if not exists(facts, snapshot):
            return Step(snapshot, facts.status)
        return steps.rest(facts, SOON, status=snapshotrecords.handed_over(facts.status, pending.kind))
    job = facts.flink.job
    if not isinstance(job, Job):
        return None
    if job.state in TERMINAL_JOB_STATES:
        return _give_up(facts, pending, f"the job is {job.state}")
    answer = facts.flink.trigger if pending.kind == "savepoint" else facts.flink.checkpoint_trigger
    if isinstance(answer, Unread):
        return steps.look(facts, Need.TRIGGER if pending.kind == "savepoint" else Need.CHECKPOINT_TRIGGER)
    if isinstance(answer, Unreachable):
        return steps.rest(facts, cadence.pending(facts, pending.since))
    return _answered(facts, pending, answer)


def _answered(facts: JobFacts[S], pending: Pending, answer: Trigger) -> Step[S]:
    match answer:
        case TriggerPending():
            return steps.rest(facts, cadence.triggered(facts, pending.since))
        case TriggerCompleted(location):
            message = f"The {pending.kind} is at {location}"
            event = Event("Normal", f"{pending.kind.capitalize()}Completed", message, observing.JOB)
            status = snapshotrecords.completed(facts.status, pending, location)
            return steps.rest(facts, SOON, status=status, events=(event,))
        case TriggerFailed(cause):
            return _failed(facts, pending, cause)
        case TriggerUnknown() if _in_grace(facts, pending):
            return Step(effect(facts, pending), facts.status)
        case TriggerUnknown():
            return _give_up(facts, pending, "its JobManager ended meanwhile and nobody knows how it went")
        case _:
            assert_never(answer)


def _failed(facts: JobFacts[S], pending: Pending, cause: str) -> Step[S]:
    """Try again within the grace period, a little later each time; then tell."""
    tried = _tries(facts, pending)
    if tried < len(_RETRIES) and _RETRIES[tried] < _grace(facts, pending.kind):
        wait = pending.since / 1000 + _RETRIES[tried] - facts.now.timestamp()
        if wait > 0:
            return steps.rest(facts, wait)
        status = snapshotrecords.tried_again(facts.status, pending.kind, _retry_id(facts, pending, tried + 1))
        again = snapshotrecords.pending(status, pending.kind) or pending
        return steps.record(facts, status, effect(facts, again), failpoint="snapshot-recorded")
    return _give_up(facts, pending, cause)


def _tries(facts: JobFacts[S], pending: Pending) -> int:
    """How often the snapshot was tried again, told by its trigger id."""
    ids = [_retry_id(facts, pending, number) for number in range(1, len(_RETRIES) + 1)]
    return ids.index(pending.trigger_id) + 1 if pending.trigger_id in ids else 0


def _retry_id(facts: JobFacts[S], pending: Pending, number: int) -> str:
    """The trigger id of a further try: the same after a crash as before it."""
    text = f"{facts.status.job_status.job_id} {pending.kind} {pending.since} {number}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _grace(facts: JobFacts[S], kind: SnapshotKind) -> float:
    option = options.SAVEPOINT_GRACE_PERIOD if kind == "savepoint" else options.CHECKPOINT_GRACE_PERIOD
    return options.get_seconds(facts.conf, option) or 0.0


def _in_grace(facts: JobFacts[S], pending: Pending) -> bool:
    return facts.now.timestamp() - pending.since / 1000 <= _grace(facts, pending.kind)


def _give_up(facts: JobFacts[S], pending: Pending, why: str) -> Step[S]:
    reason = Reason.SavepointError if pending.kind == "savepoint" else Reason.CheckpointError
    message = f"The {pending.trigger.lower()} {pending.kind} was given up: {why}"
    status = snapshotrecords.handed_over(facts.status, pending.kind)
    event = Event("Warning", reason, message, observing.OPERATOR)
    return steps.rest(facts, SOON, status=status, events=(event,))
