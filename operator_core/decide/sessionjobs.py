"""What to do next for a FlinkSessionJob: Facts in, one Step out.

Dispatches on the phase that the status records; only a submitted job is compared with the spec. The session cluster
belongs to its own resource: a job waits for it, gives way when it is to be replaced, and is submitted again from
its state afterwards. A spec that is refused changes nothing that runs. Every path ends in rest with a job that
runs, is suspended, has finished, is gone, or is blocked with a named way out.
"""

from dataclasses import replace

from operator_core.decide import (
    cadence,
    exceptions,
    finishedjobs,
    observing,
    remarks,
    scalings,
    sessiondeletions,
    sessionends,
    sessionguards,
    sessionrollbacks,
    sessionstops,
    snapshots,
    snapshotsdue,
    specdiff,
    steps,
    stopretries,
    submissionrecords,
    submissions,
    verdicts,
    wanted,
)
from operator_core.decide.decisions import AddFinalizer, Event, Step
from operator_core.decide.flinkfacts import Checkpoints, Job, Unreachable
from operator_core.decide.needs import Need, Unread
from operator_core.decide.phases import Phase, phase_of
from operator_core.decide.records import Restore
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.decide.sessionstops import SessionStep
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import dig
from operator_core.model.flinksessionjobs import FINALIZER, FlinkSessionJobStatus
from operator_core.model.statuses import TERMINAL_JOB_STATES

_OBSERVED = frozenset((Phase.DEPLOYED, Phase.STOPPING, Phase.CANCELLING))


def decide(facts: SessionFacts) -> SessionStep:
    """The next step."""
    status, events = _observed(facts)
    step = _decide(replace(facts, status=status))
    return Step(step.decision, step.status, (*events, *step.events))


def _observed(facts: SessionFacts) -> tuple[FlinkSessionJobStatus, tuple[Event, ...]]:
    """The status with what Flink says of the job; before it was submitted and after it ended that is not its state."""
    status, job = facts.status, facts.flink.job
    if phase_of(status, facts.last) not in _OBSERVED:
        return status, ()
    if isinstance(job, Job):
        status, events = observing.with_job(facts, status, job)
        status, told = exceptions.told(facts, status)
        return status, (*events, *told)
    moving = status.job_status.state not in (*TERMINAL_JOB_STATES, "CANCELLING")
    if observing.stands(facts) and observing.is_silent(facts) and moving:
        status = observing.with_state(status, "RECONCILING")
    return status, ()


def _decide(facts: SessionFacts) -> SessionStep:
    if facts.deleting:
        return sessiondeletions.decide(facts)
    if FINALIZER not in dig(facts.resource, "metadata", "finalizers", default=[]):
        return Step(AddFinalizer(), facts.status)
    if facts.last is None and facts.invalid is not None:
        return steps.rest(facts, None)
    want = wanted.wanted(facts)
    asked = _request(facts)
    phase = phase_of(facts.status, facts.last)
    if isinstance(asked, wanted.RestoreFrom) and phase is not Phase.NEW:
        return _restore_from(facts, asked)
    step = _by_phase(facts, want, phase)
    if isinstance(asked, wanted.AcceptStateLoss) and steps.is_dead_end(step):
        answer = verdicts.Answered(asked.id, "starting without state")
        return sessionstops.settled(facts, Restore("stateless"), verdict=answer)
    return step


def _request(facts: SessionFacts) -> wanted.UserRequest | None:
    """A status that keeps no conditions (Java operator's definitions) cannot remember what was carried out."""
    return wanted.request(facts) if facts.status.conditions else None


def _by_phase(facts: SessionFacts, want: Wanted, phase: Phase) -> SessionStep:
    match phase:
        case Phase.NEW:
            return submissions.first(facts, want)
        case Phase.DEPLOYING:
            return submissions.submitting(facts, want) or _confirmed(facts, want)
        case Phase.STOPPING:
            return sessionstops.stopping(facts, want)
        case Phase.CANCELLING:
            return sessionstops.cancelling(facts, want)
        case Phase.TEARING_DOWN:
            return submissions.stopped(facts, want)
        case Phase.SUSPENDED:
            return submissions.suspended(facts, want)
        case Phase.ROLLING_BACK:
            return sessionrollbacks.carried_on(facts, want)
        case Phase.DEPLOYED:
            return _deployed(facts, want)


def _restore_from(facts: SessionFacts, asked: wanted.RestoreFrom) -> SessionStep:
    """A person names the state: whatever runs is cancelled and submitted again from there."""
    known = facts.status.job_status.savepoint_info.last_savepoint
    path = asked.path or facts.status.job_status.upgrade_savepoint_path or (known.location if known else None)
    if not path:
        return steps.blocked(
            facts,
            Reason.RestoreFailed,
            f"Request {asked.id}: no savepoint of this job is recorded; name its path instead of 'latest'",
        )
    answer = verdicts.Answered(asked.id, f"restoring from {path}")
    return sessionstops.settled(facts, Restore("savepoint", path), verdict=answer)


def _confirmed(facts: SessionFacts, want: Wanted) -> SessionStep:
    """Flink lists the job that was recorded: it is deployed, and from here on it is looked after."""
    status = submissionrecords.submitted(facts)
    facts = replace(facts, status=status, last=steps.last_of(status))
    status, events = _observed(facts)
    step = _deployed(replace(facts, status=status), want)
    return Step(step.decision, step.status, (*events, *step.events))


def _deployed(facts: SessionFacts, want: Wanted) -> SessionStep:
    """The job was submitted. Look at it, then carry out what the spec or the cluster changed."""
    if facts.session.resource is None:
        return submissions.waiting_for_cluster(facts, "does not exist")
    if observing.serves(facts) and isinstance(facts.flink.job, Unread):
        return steps.look(facts, Need.JOB)
    diff = specdiff.classify(facts.last.spec if facts.last else {}, want.spec)
    if diff.type > specdiff.DiffType.IGNORE:
        return _change(facts, want, diff)
    facts = replace(facts, status=facts.status.model_copy(update={"observed_generation": want.generation}))
    if facts.last is not None and facts.last.tried is not None and not want.rolls_back:
        return steps.record(facts, submissionrecords.reached(facts, want.spec, want.generation), None)
    taken = sessionrollbacks.step(facts, want) or _unchanged(facts, want)
    return sessionrollbacks.hastened(facts, taken)


def _unchanged(facts: SessionFacts, want: Wanted) -> SessionStep:
    """The spec asks for nothing new: give way to the cluster's change, else watch over the job."""
    if (unsettled := scalings.unsettled(facts)) is not None:
        return unsettled
    ended = facts.status.job_status.state in TERMINAL_JOB_STATES
    if facts.flink.job is None:
        return sessionends.forgotten(facts, want) if ended else _lost(facts, want)
    if sessionguards.asks_jobs_to_stop(facts.session.resource) and want.upgrade_mode != "stateless" and not ended:
        return _give_way(facts, want)
    return _watch_over(replace(facts, status=snapshots.noted(facts)), want)


def _change(facts: SessionFacts, want: Wanted, diff: specdiff.SpecDiff) -> SessionStep:
    """The spec asks for something else than what was submitted."""
    reached = submissionrecords.reached(facts, want.spec, want.generation)
    if (scaled := scalings.scaled(facts, want, diff, reached)) is not None:
        return scaled
    if want.running and finishedjobs.keeps(facts, diff):
        return _kept(facts, want, diff)
    if (waiting := snapshots.before_change(facts)) is not None:
        return waiting
    if not stopretries.may_try_again(facts):
        return stopretries.still_failing(facts)
    told = (
        remarks.changed(diff, want.generation),
        Event("Normal", "Suspended", "Suspending existing deployment.", observing.JOB_MANAGER),
    )
    return sessionstops.carry_out(facts, sessionstops.choose(facts, want, diff), told)


def _kept(facts: SessionFacts, want: Wanted, diff: specdiff.SpecDiff) -> SessionStep:
    """Accept the change of a finished job; it holds when the job is run again."""
    if isinstance(facts.flink.job, Job) and isinstance(facts.flink.checkpoints, Unread):
        return steps.look(facts, Need.CHECKPOINTS)
    told = finishedjobs.told(facts, want, diff)
    facts = replace(facts, status=facts.status.model_copy(update={"observed_generation": want.generation}))
    step = sessionends.ended(facts, want)
    return Step(step.decision, step.status, (*told, *step.events))


def _give_way(facts: SessionFacts, want: Wanted) -> SessionStep:
    """The session cluster is to be replaced and would not bring the job back: stop with state first."""
    if (waiting := snapshots.before_change(facts)) is not None:
        return waiting
    if not stopretries.may_try_again(facts):
        return stopretries.still_failing(facts)
    told = (Event("Normal", "Suspended", "Suspending for the session cluster's upgrade.", observing.JOB_MANAGER),)
    return sessionstops.carry_out(facts, sessionstops.choose(facts, want, None), told)


def _lost(facts: SessionFacts, want: Wanted) -> SessionStep:
    """The session cluster answers and does not know the job; the spec did not change."""
    events: tuple[Event, ...] = ()
    if observing.NOT_FOUND not in verdicts.error_message(facts.status.error):
        events = (Event("Warning", Reason.Missing, observing.NOT_FOUND, observing.JOB),)
    if want.upgrade_mode == "stateless" and facts.invalid is None:
        return sessionstops.settled(facts, Restore("stateless"), events=events)
    facts = replace(facts, status=observing.with_state(facts.status, "RECONCILING"))
    step = sessionstops.carry_out(facts, sessionstops.lost(), ())
    return Step(step.decision, step.status, (*events, *step.events))


def _watch_over(facts: SessionFacts, want: Wanted) -> SessionStep:
    """Nothing to change: tell how the job fares, and gather what is worth telling."""
    job = facts.flink.job
    if isinstance(job, Job) and exceptions.are_due(facts, job):
        return steps.look(facts, Need.EXCEPTIONS)
    if isinstance(job, Job) and job.reported_state in TERMINAL_JOB_STATES:
        return snapshots.step(facts, want.spec) or sessionends.ended(facts, want)
    running = isinstance(job, Job) and job.reported_state == "RUNNING"
    if running and not verdicts.is_stable(facts.status) and isinstance(facts.flink.checkpoints, Unread):
        return steps.look(facts, Need.CHECKPOINTS)
    if (snapshot := snapshots.step(facts, want.spec)) is not None:
        return snapshot
    if not observing.serves(facts):
        why = sessionguards.closed(facts.session.resource) or "is not ready"
        return submissions.waiting_for_cluster(facts, why)
    verdict = verdicts.Proven() if running and _is_proven(facts.flink.checkpoints) else None
    pause = cadence.session_job(facts, settled=verdict is not None or verdicts.is_stable(facts.status))
    return steps.rest(facts, snapshotsdue.pause(facts, pause), verdict=verdict)


def _is_proven(checkpoints: Checkpoints | Unreachable | Unread) -> bool:
    """Whether the run completed a checkpoint, or takes none."""
    if not isinstance(checkpoints, Checkpoints):
        return False
    return not checkpoints.enabled or (checkpoints.completed > 0 and checkpoints.newest is not None)
