"""Deleting a FlinkSessionJob: its run on the session cluster ends, then the finalizer goes.

Every path of the Java operator, and an end for those on which it waits for ever: where no JobManager can be asked any
more, the job is taken out of the HA metadata, so that no later JobManager brings it back. State is kept only where it
was asked for. Works for resources whose spec cannot even be read.
"""

from operator_core.conf import options
from operator_core.decide import (
    cadence,
    choices,
    deletions,
    leftstates,
    observing,
    sessionguards,
    sessionrollbacks,
    sessionstops,
    steps,
    stopretries,
    stops,
    submissionrecords,
    submissions,
    upgrades,
)
from operator_core.decide import wanted as wants
from operator_core.decide.decisions import CancelJob, Event, Release, Rest, Step
from operator_core.decide.flinkfacts import Job, Unreachable
from operator_core.decide.needs import Need, Unread
from operator_core.decide.phases import Phase, phase_of
from operator_core.decide.sessionfacts import SessionFacts, UnderWay
from operator_core.decide.sessionstops import SessionStep
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import dig
from operator_core.model.flinksessionjobs import FINALIZER
from operator_core.model.statuses import TERMINAL_JOB_STATES

_LANE_RECHECK = 30.0
_PATIENT_RECHECK = 5.0
_BOOT_PATIENCE = 60.0


def decide(facts: SessionFacts) -> SessionStep:
    """The next step of a deletion. `facts.status` is the observed status."""
    if FINALIZER not in dig(facts.resource, "metadata", "finalizers", default=[]):
        return Step(Rest(None), facts.status)
    events: tuple[Event, ...] = ()
    if facts.status.lifecycle_state != "DELETING":
        events = (Event("Normal", "Cleanup", "Cleaning up FlinkSessionJob", observing.OPERATOR),)
    step = _delete(facts)
    return Step(step.decision, step.status.model_copy(update={"lifecycle_state": "DELETING"}), (*events, *step.events))


def _delete(facts: SessionFacts) -> SessionStep:
    if isinstance(facts.submission, UnderWay):
        return steps.rest(facts, _LANE_RECHECK)
    if facts.session.resource is None or not facts.status.job_status.job_id:
        return _release(facts)
    keeps = deletions.wants_savepoint(facts) and wants.accepted_loss(facts) is None
    match deletions.in_vain(facts) if keeps else True:
        case Unread():
            return steps.look(facts, Need.NAMESPACE_ENDS)
        case in_vain:
            keeps = not in_vain
    match phase_of(facts.status, facts.last):
        case Phase.NEW | Phase.SUSPENDED:
            return _release(facts)
        case _ if _cluster_goes_too(facts):
            return _release(facts)
        case _ if not observing.serves(facts):
            return _without_job_manager(facts, keeps=keeps)
        case Phase.TEARING_DOWN:
            return submissions.see_gone(facts) or _release(facts)
        case phase:
            return (_kept(facts, phase) if keeps else None) or _end_run(facts, phase)


def _kept(facts: SessionFacts, phase: Phase) -> SessionStep | None:
    """Steps up to recorded state; None when there is nothing to keep, or nothing to stop."""
    as_deployed = Wanted(facts.last.spec if facts.last else {}, facts.generation)
    match phase:
        case Phase.STOPPING:
            return deletions.or_give_up(facts, sessionstops.stopping(facts, as_deployed))
        case Phase.CANCELLING:
            return deletions.or_give_up(facts, sessionstops.cancelling(facts, as_deployed))
        case Phase.ROLLING_BACK:
            return deletions.or_give_up(facts, sessionrollbacks.carried_on(facts, as_deployed))
        case _:
            return _stop_running(facts, phase)


def _stop_running(facts: SessionFacts, phase: Phase) -> SessionStep | None:
    """Stop a submitted job with a savepoint as soon as it runs."""
    job = facts.flink.job
    if isinstance(job, Unread):
        return steps.look(facts, Need.JOB)
    if not isinstance(job, Job) or job.state in TERMINAL_JOB_STATES or job.state == "CANCELLING":
        return None
    if phase is Phase.DEPLOYING:
        return steps.record(facts, submissionrecords.submitted(facts), None)
    if job.reported_state == "RUNNING":
        stops_now = stopretries.may_try_again(facts)
        return (
            stops.begin_stop(facts, ()) if stops_now else deletions.or_give_up(facts, stopretries.still_failing(facts))
        )
    if not leftstates.ran(facts):
        return None
    if upgrades.age(facts, job) < _BOOT_PATIENCE:
        return steps.rest(facts, 1.0)
    message = f"The savepoint of the deletion cannot be taken, the job is {job.reported_state}. {choices.WAY_OUT}"
    blocked = steps.blocked(facts, Reason.CleanupFailed, message, seconds=_PATIENT_RECHECK)
    return deletions.or_give_up(facts, blocked)


def _cluster_goes_too(facts: SessionFacts) -> bool:
    """Whether the cluster is being deleted without waiting for its jobs."""
    going = dig(facts.session.resource, "metadata", "deletionTimestamp") is not None
    return going and not options.get_bool(facts.conf, options.SESSION_BLOCKED_BY_SESSION_JOBS)


def _end_run(facts: SessionFacts, phase: Phase) -> SessionStep:
    job, since = facts.flink.job, facts.status.reconciliation_status.reconciliation_timestamp
    if isinstance(job, Unread):
        return steps.look(facts, Need.JOB)
    if isinstance(job, Unreachable):
        return steps.rest(facts, cadence.pending(facts, since))
    if job is None:
        age = facts.now.timestamp() - since / 1000
        just_sent = phase is Phase.DEPLOYING and age < submissions.SETTLED_AFTER and facts.submission is None
        return steps.rest(facts, 1.0) if just_sent else _release(facts)
    if job.state in TERMINAL_JOB_STATES:
        return _release(facts)
    if job.state == "CANCELLING":
        return steps.rest(facts, cadence.pending(facts, since))
    return Step(CancelJob(job.id, required=False), facts.status)


def _without_job_manager(facts: SessionFacts, *, keeps: bool) -> SessionStep:
    """Nobody can be asked. Without high availability the job is gone with its JobManager."""
    cluster = facts.session.resource
    both_go = dig(cluster, "metadata", "deletionTimestamp") is not None
    if not sessionguards.is_hopeless(facts.cluster, facts.pods, facts.now) and not both_go:
        return steps.rest(facts, _PATIENT_RECHECK)
    settled = phase_of(facts.status, facts.last) is Phase.TEARING_DOWN
    if keeps and not settled and not both_go:
        message = f"The session cluster is not ready to take the savepoint of the deletion. {choices.WAY_OUT}"
        blocked = steps.blocked(facts, Reason.CleanupFailed, message, seconds=sessionstops.SILENT_RECHECK)
        return deletions.or_give_up(facts, blocked)
    recovers = options.has_high_availability(facts.last_conf) and not both_go
    return _release(facts, forget=facts.status.job_status.job_id if recovers else None)


def _release(facts: SessionFacts, *, forget: str | None = None) -> SessionStep:
    kept = deletions.kept_savepoint(facts)
    return Step(Release(kept, forget), facts.status, deletions.told(kept))
