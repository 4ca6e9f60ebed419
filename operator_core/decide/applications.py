"""What to do next for a FlinkDeployment that runs one job: Facts in, one Step out.

Dispatches on the phase that the status records; only a standing deployment is compared with the spec. A
spec that is refused changes nothing that runs. Every path ends in rest with a job that runs, is
suspended, has finished, is gone, or is blocked with a named way out.
"""

from dataclasses import replace

from operator_core.decide import (
    cadence,
    carrying,
    changes,
    deletions,
    deploymentrecords,
    exceptions,
    health,
    ingresses,
    leftcheckpoints,
    leftstates,
    mounts,
    observing,
    podfailures,
    recoveries,
    rollbacks,
    scalings,
    snapshots,
    snapshotsdue,
    specdiff,
    standalone,
    starts,
    steps,
    stops,
    upgrades,
    verdicts,
    wanted,
    waysout,
    workerfailures,
)
from operator_core.decide.decisions import AddFinalizer, DisposeSavepoint, Step
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import Job
from operator_core.decide.needs import Need, Unread
from operator_core.decide.phases import Phase, phase_of
from operator_core.decide.wanted import Wanted
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
    if isinstance(asked, wanted.RestoreFrom) and phase is not Phase.NEW:
        return waysout.restore_from(facts, asked)
    step = _by_phase(facts, want, phase, failure)
    if isinstance(asked, wanted.AcceptStateLoss) and steps.is_dead_end(step):
        return waysout.accept_loss(facts, asked)
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
            return rollbacks.taken_over(facts, want)
        case Phase.DEPLOYED:
            return _deployed(facts, want, failure)


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
        return changes.change(facts, want, diff)
    status = facts.status.model_copy(update={"observed_generation": want.generation})
    facts = replace(facts, status=status)
    if facts.last is not None and facts.last.tried is not None and not want.rolls_back:
        return steps.record(facts, deploymentrecords.scaled(facts, want.spec, want.generation), None)
    taken = rollbacks.step(facts, want, failure) or _unchanged(facts, want, failure)
    return rollbacks.hastened(facts, taken, failure)


def _unchanged(facts: Facts, want: Wanted, failure: podfailures.PodFailure | None) -> Step:
    """The spec asks for nothing new: mend what broke, else watch over it."""
    if facts.cluster is None:
        return recoveries.missing(facts, want)
    if upgrades.is_marked(facts.cluster):
        return carrying.out(facts, leftstates.same_restore(facts, want), ())
    unsettled = standalone.missing(facts) or standalone.unsettled(facts) or scalings.unsettled(facts)
    return unsettled or ingresses.step(facts, want) or _watch_over(facts, want, failure)


def _watch_over(facts: Facts, want: Wanted, failure: podfailures.PodFailure | None) -> Step:
    """Nothing to change: tell how the job fares, and gather what is worth telling."""
    facts = replace(facts, status=snapshots.noted(facts))
    job = facts.flink.job
    status = facts.status
    if failure is not None:
        return _broken(facts, failure)
    if (need := _wondered(facts)) is not None:
        return steps.look(facts, need)
    if isinstance(job, Job) and job.reported_state in TERMINAL_JOB_STATES:
        return snapshots.step(facts, want.spec) or recoveries.ended(facts, want)
    if isinstance(job, Job) and (restart := recoveries.unhealthy(facts, want)) is not None:
        return restart
    if isinstance(job, Job) and job.reported_state == "RUNNING":
        needs = _details_missing(facts)
        if needs:
            return steps.look(facts, *needs)
    if (snapshot := snapshots.step(facts, want.spec)) is not None:
        return snapshot
    if (left := leftcheckpoints.outlived(facts)) is not None:
        return Step(DisposeSavepoint(left), facts.status)
    waiting = podfailures.unschedulable(facts.pods)
    verdict = verdicts.Waiting("Unschedulable", waiting) if waiting else workerfailures.verdict(facts)
    told = workerfailures.events(facts, workerfailures.verdict(facts))
    pause = mounts.pause(facts, snapshotsdue.pause(facts, cadence.deployed(facts, status)))
    return steps.rest(facts, pause, verdict=verdict, events=told)


def _wondered(facts: Facts) -> Need | None:
    """What must be known about how the JobManager and its job fare, before anything is said of them."""
    job = facts.flink.job
    if mounts.are_due(facts):
        return Need.MOUNTS
    if isinstance(job, Job) and exceptions.are_due(facts, job):
        return Need.EXCEPTIONS
    return Need.METRICS if isinstance(job, Job) and health.is_due(facts, job) else None


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
    pause = mounts.pause(facts, cadence.deployed(facts, facts.status))
    return steps.rest(facts, pause, verdict=verdicts.Broken(failure.reason, message))
