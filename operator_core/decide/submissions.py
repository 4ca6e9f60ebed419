"""From a settled state to a job that its session cluster runs: wait for the cluster, record, submit, confirm.

Two runs of a job never live at once: a new one is recorded only after the cluster said that the one before has
ended or is not known. A recorded submission is repeated under its own job id, which Flink takes only once, until
the job is listed or the try failed for certain; only then may a newer spec take its place.
"""

from dataclasses import replace

from operator_core.conf import flattening, options
from operator_core.decide import (
    cadence,
    choices,
    observing,
    records,
    remarks,
    renames,
    sessionguards,
    sessionstops,
    snapshots,
    steps,
    stoprecords,
    submissionrecords,
    unseenruns,
    verdicts,
    wanted,
)
from operator_core.decide.decisions import CancelJob, Event, Record, Rest, Step, SubmitJob
from operator_core.decide.flinkfacts import Unreachable
from operator_core.decide.needs import Need, Unread
from operator_core.decide.records import Restore
from operator_core.decide.sessionfacts import Sent, SessionFacts, SubmissionFailed, UnderWay
from operator_core.decide.sessionstops import SessionStep
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig
from operator_core.model import flinksessionjobs
from operator_core.model.statuses import TERMINAL_JOB_STATES

SETTLED_AFTER = 15.0
"""Seconds after which a request of an agent that died meanwhile has reached Flink, or never will."""
_LANE_RECHECK = 30.0
_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 5.0, 1.5, 300.0
_OPERATOR_KEYS = (options.OPERATOR_PREFIX, options.AUTOSCALER_PREFIX)


def first(facts: SessionFacts, want: Wanted) -> SessionStep:
    """Nothing was ever submitted."""
    if not want.running:
        return Step(Rest(None), facts.status)
    asked = wanted.request(facts)
    if isinstance(asked, wanted.RestoreFrom) and asked.path:
        answer = verdicts.Answered(asked.id, f"restoring from {asked.path}")
        return _begin(facts, want, Restore("savepoint", asked.path), first_submission=True, verdict=answer)
    recorded = facts.status.job_status.upgrade_savepoint_path
    if recorded and recorded in wanted.requested_paths(facts):
        return _begin(facts, want, Restore("savepoint", recorded), first_submission=True)
    found = renames.inherited(facts) or renames.Inherited(_first_restore(want))
    if isinstance(found, Step):
        return found
    return _begin(facts, want, found.restore, first_submission=True, verdict=found.answer)


def _first_restore(want: Wanted) -> Restore:
    path = dig(want.spec, "job", "initialSavepointPath")
    return Restore("savepoint", str(path)) if path else Restore("stateless")


def stopped(facts: SessionFacts, want: Wanted) -> SessionStep:
    """The state to go on from is recorded. See the old run gone, then start or settle."""
    if (taken := snapshots.of_upgrade(facts)) is not None:
        return Step(taken, facts.status)
    if (waiting := see_gone(facts)) is not None:
        return waiting
    if want.running:
        return _again(facts, want)
    return steps.rest(facts, None, status=submissionrecords.suspended(facts, want.spec, want.generation))


def suspended(facts: SessionFacts, want: Wanted) -> SessionStep:
    """The job is meant to be down."""
    told = remarks.changed_while_suspended(facts, want)
    if want.running:
        step = stopped(facts, want)
        return replace(step, events=(*told, *step.events)) if isinstance(step.decision, Record) else step
    status = submissionrecords.suspended(facts, want.spec, want.generation)
    before = facts.status.reconciliation_status.last_reconciled_spec
    if status.reconciliation_status.last_reconciled_spec != before:
        return steps.rest(facts, None, status=status, events=told)
    return steps.rest(facts, None, status=facts.status.model_copy(update={"observed_generation": want.generation}))


def see_gone(facts: SessionFacts) -> SessionStep | None:
    """A step while the run of the recorded job id may still live; None when it cannot."""
    job_id = facts.status.job_status.job_id
    if not job_id or facts.session.resource is None:
        return None
    if not observing.serves(facts):
        return waiting_for_cluster(facts, "is not ready")
    job = facts.flink.job
    since = facts.status.reconciliation_status.reconciliation_timestamp
    if isinstance(job, Unread):
        return steps.look(facts, Need.JOB)
    if isinstance(job, Unreachable):
        return steps.rest(facts, cadence.pending(facts, since))
    if job is None or job.state in TERMINAL_JOB_STATES:
        return None
    if job.state == "CANCELLING" or _is_stopped_with_savepoint(facts):
        return steps.rest(facts, cadence.triggered(facts, since))
    return Step(CancelJob(job_id, required=False), facts.status)


def _is_stopped_with_savepoint(facts: SessionFacts) -> bool:
    """Whether the stop that took the recorded savepoint is about to end the job; for a while that is awaited."""
    taken = facts.status.job_status.savepoint_info.last_savepoint
    recorded = facts.status.reconciliation_status.reconciliation_timestamp
    fresh = facts.now.timestamp() - recorded / 1000 < SETTLED_AFTER
    return fresh and taken is not None and taken.location == facts.status.job_status.upgrade_savepoint_path


def waiting_for_cluster(facts: SessionFacts, why: str) -> SessionStep:
    """The session cluster has to change first; its watch wakes the job."""
    missing = facts.session.resource is None
    reason = Reason.SessionClusterMissing if missing else Reason.SessionClusterNotReady
    message = f"The session cluster FlinkDeployment {facts.session.name} {why}"
    return steps.rest(facts, sessionstops.SILENT_RECHECK, verdict=verdicts.Waiting(reason, message))


def _again(facts: SessionFacts, want: Wanted) -> SessionStep:
    restore = recorded_restore(facts, want)
    if restore is None:
        return steps.blocked(facts, Reason.RestoreFailed, f"The savepoint is not recorded in status. {choices.WAY_OUT}")
    return _begin(facts, want, restore, first_submission=False)


def recorded_restore(facts: SessionFacts, want: Wanted) -> Restore | None:
    """The state the record says to start from; a stateless spec drops it. None: it is not recorded."""
    info = facts.status.job_status
    named = info.upgrade_savepoint_path in wanted.requested_paths(facts)
    dropped = want.upgrade_mode == "stateless" and facts.invalid is None and not named
    if records.how_stopped(facts) == "stateless" or dropped:
        return Restore("stateless")
    path = info.upgrade_savepoint_path
    if not path and info.savepoint_info.last_savepoint is not None:
        path = info.savepoint_info.last_savepoint.location
    return Restore("savepoint", path) if path else None


def _begin(
    facts: SessionFacts,
    want: Wanted,
    restore: Restore,
    *,
    first_submission: bool,
    verdict: verdicts.Answered | None = None,
) -> SessionStep:
    """Record the submission once the cluster would take it."""
    closed = sessionguards.closed(facts.session.resource)
    if closed is not None:
        return waiting_for_cluster(facts, closed)
    if not observing.serves(facts):
        return waiting_for_cluster(facts, "is not ready")
    status = unseenruns.noted(facts, submissionrecords.submitting(facts, want, restore, first=first_submission))
    event = Event("Normal", "Submit", "Starting deployment", observing.JOB)
    return steps.record(facts, status, None, failpoint="submit-recorded", verdict=verdict, events=(event,))


def submitting(facts: SessionFacts, want: Wanted) -> SessionStep | None:
    """A submission is recorded: find the job, or have it submitted. None: Flink has it."""
    if isinstance(facts.submission, UnderWay):
        return steps.rest(facts, _LANE_RECHECK)
    if facts.session.resource is None:
        return _given_up(facts, "does not exist")
    if not observing.serves(facts):
        return waiting_for_cluster(facts, "is not ready")
    job = facts.flink.job
    if isinstance(job, Unread):
        return steps.look(facts, Need.JOB)
    if isinstance(job, Unreachable):
        return steps.rest(facts, cadence.pending(facts, facts.status.reconciliation_status.reconciliation_timestamp))
    return _not_listed(facts, want) if job is None else None


def _not_listed(facts: SessionFacts, want: Wanted) -> SessionStep:
    failure = facts.submission if isinstance(facts.submission, SubmissionFailed) else None
    if failure is not None and failure.job_id != facts.status.job_status.job_id:
        failure = None
    if unseenruns.is_possible(facts, failure) and want.upgrade_mode != "stateless":
        return sessionstops.carry_out(facts, sessionstops.lost(), ())
    if isinstance(facts.session.live, Unread):
        return steps.look(facts, Need.LIVE_SESSION)
    closed = sessionguards.closed(facts.session.live)
    if closed is not None:
        certain = failure is not None and failure.certain
        return _given_up(facts, closed) if certain or _age(facts) > SETTLED_AFTER else steps.rest(facts, 1.0)
    if failure is None:
        return steps.rest(facts, cadence.PENDING) if _is_sent(facts) else Step(request(facts), facts.status)
    if failure.certain and want.generation != facts.status.observed_generation:
        return _replaced(facts, want)
    pause = failure.at.timestamp() + pause_after(failure.tries) - facts.now.timestamp()
    if pause <= 0:
        return Step(request(facts), facts.status)
    return steps.rest(facts, pause, verdict=verdicts.Broken(Reason.SubmissionFailed, failure.cause))


def _is_sent(facts: SessionFacts) -> bool:
    """Whether Flink took the job a moment ago and may not list it yet."""
    sent = facts.submission
    known = isinstance(sent, Sent) and sent.job_id == facts.status.job_status.job_id
    return known and isinstance(sent, Sent) and (facts.now - sent.at).total_seconds() < SETTLED_AFTER


def pause_after(tries: int) -> float:
    """Seconds before the next try after so many failed ones."""
    return float(min(_LONGEST_PAUSE, _FIRST_PAUSE * _GROWTH ** min(max(tries, 1) - 1, 20)))


def _age(facts: SessionFacts) -> float:
    return facts.now.timestamp() - facts.status.reconciliation_status.reconciliation_timestamp / 1000


def _given_up(facts: SessionFacts, why: str) -> SessionStep:
    """The cluster goes away before it got the job: what was to be restored stays recorded."""
    restore = _recorded(facts)
    verdict = verdicts.Waiting(Reason.SessionClusterNotReady, f"The session cluster {facts.session.name} {why}")
    return steps.record(facts, stoprecords.torn_down(facts, restore), None, verdict=verdict)


def _recorded(facts: SessionFacts) -> Restore:
    path = facts.status.job_status.upgrade_savepoint_path
    return Restore("savepoint", path) if path else Restore("stateless")


def _replaced(facts: SessionFacts, want: Wanted) -> SessionStep:
    """What is recorded could not be submitted, and there is a newer spec: that one, from the same state."""
    if not want.running:
        return steps.record(facts, stoprecords.torn_down(facts, _recorded(facts)), None)
    if facts.last is not None and facts.last.first_deployment:
        return first(facts, want)
    return _again(facts, want)


def request(facts: SessionFacts) -> SubmitJob:
    """What the newest record says to submit; the same after a crash as before it."""
    last = steps.last_of(facts.status)
    if last is None:
        raise ValueError("no submission is recorded")
    spec = flinksessionjobs.parse_spec(last.spec)
    job = spec.job
    if job is None:
        raise ValueError("the recorded spec has no job")
    return SubmitJob(
        job_id=facts.status.job_status.job_id or "",
        jar_uri=job.jar_uri,
        entry_class=job.entry_class,
        args=job.args,
        parallelism=job.parallelism,
        savepoint_path=facts.status.job_status.upgrade_savepoint_path,
        allow_non_restored=bool(job.allow_non_restored_state),
        configuration=tuple(sorted(_configuration(last.spec, facts).items())),
        flink_version=dig(facts.session.resource, "spec", "flinkVersion"),
    )


def _configuration(spec: Object, facts: SessionFacts) -> dict[str, str]:
    """What the job sets itself; cancelled, it keeps its checkpoints unless somebody said otherwise."""
    own = flattening.flatten(spec.get("flinkConfiguration") or {})
    kept = {key: value for key, value in own.items() if not key.startswith(_OPERATOR_KEYS)}
    if not options.is_set(facts.last_conf, options.CHECKPOINT_RETENTION):
        kept[options.CHECKPOINT_RETENTION.key] = "RETAIN_ON_CANCELLATION"
    return kept
