"""What to do next for a FlinkDeployment that runs one job: Facts in, one Step out.

Dispatches on the phase that the status records; only a standing deployment is compared with the spec. A
spec that is refused changes nothing that runs. Every path ends in rest with a job that runs, is
suspended, has finished, is gone, or is blocked with a named way out.
"""

from dataclasses import replace

from operator_core.conf import options
from operator_core.decide import (
    cadence,
    deletions,
    exceptions,
    observing,
    podfailures,
    records,
    specdiff,
    standalone,
    starts,
    steps,
    stops,
    upgrades,
    verdicts,
    wanted,
)
from operator_core.decide.decisions import AddFinalizer, Event, Rest, ScaleToZero, Step
from operator_core.decide.facts import Checkpoints, Facts, HaMetadata, Job, JobFailure, Need, Unreachable, Unread
from operator_core.decide.phases import Phase, phase_of
from operator_core.decide.records import Restore
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import dig
from operator_core.model.flinkdeployments import FINALIZER
from operator_core.model.statuses import TERMINAL_JOB_STATES

_GONE_RECHECK = 30.0


def decide(facts: Facts) -> Step:
    """The next step."""
    observed = observing.observe(facts)
    facts = replace(facts, status=observed.status)
    step = _decide(facts, observed.failure)
    return Step(step.decision, step.status, (*observed.events, *step.events))


def _decide(facts: Facts, failure: podfailures.PodFailure | None) -> Step:
    if facts.deleting:
        return deletions.decide(facts)
    if FINALIZER not in dig(facts.resource, "metadata", "finalizers", default=[]):
        return Step(AddFinalizer(), facts.status)
    if facts.last is None and facts.invalid is not None:
        return steps.rest(facts, None)
    want = wanted.wanted(facts)
    asked = wanted.request(facts)
    phase = phase_of(facts.status, facts.last)
    if isinstance(asked, wanted.RestoreFrom) and phase not in (Phase.NEW, Phase.ROLLING_BACK):
        return _restore_from(facts, asked)
    step = _by_phase(facts, want, phase, failure)
    if isinstance(asked, wanted.AcceptStateLoss) and _is_blocked(step):
        return _accept_loss(facts, asked)
    return step


def _by_phase(facts: Facts, want: Wanted, phase: Phase, failure: podfailures.PodFailure | None) -> Step:
    match phase:
        case Phase.NEW:
            return starts.first(facts, want)
        case Phase.DEPLOYING:
            return starts.deploying(facts, want)
        case Phase.STOPPING:
            return stops.stopping(facts, want)
        case Phase.CANCELLING:
            return stops.cancelling(facts, want)
        case Phase.TEARING_DOWN:
            return starts.tearing_down(facts, want)
        case Phase.SUSPENDED:
            return starts.suspended(facts, want)
        case Phase.ROLLING_BACK:
            return steps.blocked(
                facts,
                Reason.UpgradeFailed,
                f"Another operator began a rollback. {upgrades.WAY_OUT}",
            )
        case Phase.DEPLOYED:
            return _deployed(facts, want, failure)


def _is_blocked(step: Step) -> bool:
    """Whether the step ends in a dead end that losing state would open."""
    if not isinstance(step.decision, Rest):
        return False
    return any(
        c.type == verdicts.UPGRADE_BLOCKED and c.status == "True" and c.reason != Reason.DeploymentExists
        for c in step.status.conditions
    )


def _restore_from(facts: Facts, asked: wanted.RestoreFrom) -> Step:
    """A person names the state: whatever stands is torn down and deployed again from there."""
    known = facts.status.job_status.savepoint_info.last_savepoint
    path = asked.path or facts.status.job_status.upgrade_savepoint_path or (known.location if known else None)
    if path == records.LAST_STATE_MARKER:
        path = known.location if known else None
    if not path:
        return steps.blocked(
            facts,
            Reason.RestoreFailed,
            f"Request {asked.id}: no savepoint of this job is recorded; name its path instead of 'latest'",
        )
    return _torn_down(facts, Restore("savepoint", path), verdicts.Answered(asked.id, f"restoring from {path}"))


def _accept_loss(facts: Facts, asked: wanted.AcceptStateLoss) -> Step:
    return _torn_down(facts, Restore("stateless"), verdicts.Answered(asked.id, "starting without state"))


def _torn_down(facts: Facts, restore: Restore, verdict: verdicts.Verdict, events: tuple[Event, ...] = ()) -> Step:
    status = records.torn_down(facts, restore).model_copy(update={"error": None})
    return steps.record(facts, status, None, verdict=verdict, events=events)


def _deployed(facts: Facts, want: Wanted, failure: podfailures.PodFailure | None) -> Step:
    """A deployment stands, or stood. Look at it, then carry out what the spec changed."""
    if facts.cluster is None and isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    if dig(facts.cluster, "metadata", "deletionTimestamp"):
        return steps.rest(facts, _GONE_RECHECK)
    if observing.serves(facts) and isinstance(facts.flink.job, Unread):
        return steps.look(facts, Need.JOB)
    diff = specdiff.classify(facts.last.spec if facts.last else {}, want.spec)
    if diff.type > specdiff.DiffType.IGNORE:
        return _change(facts, want, diff)
    status = facts.status.model_copy(update={"observed_generation": want.generation})
    facts = replace(facts, status=status)
    if facts.cluster is None:
        return _missing(facts, want)
    if upgrades.is_marked(facts.cluster):
        return _carry_out(facts, upgrades.same_restore(facts, want), ())
    return standalone.missing(facts) or _watch_over(facts, failure)


def _change(facts: Facts, want: Wanted, diff: specdiff.SpecDiff) -> Step:
    """The spec asks for something else than what was deployed."""
    if (scaled := standalone.scaled(facts, want, diff)) is not None:
        return scaled
    if not stops.may_try_again(facts):
        return _still_failing(facts)
    if want.running and facts.cluster is not None:
        if isinstance(facts.preflight, Unread):
            return steps.look(facts, Need.PREFLIGHT)
        if facts.preflight is not None:
            return steps.rest(facts, None, verdict=verdicts.Rejected(Reason.ValidationError, facts.preflight))
    told = (
        Event("Normal", "SpecChanged", diff.text, observing.JOB_MANAGER, key=f"SpecChange: {want.generation}"),
        Event("Normal", "Suspended", "Suspending existing deployment.", observing.JOB_MANAGER),
    )
    return _carry_out(facts, upgrades.choose(facts, want, diff), told)


def _carry_out(facts: Facts, choice: upgrades.Choice, told: tuple[Event, ...]) -> Step:
    match choice:
        case upgrades.Ask(needs):
            return steps.look(facts, *needs)
        case upgrades.Stop():
            return stops.begin_stop(facts, told)
        case upgrades.Cancel():
            return stops.begin_cancel(facts, told)
        case upgrades.TearDown(restore):
            return _torn_down(facts, restore, verdicts.Fine(), told)
        case upgrades.Freeze(uid, version):
            return Step(ScaleToZero(uid, version, upgrades.UNSTARTED), facts.status)
        case upgrades.Wait(why, seconds):
            return steps.rest(facts, seconds, verdict=verdicts.Waiting("Upgrading", f"The change waits: {why}"))
        case upgrades.DeadEnd(reason, message):
            return steps.blocked(facts, reason, message)


def _still_failing(facts: Facts) -> Step:
    """A stop failed and is not due again: keep saying so."""
    message = verdicts.error_message(facts.status.error)
    for condition in facts.status.conditions:
        if condition.type == verdicts.UPGRADE_BLOCKED:
            message = condition.message
    return steps.rest(facts, stops.retry_pause(facts), verdict=verdicts.Blocked(Reason.SavepointError, message))


def _missing(facts: Facts, want: Wanted) -> Step:
    """Somebody deleted the JobManager Deployment; the spec did not change."""
    events: tuple[Event, ...] = ()
    if facts.status.job_status.state in TERMINAL_JOB_STATES:
        return steps.rest(facts, None)
    if verdicts.error_message(facts.status.error) != starts.MISSING:
        events = (Event("Warning", Reason.Missing, starts.MISSING, observing.JOB_MANAGER),)
    recover = options.get_bool(facts.conf, options.RECOVERY_ENABLED)
    told = (*events, Event("Warning", "RecoverDeployment", "Recovering lost deployment", observing.JOB))
    if recover and options.has_high_availability(facts.last_conf):
        if isinstance(facts.ha, Unread):
            return steps.look(facts, Need.HA_METADATA)
        if isinstance(facts.ha, HaMetadata) and facts.ha.with_checkpoint:
            return _torn_down(facts, Restore("last-state"), verdicts.Fine(), told)
    if recover and want.upgrade_mode == "stateless":
        return _torn_down(facts, Restore("stateless"), verdicts.Fine(), told)
    dead_end = upgrades.lost(facts)
    return steps.blocked(facts, Reason.Missing, f"{starts.MISSING}. {dead_end.message}")


def _watch_over(facts: Facts, failure: podfailures.PodFailure | None) -> Step:
    """Nothing to change: tell how the job fares, and gather what is worth telling."""
    job = facts.flink.job
    status = facts.status
    if failure is not None:
        return _broken(facts, failure)
    if isinstance(job, Job) and exceptions.are_due(facts, job):
        return steps.look(facts, Need.EXCEPTIONS)
    if isinstance(job, Job) and job.reported_state in TERMINAL_JOB_STATES:
        return _ended_job(facts, job)
    if isinstance(job, Job) and job.reported_state == "RUNNING":
        needs = _details_missing(facts)
        if needs:
            return steps.look(facts, *needs)
    waiting = podfailures.unschedulable(facts.pods)
    verdict = verdicts.Waiting("Unschedulable", waiting) if waiting else None
    return steps.rest(facts, cadence.deployed(facts, status), verdict=verdict)


def _details_missing(facts: Facts) -> tuple[Need, ...]:
    info, flink = facts.status.cluster_info, facts.flink
    needs: list[Need] = []
    if "flink-version" not in info and isinstance(flink.version, Unread):
        needs.append(Need.VERSION)
    if "state-size" not in info and verdicts.CHECKPOINTING not in info and isinstance(flink.checkpoints, Unread):
        needs.append(Need.CHECKPOINTS)
    return tuple(needs)


def _broken(facts: Facts, failure: podfailures.PodFailure) -> Step:
    """The JobManager does not come up; for a crash its log names the root cause."""
    if failure.reason == "CrashLoopBackOff" and isinstance(facts.crash_log, Unread):
        return steps.look(facts, Need.CRASH_LOG)
    message = failure.message
    if isinstance(facts.crash_log, str):
        message = f"{message}: {facts.crash_log}"
    return steps.rest(facts, cadence.deployed(facts, facts.status), verdict=verdicts.Broken(failure.reason, message))


def _ended_job(facts: Facts, job: Job) -> Step:
    """Record what the job left behind while Flink still tells; for a failed job say why it failed."""
    if isinstance(facts.flink.checkpoints, Unread):
        return steps.look(facts, Need.CHECKPOINTS)
    newest = upgrades.newest_of(facts.flink.checkpoints)
    if isinstance(facts.flink.checkpoints, Checkpoints) and not upgrades.may_have_forgotten(facts, job, newest):
        facts = replace(facts, status=records.left_behind(facts.status, newest))
    if job.reported_state == "FAILED":
        return _failed_job(facts, job)
    return steps.rest(facts, _look_again(facts, job))


def _look_again(facts: Facts, job: Job) -> float:
    """Once more when Flink's cached statistics have become current, then rarely."""
    early = upgrades.still_cached(facts, job)
    return early if early > 0 else cadence.deployed(facts, facts.status)


def _failed_job(facts: Facts, job: Job) -> Step:
    """The job is FAILED: its exception is the error."""
    cause = facts.flink.failure
    if isinstance(cause, Unread):
        return steps.look(facts, Need.FAILURE)
    verdict = verdicts.JobFailed("The job failed; Flink does not say why", "")
    if isinstance(cause, JobFailure):
        verdict = verdicts.JobFailed(cause.summary, cause.trace)
    elif isinstance(cause, Unreachable) and facts.status.error:
        verdict = verdicts.JobFailed(verdicts.error_message(facts.status.error))
    return steps.rest(facts, _look_again(facts, job), verdict=verdict)
