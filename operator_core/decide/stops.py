"""A job is being stopped for its state: stop with savepoint under our trigger id, or cancel.

After a crash nobody knows whether the request was sent, so Flink is asked about the recorded id. What must
never happen: accept a savepoint of a run that began from older state. A run is told apart by its
start time, which Flink keeps until the JobManager process ends; with high availability the recovered
run continues the same state and is as good.
"""

import re

from operator_core.conf import options
from operator_core.decide import (
    cadence,
    choices,
    leftstates,
    observing,
    podfailures,
    records,
    savepointdirectories,
    standalone,
    statelistings,
    steps,
    stopends,
    stoprecords,
    stopretries,
)
from operator_core.decide.decisions import CancelJob, EndListing, Event, ScaleToZero, Step, TriggerStop
from operator_core.decide.facts import Facts, HaMetadata, Listing
from operator_core.decide.flinkfacts import (
    Job,
    Snapshot,
    TriggerCompleted,
    TriggerFailed,
    TriggerPending,
    TriggerUnknown,
    Unreachable,
)
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Need, Unread
from operator_core.decide.records import Restore
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig
from operator_core.model.statuses import TERMINAL_JOB_STATES

PATH_IN_ERROR = re.compile(r"StopWithSavepointStoppingException.*?['\"]((?:\w+:)?/[^'\"\s]+)['\"]", re.DOTALL)
_WAIT_FOR_POD = 30.0
_ANSWER_DUE = 10.0
_CRASH_PATIENCE = 60.0


def begin_stop(facts: JobFacts[S], events: tuple[Event, ...]) -> Step[S]:
    """Record our trigger id, then ask Flink to stop with a savepoint."""
    format_type = (options.get(facts.conf, options.SAVEPOINT_FORMAT) or "CANONICAL").upper()
    status = stoprecords.triggered(facts, facts.ids.trigger, format_type)
    return steps.record(
        facts, status, request(facts, facts.ids.trigger, format_type), failpoint="trigger-recorded", events=events
    )


def request(facts: JobFacts[S], trigger_id: str, format_type: str) -> TriggerStop:
    """The stop request; the directory is the one that is configured now (Java operator: observe configuration)."""
    directory = savepointdirectories.of(facts)
    return TriggerStop(
        job_id=facts.status.job_status.job_id or "",
        trigger_id=trigger_id,
        directory=directory,
        format_type=format_type,
        drain=options.get_bool(facts.conf, options.DRAIN_ON_SAVEPOINT),
    )


def stopping(facts: Facts, want: Wanted) -> Step:
    """A stop is recorded. Find out how it went."""
    cluster = facts.cluster
    if cluster is None:
        return _without_cluster(facts)
    if (silent := _silent(facts, cluster)) is not None:
        return silent
    flink = facts.flink
    if isinstance(flink.trigger, Unread) or isinstance(flink.job, Unread):
        return steps.look(facts, Need.TRIGGER, Need.JOB)
    since = facts.status.job_status.savepoint_info.trigger_timestamp
    if isinstance(flink.trigger, Unreachable) or isinstance(flink.job, Unreachable):
        return steps.rest(facts, cadence.pending(facts, since))
    if flink.job is None:
        return _unlisted(facts, cluster, since)
    if not stopends.is_same_run(facts, flink.job) and not options.has_high_availability(facts.last_conf):
        return _rerun(facts, cluster)
    return _answered(facts, want, flink.job, cluster)


def _silent(facts: Facts, cluster: Object) -> Step | None:
    """What to do while no JobManager can be asked how the stop went; None when one can."""
    if dig(cluster, "metadata", "deletionTimestamp"):
        return steps.rest(facts, _WAIT_FOR_POD)
    if dig(cluster, "spec", "replicas", default=1) == 0:
        return _state_unknown(facts)
    if observing.serves(facts):
        return None
    return _rerun(facts, cluster) if _goes_on_crashing(facts, cluster) else steps.rest(facts, _WAIT_FOR_POD)


def _goes_on_crashing(facts: Facts, cluster: Object) -> bool:
    """Whether the JobManager will not come back: killed while it writes its job's result, Flink fails on the half."""
    since = facts.status.job_status.savepoint_info.trigger_timestamp
    since = since or facts.status.reconciliation_status.reconciliation_timestamp
    failing = podfailures.failure(cluster, facts.pods)
    is_crash = failing is not None and failing.reason == "CrashLoopBackOff"
    return is_crash and facts.now.timestamp() - since / 1000 > _CRASH_PATIENCE


def _answered(facts: Facts, want: Wanted, job: Job, cluster: Object) -> Step:
    info = facts.status.job_status.savepoint_info
    match facts.flink.trigger:
        case TriggerPending() if ended_long_ago(facts, job):
            return _ended(facts, want, job, cluster)
        case TriggerPending():
            return steps.rest(facts, cadence.triggered(facts, info.trigger_timestamp))
        case TriggerCompleted(location):
            return _taken(facts, location, cluster)
        case TriggerFailed(cause):
            found = PATH_IN_ERROR.search(cause)
            if found:
                return _taken(facts, found[1], cluster)
            if job.state in TERMINAL_JOB_STATES:
                return _ended(facts, want, job, cluster)
            return stopretries.failed(facts, cause)
        case TriggerUnknown() if job.state in TERMINAL_JOB_STATES:
            return _ended(facts, want, job, cluster)
        case TriggerUnknown():
            again = request(facts, info.trigger_id or "", info.format_type or "CANONICAL")
            return Step(again, facts.status)
        case _:
            return steps.rest(facts, cadence.pending(facts, info.trigger_timestamp))


def ended_long_ago(facts: JobFacts[S], job: Job) -> bool:
    """Whether the answer about the trigger should have come: the job has ended, by itself or by the stop."""
    return job.state in TERMINAL_JOB_STATES and facts.now.timestamp() - job.end / 1000 > _ANSWER_DUE


def _taken(facts: Facts, location: str, cluster: Object) -> Step:
    """The location is recorded first; from then on the cluster may go."""
    then = standalone.deletion(facts, cluster)
    return steps.record(facts, stoprecords.savepoint_taken(facts, location), then, failpoint="savepoint-recorded")


def _ended(facts: Facts, want: Wanted, job: Job, cluster: Object) -> Step:
    """The job ended and Flink forgot our id (or never got it): its newest snapshot is the state."""
    newest = leftstates.newest_state(facts, job)
    if stopends.is_finished(facts, job):
        return given_up(facts)
    match newest:
        case choices.Ask(needs):
            return steps.look(facts, *needs)
        case choices.Wait(_, seconds):
            return steps.rest(facts, seconds)
        case Snapshot(path=path) if path and path != records.NOT_ADDRESSABLE:
            return _taken(facts, path, cluster)
        case None if stopends.left_nothing(facts, job):
            return _settled(facts, leftstates.from_terminal(facts, want, job), cluster)
        case _:
            return _state_unknown(facts)


def given_up(facts: JobFacts[S]) -> Step[S]:
    """The job was done before the stop took anything: it is treated like any job that has finished."""
    return steps.record(facts, stoprecords.failed(facts), None)


def _unlisted(facts: Facts, cluster: Object, since: int | None) -> Step:
    """The JobManager serves and does not list a job that ran when the stop was recorded: it restarted.

    With HA a job that is to be recovered has its ConfigMap; the one of a job that ended is gone, and then a restarted
    JobManager lists nothing for ever (Flink: JobResultStore). Without HA it is about to run the job from older state.
    """
    if options.has_high_availability(facts.last_conf):
        if isinstance(facts.ha, Unread):
            return steps.look(facts, Need.HA_METADATA)
        if leftstates.is_recoverable(facts, facts.ha):
            return steps.rest(facts, cadence.pending(facts, since))
    return _rerun(facts, cluster)


def _rerun(facts: Facts, cluster: Object) -> Step:
    """The JobManager restarted and runs the job again from older state, or not at all: take its pods away."""
    return Step(ScaleToZero(dig(cluster, "metadata", "uid")), facts.status)


def _state_unknown(facts: Facts) -> Step:
    """Nobody can be asked how the stop went; its savepoint is looked for where its directory can be listed."""
    if (step := _found_savepoint(facts)) is not None:
        return step
    directory = options.get(facts.last_conf, options.SAVEPOINT_DIR) or "the savepoint directory"
    return steps.blocked(
        facts,
        Reason.UpgradeFailed,
        "The JobManager ended while the job was being stopped, so it is not known whether the savepoint was completed "
        f"(look below {directory}); what ran afterwards began from older state and was taken down. {choices.WAY_OUT}",
    )


def _found_savepoint(facts: Facts) -> Step | None:
    """The step towards a savepoint found in its directory; None where there is none, or no stop was asked for."""
    info = facts.status.job_status.savepoint_info
    if not info.trigger_id or not info.trigger_timestamp:
        return None
    if (step := statelistings.quiet(facts)) is not None:
        return step
    listing = statelistings.read(facts, info.trigger_id)
    if not isinstance(listing, Listing):
        return listing
    taken = statelistings.savepoint_since(facts, listing, info.trigger_timestamp)
    if taken is None:
        return _not_looked_for(facts, listing.cause) if listing.cause else None
    recorded = stoprecords.savepoint_taken(facts, taken.path)
    return steps.record(facts, recorded, EndListing(), failpoint="savepoint-recorded")


def _not_looked_for(facts: Facts, cause: str) -> Step:
    """Whether the savepoint was completed is tried again: what runs meanwhile could only make it older."""
    message = f"The JobManager ended while the job was being stopped; its savepoint is looked for, but {cause}. "
    return steps.blocked(facts, Reason.UpgradeFailed, message + choices.WAY_OUT, seconds=statelistings.TRY_AGAIN)


def _without_cluster(facts: Facts) -> Step:
    """Somebody deleted the JobManager in the middle of a stop."""
    if isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    if options.has_high_availability(facts.last_conf):
        if isinstance(facts.ha, Unread):
            return steps.look(facts, Need.HA_METADATA)
        if isinstance(facts.ha, HaMetadata) and facts.ha.with_checkpoint:
            return steps.record(facts, stoprecords.torn_down(facts, Restore("last-state")), None)
    return _state_unknown(facts)


def begin_cancel(facts: JobFacts[S], events: tuple[Event, ...]) -> Step[S]:
    """Record the cancellation, then ask for it."""
    cancel = CancelJob(facts.status.job_status.job_id or "", required=True)
    return steps.record(facts, stoprecords.cancelling(facts), cancel, events=events)


def cancelling(facts: Facts, want: Wanted) -> Step:
    """A cancellation is recorded. When the job has ended its newest checkpoint is the state."""
    cluster = facts.cluster
    if cluster is None:
        return _without_cluster(facts)
    if (silent := _silent(facts, cluster)) is not None:
        return silent
    job = facts.flink.job
    since = facts.status.reconciliation_status.reconciliation_timestamp
    if isinstance(job, Unread):
        return steps.look(facts, Need.JOB)
    if isinstance(job, Unreachable):
        return steps.rest(facts, cadence.pending(facts, since))
    if job is None:
        return _unlisted(facts, cluster, since)
    if not stopends.is_same_run(facts, job) and not options.has_high_availability(facts.last_conf):
        return _rerun(facts, cluster)
    if job.state == "CANCELLING":
        return steps.rest(facts, cadence.pending(facts, since))
    if job.state not in TERMINAL_JOB_STATES:
        return Step(CancelJob(job.id, required=True), facts.status)
    return _settled(facts, leftstates.from_terminal(facts, want, job), cluster)


def _settled(facts: Facts, choice: choices.Choice, cluster: Object) -> Step:
    """The step that the state an ended job left comes to."""
    match choice:
        case choices.Ask(needs):
            return steps.look(facts, *needs)
        case choices.Wait(_, seconds):
            return steps.rest(facts, seconds)
        case choices.TearDown(restore):
            then = standalone.deletion(facts, cluster)
            return steps.record(facts, stoprecords.torn_down(facts, restore), then, failpoint="savepoint-recorded")
        case choices.DeadEnd(reason, message):
            return steps.blocked(facts, reason, message)
        case _:
            return _state_unknown(facts)
