"""Snapshots of a running job: which one is due, and how a recorded one goes on.

With snapshot resources a recorded snapshot becomes a FlinkStateSnapshot, whose own controller sees it through;
without, Flink is asked and polled here under the recorded trigger id (the Java operator's legacy form). At most
one of a kind is under way, and a change of the job waits for a savepoint that is being taken.
"""

import hashlib
from typing import assert_never

from operator_core.conf import options
from operator_core.decide import cadence, observing, records, retention, schedules, snapshotrecords, steps, verdicts
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
from operator_core.decide.snapshotrecords import Due, Pending
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig
from operator_core.model.statuses import TERMINAL_JOB_STATES, Savepoint

SNAPSHOT_REQUESTED = "gitsync.io/snapshot-requested"
"""Annotation that asks for a savepoint: an id, or an id and the word `checkpoint`."""
KINDS: tuple[SnapshotKind, ...] = ("savepoint", "checkpoint")
UNFINISHED = (None, "TRIGGER_PENDING", "IN_PROGRESS")
_RETRIES = (10.0, 30.0)
"""Seconds after the first trigger at which one that failed is tried again, within the grace period."""
_SOON = 0.5
_WATCHED = 30.0
_PUNCTUAL = 0.01


def step(facts: JobFacts[S], spec: Object) -> Step[S] | None:
    """The next step about snapshots of a job that stands; None when there is none. `spec` is the wanted one."""
    for kind in KINDS:
        pending = snapshotrecords.pending(facts.status, kind)
        if pending is not None and (going := _carry_on(facts, pending)) is not None:
            return going
    due = _due(facts, spec) if is_running(facts) else None
    return retention.step(facts) if due is None else _begin(facts, due)


def before_change(facts: JobFacts[S]) -> Step[S] | None:
    """What a change of the job waits for: a savepoint that is being taken. None: the change may begin."""
    if options.get_bool(facts.conf, options.IGNORE_PENDING_SAVEPOINT) or not is_running(facts):
        return None
    timeout = options.get_seconds(facts.last_conf, options.CHECKPOINT_TIMEOUT) or 600.0
    oldest = facts.now.timestamp() - timeout
    pending = snapshotrecords.pending(facts.status, "savepoint")
    if pending is not None and pending.since / 1000 > oldest:
        return _carry_on(facts, pending)
    for resource in facts.snapshots or ():
        began = dig(resource, "status", "triggerTimestamp")
        taking = dig(resource, "status", "state") == "IN_PROGRESS" and dig(resource, "spec", "savepoint") is not None
        if taking and began and schedules.instant(str(began)).timestamp() > oldest:
            why = (
                f"The change waits: savepoint {resource['metadata']['name']} is being taken "
                f"({options.IGNORE_PENDING_SAVEPOINT.key}: true does not wait)"
            )
            return steps.rest(facts, _WATCHED, verdict=verdicts.Waiting("Upgrading", why))
    return None


def is_running(facts: JobFacts[S]) -> bool:
    """Whether Flink just said that all of the job runs."""
    return isinstance(facts.flink.job, Job) and facts.flink.job.reported_state == "RUNNING"


def makes_resources(facts: JobFacts[S]) -> bool:
    """Whether snapshots are FlinkStateSnapshots: switched on and served by the cluster."""
    return not records.keeps_history(facts)


def of_upgrade(facts: JobFacts[S]) -> NewSnapshot | None:
    """The FlinkStateSnapshot that a stop with savepoint leaves and that is not there yet."""
    taken = facts.status.job_status.savepoint_info.last_savepoint
    if not makes_resources(facts) or taken is None or taken.trigger_type != "UPGRADE" or not taken.location:
        return None
    if taken.location != facts.status.job_status.upgrade_savepoint_path:
        return None
    snapshot = NewSnapshot(
        kind="savepoint",
        trigger="UPGRADE",
        stamp=taken.time_stamp,
        path=taken.location,
        format_type=taken.format_type,
        already_exists=True,
        dispose_on_delete=options.get_bool(facts.conf, options.SAVEPOINT_DISPOSE),
    )
    return None if _exists(facts, snapshot) else snapshot


def noted(facts: JobFacts[S]) -> S:
    """The status with the newest savepoint that a FlinkStateSnapshot took of this job (not of a namesake before it)."""
    born = schedules.instant(str(dig(facts.resource, "metadata", "creationTimestamp") or "1970-01-01T00:00:00Z"))
    known = facts.status.job_status.savepoint_info.last_savepoint
    newest: Savepoint | None = known
    for resource in facts.snapshots or ():
        taken = snapshotrecords.savepoint_of(resource)
        if taken is not None and taken.time_stamp >= born.timestamp() * 1000:
            newest = taken if newest is None or taken.time_stamp > newest.time_stamp else newest
    return facts.status if newest is known or newest is None else snapshotrecords.with_newest(facts, newest)


def pause(facts: JobFacts[S], seconds: float) -> float:
    """`seconds`, or less where a schedule asks for the next snapshot sooner."""
    if not is_running(facts):
        return seconds
    times = [due for kind in KINDS if (due := _next_scheduled(facts, kind)) is not None and not _is_busy(facts, kind)]
    return min([seconds, *(max(0.0, due / 1000 - facts.now.timestamp()) + _PUNCTUAL for due in times)])


def _due(facts: JobFacts[S], spec: Object) -> Due | None:
    """A nonce before a request before a schedule; of a kind that is pending none."""
    free = [kind for kind in KINDS if snapshotrecords.pending(facts.status, kind) is None]
    for kind in free:
        nonce = dig(spec, "job", snapshotrecords.NONCES[kind])
        known = dig(facts.last.spec if facts.last else None, "job", snapshotrecords.NONCES[kind])
        if nonce is not None and nonce != known:
            return Due(kind, "MANUAL", nonce=int(nonce))
    asked = _request(facts)
    if asked is not None and asked.kind in free:
        return asked
    now = facts.now.timestamp() * 1000
    for kind in free:
        scheduled = _next_scheduled(facts, kind)
        if scheduled is not None and scheduled <= now and not _is_busy(facts, kind):
            return Due(kind, "PERIODIC", scheduled=_newest_missed(facts, kind, scheduled))
    return None


def _request(facts: JobFacts[S]) -> Due | None:
    """A status that keeps no conditions (older definitions of session jobs) cannot remember what was answered."""
    words = str(dig(facts.resource, "metadata", "annotations", SNAPSHOT_REQUESTED) or "").split()
    if not facts.status.conditions or not words or words[0] in verdicts.handled_requests(facts.status):
        return None
    return Due("checkpoint" if words[1:] == ["checkpoint"] else "savepoint", "MANUAL", request=words[0])


def _next_scheduled(facts: JobFacts[S], kind: SnapshotKind) -> int | None:
    """When the schedule asks for the next snapshot of a kind, in epoch milliseconds."""
    schedule = schedules.of(facts.conf, kind)
    return None if schedule is None else schedules.next_due(schedule, _last_scheduled(facts, kind))


def _newest_missed(facts: JobFacts[S], kind: SnapshotKind, scheduled: int) -> int:
    """The newest due time that has passed: what was missed is made up for once."""
    schedule = schedules.of(facts.conf, kind)
    now = int(facts.now.timestamp() * 1000)
    return scheduled if schedule is None else schedules.newest_due(schedule, scheduled, now)


def _last_scheduled(facts: JobFacts[S], kind: SnapshotKind) -> int:
    """What the next due time is counted from: the last one, else the creation of the resource."""
    born = schedules.instant(str(dig(facts.resource, "metadata", "creationTimestamp") or "1970-01-01T00:00:00Z"))
    made = [
        schedules.instant(str(resource["metadata"]["creationTimestamp"]))
        for resource in facts.snapshots or ()
        if _is_of(resource, kind, "PERIODIC") and resource["metadata"].get("creationTimestamp")
    ]
    recorded = snapshotrecords.last_periodic(facts.status, kind)
    if recorded:
        return recorded
    return int(max([born, *made]).timestamp() * 1000)


def _is_busy(facts: JobFacts[S], kind: SnapshotKind) -> bool:
    """Whether the schedule's snapshot before this one is still under way."""
    return any(
        _is_of(resource, kind, "PERIODIC") and dig(resource, "status", "state") in UNFINISHED
        for resource in facts.snapshots or ()
    )


def _is_of(resource: Object, kind: SnapshotKind, trigger: str) -> bool:
    labels = dig(resource, "metadata", "labels", default={})
    return labels.get("snapshot.trigger-type") == trigger and dig(resource, "spec", kind) is not None


def _begin(facts: JobFacts[S], due: Due) -> Step[S]:
    """Record the snapshot, then have it taken."""
    if due.kind == "savepoint" and _directory(facts) is None:
        return _impossible(facts, due)
    if due.kind == "checkpoint":
        format_type = options.get(facts.conf, options.CHECKPOINT_TYPE) or "FULL"
    else:
        format_type = options.get(facts.conf, options.SAVEPOINT_FORMAT) or "CANONICAL"
    status = snapshotrecords.begun(facts, due, format_type.upper())
    pending = snapshotrecords.pending(status, due.kind)
    if pending is None:
        raise ValueError("a snapshot that was just recorded is pending")
    verdict = None
    if due.request is not None:
        verdict = verdicts.Answered(due.request, f"a {due.kind} is being taken{_named(facts, pending)}")
    return steps.record(facts, status, _effect(facts, pending), failpoint="snapshot-recorded", verdict=verdict)


def _named(facts: JobFacts[S], pending: Pending) -> str:
    if not makes_resources(facts):
        return ""
    return f" as FlinkStateSnapshot {snapshotrecords.name_of(facts.name, _new(facts, pending))}"


def _impossible(facts: JobFacts[S], due: Due) -> Step[S]:
    """Nowhere to put a savepoint; validation refuses nonces and schedules without it, but not requests."""
    message = f"No savepoint can be taken: {options.SAVEPOINT_DIR.key} is not set in spec.flinkConfiguration"
    event = Event("Warning", Reason.SavepointError, message, observing.OPERATOR)
    status = snapshotrecords.handed_over(snapshotrecords.begun(facts, due, "CANONICAL"), due.kind)
    verdict = verdicts.Answered(due.request, message) if due.request is not None else None
    return steps.rest(facts, _SOON, status=status, verdict=verdict, events=(event,))


def _directory(facts: JobFacts[S]) -> str | None:
    return options.get(facts.conf, options.SAVEPOINT_DIR) or options.get(facts.last_conf, options.SAVEPOINT_DIR)


def _effect(facts: JobFacts[S], pending: Pending) -> SideEffect:
    if makes_resources(facts):
        return _new(facts, pending)
    job_id = facts.status.job_status.job_id or ""
    if pending.kind == "checkpoint":
        return TriggerCheckpoint(job_id, pending.trigger_id, pending.format_type)
    return TriggerSavepoint(job_id, pending.trigger_id, _directory(facts), pending.format_type)


def _new(facts: JobFacts[S], pending: Pending) -> NewSnapshot:
    if pending.kind == "checkpoint":
        return NewSnapshot("checkpoint", pending.trigger, pending.since)
    return NewSnapshot(
        kind="savepoint",
        trigger=pending.trigger,
        stamp=pending.since,
        path=_directory(facts),
        format_type=pending.format_type,
        dispose_on_delete=options.get_bool(facts.conf, options.SAVEPOINT_DISPOSE),
    )


def _exists(facts: JobFacts[S], snapshot: NewSnapshot) -> bool:
    name = snapshotrecords.name_of(facts.name, snapshot)
    return any(resource["metadata"]["name"] == name for resource in facts.snapshots or ())


def _carry_on(facts: JobFacts[S], pending: Pending) -> Step[S] | None:
    """A recorded snapshot: make its resource, or ask Flink how it fares. None: nothing to do at the moment."""
    if makes_resources(facts):
        snapshot = _new(facts, pending)
        if not _exists(facts, snapshot):
            return Step(snapshot, facts.status)
        return steps.rest(facts, _SOON, status=snapshotrecords.handed_over(facts.status, pending.kind))
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
            return steps.rest(facts, _SOON, status=status, events=(event,))
        case TriggerFailed(cause):
            return _failed(facts, pending, cause)
        case TriggerUnknown() if _in_grace(facts, pending):
            return Step(_effect(facts, pending), facts.status)
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
        return steps.record(facts, status, _effect(facts, again), failpoint="snapshot-recorded")
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
    return steps.rest(facts, _SOON, status=status, events=(event,))
