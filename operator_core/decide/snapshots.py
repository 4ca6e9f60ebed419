"""Snapshots of a running job: those that are due are begun, those that are recorded carried on.

At most one of a kind is under way, and a change of the job waits for a savepoint that is being taken. Which one is due
is in `snapshotsdue`, how a recorded one goes on in `pendingsnapshots`.
"""

from operator_core.conf import options
from operator_core.decide import (
    observing,
    pendingsnapshots,
    retention,
    savepointdirectories,
    schedules,
    snapshotrecords,
    snapshotsdue,
    steps,
    verdicts,
)
from operator_core.decide.decisions import Event, NewSnapshot, Step
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.snapshotrecords import Due, Pending
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig
from operator_core.model.statuses import Savepoint

_WATCHED = 30.0


def step(facts: JobFacts[S], spec: Object) -> Step[S] | None:
    """The next step about snapshots of a job that stands; None when there is none. `spec` is the wanted one."""
    for kind in snapshotsdue.KINDS:
        pending = snapshotrecords.pending(facts.status, kind)
        if pending is not None and (going := pendingsnapshots.carry_on(facts, pending)) is not None:
            return going
    due = snapshotsdue.of(facts, spec) if snapshotsdue.is_running(facts) else None
    return retention.step(facts) if due is None else _begin(facts, due)


def before_change(facts: JobFacts[S]) -> Step[S] | None:
    """What a change of the job waits for: a savepoint that is being taken. None: the change may begin."""
    if options.get_bool(facts.conf, options.IGNORE_PENDING_SAVEPOINT) or not snapshotsdue.is_running(facts):
        return None
    timeout = options.get_seconds(facts.last_conf, options.CHECKPOINT_TIMEOUT) or 600.0
    oldest = facts.now.timestamp() - timeout
    pending = snapshotrecords.pending(facts.status, "savepoint")
    if pending is not None and pending.since / 1000 > oldest:
        return pendingsnapshots.carry_on(facts, pending)
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


def of_upgrade(facts: JobFacts[S]) -> NewSnapshot | None:
    """The FlinkStateSnapshot that a stop with savepoint leaves and that is not there yet."""
    taken = facts.status.job_status.savepoint_info.last_savepoint
    if taken is None or taken.trigger_type != "UPGRADE" or not taken.location:
        return None
    if not pendingsnapshots.makes_resources(facts) or taken.location != facts.status.job_status.upgrade_savepoint_path:
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
    return None if pendingsnapshots.exists(facts, snapshot) else snapshot


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


def _begin(facts: JobFacts[S], due: Due) -> Step[S]:
    """Record the snapshot, then have it taken."""
    if due.kind == "savepoint" and savepointdirectories.of(facts) is None:
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
    taking = pendingsnapshots.effect(facts, pending)
    return steps.record(facts, status, taking, failpoint="snapshot-recorded", verdict=verdict)


def _named(facts: JobFacts[S], pending: Pending) -> str:
    if not pendingsnapshots.makes_resources(facts):
        return ""
    return f" as FlinkStateSnapshot {snapshotrecords.name_of(facts.name, pendingsnapshots.new(facts, pending))}"


def _impossible(facts: JobFacts[S], due: Due) -> Step[S]:
    """Nowhere to put a savepoint; validation refuses nonces and schedules without it, but not requests."""
    message = f"No savepoint can be taken: {options.SAVEPOINT_DIR.key} is not set in spec.flinkConfiguration"
    event = Event("Warning", Reason.SavepointError, message, observing.OPERATOR)
    status = snapshotrecords.handed_over(snapshotrecords.begun(facts, due, "CANONICAL"), due.kind)
    verdict = verdicts.Answered(due.request, message) if due.request is not None else None
    return steps.rest(facts, pendingsnapshots.SOON, status=status, verdict=verdict, events=(event,))
