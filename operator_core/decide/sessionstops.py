"""How a session job is stopped with its state, and how a stop that was recorded went.

The table of the Java operator for session jobs: savepoint where the job runs, else cancelled with its checkpoint
kept; what ended goes on from what it left. A session cluster never runs a job again by itself: behind a stop
the job is either listed, recovered by high availability, or gone, and then nobody knows how the stop went. Where no
state can be found safely the change is blocked with a named way out.
"""

from dataclasses import replace

from operator_core.conf import options
from operator_core.decide import (
    cadence,
    choices,
    leftstates,
    memories,
    observing,
    records,
    specdiff,
    steps,
    stopends,
    stoprecords,
    stopretries,
    stops,
    upgrades,
    verdicts,
)
from operator_core.decide.choices import Ask, Cancel, Choice, DeadEnd, Stop, TearDown, Wait
from operator_core.decide.decisions import CancelJob, Event, Step
from operator_core.decide.flinkfacts import (
    Checkpoints,
    Job,
    Snapshot,
    TriggerCompleted,
    TriggerFailed,
    TriggerPending,
    TriggerUnknown,
    Unreachable,
)
from operator_core.decide.needs import Need, Unread
from operator_core.decide.records import Restore
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import dig
from operator_core.model.flinksessionjobs import FlinkSessionJobStatus
from operator_core.model.statuses import TERMINAL_JOB_STATES

SessionStep = Step[FlinkSessionJobStatus]
SILENT_RECHECK = 60.0
_BOOT_PATIENCE = 60.0
_RECHECK = 15.0


def choose(facts: SessionFacts, want: Wanted, diff: specdiff.SpecDiff | None) -> Choice:
    """How to stop the job that is deployed; `diff` None: its cluster is to be replaced."""
    if diff is not None and diff.type is specdiff.DiffType.SAVEPOINT_REDEPLOY:
        return TearDown(Restore("savepoint", str(dig(want.spec, "job", "initialSavepointPath"))))
    if want.upgrade_mode == "stateless":
        return TearDown(Restore("stateless"))
    job = facts.flink.job
    if not observing.serves(facts) or isinstance(job, Unreachable | Unread):
        return Wait("the session cluster does not answer", _RECHECK)
    if job is not None:
        return _with_job(facts, want, job)
    return from_record(facts, want) if leftstates.has_recorded_end(facts) else lost()


def lost() -> DeadEnd:
    """The cluster answers and does not know the job: its newest state is not known either."""
    return DeadEnd(
        Reason.Missing,
        f"{observing.NOT_FOUND}: the session cluster {_WITHOUT_HA}, so its newest state is not known. "
        f"{choices.WAY_OUT}",
    )


_WITHOUT_HA = "restarted without its jobs (high availability would bring them back), or the job ended unseen"


def _with_job(facts: SessionFacts, want: Wanted, job: Job) -> Choice:
    state = job.reported_state
    if state in TERMINAL_JOB_STATES:
        return from_terminal(facts, want, job)
    if state == "CANCELLING":
        return Wait("the job is being cancelled", 1.0)
    if want.upgrade_mode == "savepoint":
        if state == "RUNNING":
            return Stop()
        if state in ("CREATED", "INITIALIZING") and upgrades.age(facts, job) < _BOOT_PATIENCE:
            return Wait(f"the job is {state}: a savepoint needs a running job", 1.0)
        if not options.get_bool(facts.conf, options.LAST_STATE_FALLBACK):
            return Wait(f"the job is {state}: a savepoint needs a running job and falling back is switched off", 15.0)
    if state == "RUNNING" and (choice := upgrades.by_age(facts, job)) is not None:
        return choice
    return last_state(facts, state)


def last_state(facts: SessionFacts, state: str) -> Choice:
    """Cancel, and go on from the newest checkpoint, once Flink said that cancelling keeps it."""
    if isinstance(facts.flink.retains, Unread):
        return Ask((Need.RETENTION,))
    if facts.flink.retains is True:
        return Cancel()
    if state == "RUNNING" and upgrades.has_savepoint_dir(facts):
        return Stop()
    return Wait("cancelling would delete the checkpoints (externalized-checkpoint-retention)", _RECHECK)


def from_terminal(facts: SessionFacts, want: Wanted, job: Job) -> Choice:
    """Go on from what a job left that has ended."""
    newest = leftstates.newest_state(facts, job)
    match newest:
        case Ask() | Wait():
            return newest
        case None:
            return _without_snapshot(facts, want, job)
        case Snapshot(path=path) if path and path != records.NOT_ADDRESSABLE:
            return TearDown(Restore("savepoint", path))
        case _:
            return DeadEnd(
                Reason.CheckpointNotFound, f"The newest checkpoint of the ended job has no path. {choices.WAY_OUT}"
            )


def _without_snapshot(facts: SessionFacts, want: Wanted, job: Job) -> Choice:
    """Flink names none: the job never had one, has lost them, or its JobManager restarted after the end."""
    checkpoints = facts.flink.checkpoints
    completed = checkpoints.completed if isinstance(checkpoints, Checkpoints) else 0
    forgotten = job.tasks_total == 0 and options.has_high_availability(facts.last_conf)
    if job.state == "FINISHED" or not (completed or forgotten):
        return given(facts, want)
    what = "its JobManager forgot its checkpoints" if forgotten else "its checkpoints were deleted with it"
    return DeadEnd(Reason.CheckpointNotFound, f"The job ended and {what}. {choices.WAY_OUT}")


def from_record(facts: SessionFacts, want: Wanted) -> TearDown | DeadEnd:
    """Go on from what the status says an ended job left, now that its JobManager does not know it any more."""
    known = memories.of(facts.status).get(records.FINAL_SNAPSHOT)
    return TearDown(Restore("savepoint", known)) if known else given(facts, want)


def given(facts: SessionFacts, want: Wanted) -> TearDown | DeadEnd:
    """The state that this deployment was given: right only while nothing newer can exist."""
    initial = dig(want.spec, "job", "initialSavepointPath")
    if facts.last is None or facts.last.first_deployment:
        return TearDown(Restore("savepoint", str(initial)) if initial else Restore("stateless"))
    path = facts.status.job_status.upgrade_savepoint_path
    began_empty = facts.status.job_status.state == "CANCELLING" and path is None  # its record says how it was stopped
    if records.how_stopped(facts) == "stateless" or began_empty:
        return TearDown(Restore("stateless"))
    if path:
        return TearDown(Restore("savepoint", path))
    return DeadEnd(Reason.UpgradeFailed, f"The savepoint to restore is not recorded in status. {choices.WAY_OUT}")


def carry_out(facts: SessionFacts, choice: Choice, told: tuple[Event, ...]) -> SessionStep:
    """The step that a choice comes to."""
    match choice:
        case Ask(needs):
            return steps.look(facts, *needs)
        case Stop():
            return stops.begin_stop(facts, told)
        case Cancel():
            return stops.begin_cancel(facts, told)
        case TearDown(restore):
            return settled(facts, restore, events=told)
        case Wait(why, seconds):
            return steps.rest(facts, seconds, verdict=verdicts.Waiting("Upgrading", f"The change waits: {why}"))
        case DeadEnd(reason, message):
            return steps.blocked(facts, reason, message, seconds=SILENT_RECHECK)
        case _:
            raise TypeError("a session job has no cluster to freeze")


def settled(
    facts: SessionFacts,
    restore: Restore,
    *,
    verdict: verdicts.Verdict | None = None,
    events: tuple[Event, ...] = (),
) -> SessionStep:
    """Record the state to go on from; the old run is looked after by the next step."""
    status = stoprecords.torn_down(facts, restore).model_copy(update={"error": None})
    return steps.record(facts, status, None, failpoint="savepoint-recorded", verdict=verdict, events=events)


def stopping(facts: SessionFacts, want: Wanted) -> SessionStep:
    """A stop with savepoint is recorded. Find out how it went."""
    info = facts.status.job_status.savepoint_info
    if (waiting := _silent(facts)) is not None:
        return waiting
    flink = facts.flink
    if isinstance(flink.trigger, Unread) or isinstance(flink.job, Unread):
        return steps.look(facts, Need.TRIGGER, Need.JOB)
    if isinstance(flink.trigger, Unreachable) or isinstance(flink.job, Unreachable):
        return steps.rest(facts, cadence.pending(facts, info.trigger_timestamp))
    match flink.trigger:
        case TriggerCompleted(location):
            return _taken(facts, location)
        case TriggerFailed(cause):
            return _failed(facts, want, flink.job, cause)
        case TriggerPending():
            if flink.job is not None and stops.ended_long_ago(facts, flink.job):
                return _ended(facts, want, flink.job)
            return steps.rest(facts, cadence.triggered(facts, info.trigger_timestamp))
        case TriggerUnknown():
            return _unknown(facts, want, flink.job)


def _silent(facts: SessionFacts) -> SessionStep | None:
    """What to do while no JobManager can be asked; None when one can."""
    if facts.session.resource is None and facts.cluster is None:
        return _unknown_state(facts)
    return None if observing.serves(facts) else steps.rest(facts, SILENT_RECHECK)


def _taken(facts: SessionFacts, location: str) -> SessionStep:
    status = stoprecords.savepoint_taken(facts, location).model_copy(update={"error": None})
    return steps.record(facts, status, None, failpoint="savepoint-recorded")


def _failed(facts: SessionFacts, want: Wanted, job: Job | None, cause: str) -> SessionStep:
    found = stops.PATH_IN_ERROR.search(cause)
    if found:
        return _taken(facts, found[1])
    if job is None:
        return _unknown_state(facts)
    return _ended(facts, want, job) if job.state in TERMINAL_JOB_STATES else stopretries.failed(facts, cause)


def _unknown(facts: SessionFacts, want: Wanted, job: Job | None) -> SessionStep:
    """Flink does not know our trigger: it was never sent, or the JobManager restarted since."""
    if job is None:
        return _unknown_state(facts)
    if job.state in TERMINAL_JOB_STATES:
        return _ended(facts, want, job)
    info = facts.status.job_status.savepoint_info
    return Step(stops.request(facts, info.trigger_id or "", info.format_type or "CANONICAL"), facts.status)


def _ended(facts: SessionFacts, want: Wanted, job: Job) -> SessionStep:
    """The job ended and Flink forgot our id (or never got it): its newest snapshot is the state."""
    if stopends.is_finished(facts, job):
        return stops.given_up(facts)
    match leftstates.newest_state(facts, job):
        case Ask(needs):
            return steps.look(facts, *needs)
        case Wait(_, seconds):
            return steps.rest(facts, seconds)
        case Snapshot(path=path) if path and path != records.NOT_ADDRESSABLE:
            return _taken(facts, path)
        case None if stopends.left_nothing(facts, job):
            return carry_out(facts, given(facts, want), ())
        case _:
            return _unknown_state(facts)


def _unknown_state(facts: SessionFacts) -> SessionStep:
    if facts.flink.job is None:
        facts = replace(facts, status=observing.with_state(facts.status, "RECONCILING"))
    directory = options.get(facts.last_conf, options.SAVEPOINT_DIR) or "the savepoint directory"
    return steps.blocked(
        facts,
        Reason.UpgradeFailed,
        "The session cluster lost the job while it was being stopped, so it is not known whether the savepoint was "
        f"completed (look below {directory}). {choices.WAY_OUT}",
        seconds=SILENT_RECHECK,
    )


def cancelling(facts: SessionFacts, want: Wanted) -> SessionStep:
    """A cancellation is recorded. When the job has ended its newest checkpoint is the state."""
    if (waiting := _silent(facts)) is not None:
        return waiting
    job = facts.flink.job
    since = facts.status.reconciliation_status.reconciliation_timestamp
    if isinstance(job, Unread):
        return steps.look(facts, Need.JOB)
    if isinstance(job, Unreachable):
        return steps.rest(facts, cadence.pending(facts, since))
    if job is None:
        return carry_out(facts, lost(), ())
    if job.state == "CANCELLING":
        return steps.rest(facts, cadence.pending(facts, since))
    if job.state not in TERMINAL_JOB_STATES:
        return Step(CancelJob(job.id, required=True), facts.status)
    return carry_out(facts, from_terminal(facts, want, job), ())
