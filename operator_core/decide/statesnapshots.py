"""What to do next for a FlinkStateSnapshot: its facts in, one step out.

Follows the Java operator's states (TRIGGER_PENDING, IN_PROGRESS, COMPLETED, FAILED, ABANDONED) with the trigger id
recorded before Flink is asked. Unlike there a snapshot waits for a job that is on its way to run or being changed, is
abandoned only for one that will not run, and one that never validated can be deleted.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from operator_core import masking
from operator_core.conf import options
from operator_core.decide import schedules
from operator_core.decide.decisions import Event, TriggerCheckpoint, TriggerSavepoint
from operator_core.decide.flinkfacts import (
    Trigger,
    TriggerCompleted,
    TriggerFailed,
    TriggerPending,
    TriggerUnknown,
    Unreachable,
)
from operator_core.decide.jobfacts import JobFacts
from operator_core.decide.needs import NOT_READ, Unread
from operator_core.decide.phases import Phase, phase_of
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig
from operator_core.model.flinkstatesnapshots import FlinkStateSnapshotSpec, FlinkStateSnapshotStatus, SnapshotState
from operator_core.model.statuses import TERMINAL_JOB_STATES, CommonStatus

COMPONENT = "Snapshot"
FINISHED: tuple[SnapshotState, ...] = ("COMPLETED", "ABANDONED")
TRIGGER_LABEL = "snapshot.trigger-type"
_CHECKPOINTS_SINCE = (1, 17)
_BACK_OFF, _LONGEST_BACK_OFF = 10.0, 3600.0
_RECHECK = 60.0


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """`job` are the facts of the job that is named, None where there is none; `serves`: its JobManager answers."""

    resource: Object
    spec: FlinkStateSnapshotSpec | None
    invalid: str | None
    status: FlinkStateSnapshotStatus
    job: JobFacts[CommonStatus] | None
    serves: bool
    now: datetime
    new_id: str
    trigger: Trigger | Unreachable | Unread = NOT_READ
    disposal: Trigger | Unreachable | Unread = NOT_READ

    @property
    def kind(self) -> str:
        """savepoint or checkpoint."""
        return "checkpoint" if self.spec is not None and self.spec.checkpoint is not None else "savepoint"


@dataclass(frozen=True, slots=True)
class LookAtTrigger:
    """Ask Flink how the snapshot fares."""


@dataclass(frozen=True, slots=True)
class LookAtDisposal:
    """Ask Flink how the disposal fares."""


@dataclass(frozen=True, slots=True)
class Rest:
    """End the pass; come back after `seconds`, or when something changes."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Take:
    """Have Flink take the snapshot; `recorded` False: the status is written before."""

    effect: TriggerSavepoint | TriggerCheckpoint
    recorded: bool


@dataclass(frozen=True, slots=True)
class Dispose:
    """Have Flink delete the savepoint's files; the id of the answer goes into the status."""

    path: str


@dataclass(frozen=True, slots=True)
class Release:
    """Remove the finalizer."""


Decision = LookAtTrigger | LookAtDisposal | Rest | Take | Dispose | Release


@dataclass(frozen=True, slots=True)
class SnapshotStep:
    """One decision with what it leaves behind."""

    decision: Decision
    status: FlinkStateSnapshotStatus
    events: tuple[Event, ...] = ()


def decide(facts: SnapshotFacts) -> SnapshotStep:
    """The next step of a snapshot that is not being deleted."""
    status = facts.status
    if status.state in FINISHED:
        return SnapshotStep(Rest(None), status)
    if facts.invalid is not None or facts.spec is None:
        return _refused(facts, facts.invalid or "the spec is missing")
    match status.state:
        case "IN_PROGRESS":
            return in_progress(facts, facts.spec)
        case "FAILED":
            return _failed_before(facts, facts.spec)
        case _:
            return _pending(facts, facts.spec)


def _refused(facts: SnapshotFacts, message: str) -> SnapshotStep:
    """Told once per text; looked at again when the snapshot or its job changes."""
    return _waits(facts, message, Event("Warning", Reason.ValidationError, message, "Operator"))


def _waits(facts: SnapshotFacts, message: str, event: Event | None = None) -> SnapshotStep:
    message = masking.masked(message)
    events = (event,) if event is not None and facts.status.error != message else ()
    return SnapshotStep(Rest(_RECHECK), facts.status.model_copy(update={"error": message}), events)


def _failed_before(facts: SnapshotFacts, spec: FlinkStateSnapshotSpec) -> SnapshotStep:
    """Back-off as the Java operator's: 10 s, doubled with every failure; here up to an hour."""
    status = facts.status
    if 0 <= spec.backoff_limit < status.failures:
        return SnapshotStep(Rest(None), status)
    pause = min(_LONGEST_BACK_OFF, _BACK_OFF * 2.0 ** min(status.failures - 1, 16))
    ended = schedules.instant(status.result_timestamp).timestamp() if status.result_timestamp else 0.0
    wait = ended + pause - facts.now.timestamp()
    return SnapshotStep(Rest(wait), status) if wait > 0 else _pending(facts, spec)


def _pending(facts: SnapshotFacts, spec: FlinkStateSnapshotSpec) -> SnapshotStep:
    if spec.savepoint is not None and spec.savepoint.already_exists:
        done = {"state": "COMPLETED", "path": spec.savepoint.path, "error": None}
        times = {"trigger_timestamp": stamp(facts.now), "result_timestamp": stamp(facts.now)}
        return SnapshotStep(Rest(None), facts.status.model_copy(update=done | times))
    job = facts.job
    if job is None or _will_not_run(job):
        return _abandoned(facts)
    if not _is_running(job) or not facts.serves:
        state = job.status.job_status.state or "not deployed"
        return _waits(facts, f"Waiting for {_target(facts)} to run (it is {state}, {phase_of(job.status, job.last)})")
    problem = _impossible(job, spec)
    if problem is not None:
        return failed(facts, problem)
    begun = {
        "state": "IN_PROGRESS",
        "trigger_id": facts.new_id,
        "trigger_timestamp": stamp(facts.now),
        "error": None,
    }
    status = facts.status.model_copy(update=begun)
    return SnapshotStep(Take(_effect(job, spec, facts.new_id), recorded=False), status)


def in_progress(facts: SnapshotFacts, spec: FlinkStateSnapshotSpec) -> SnapshotStep:
    """A trigger is recorded: find out how it went."""
    job, status = facts.job, facts.status
    if job is None or _will_not_run(job):
        return _abandoned(facts)
    if not facts.serves or phase_of(job.status, job.last) is not Phase.DEPLOYED:
        return SnapshotStep(Rest(_RECHECK), status)
    match facts.trigger:
        case Unread():
            return SnapshotStep(LookAtTrigger(), status)
        case Unreachable() | TriggerPending():
            return SnapshotStep(Rest(_poll_pause(facts)), status)
        case TriggerCompleted(location):
            return _completed(facts, location)
        case TriggerFailed(cause):
            return failed(facts, cause)
        case TriggerUnknown():
            return _unknown(facts, spec, job)
        case _:
            assert_never(facts.trigger)


def _unknown(facts: SnapshotFacts, spec: FlinkStateSnapshotSpec, job: JobFacts[CommonStatus]) -> SnapshotStep:
    """The request never came, or its JobManager is gone: asked again under the same id while it is young."""
    if age(facts) > _grace(facts, job):
        return failed(facts, "Flink does not know the trigger: the JobManager ended while the snapshot was taken")
    if not _is_running(job):
        return SnapshotStep(Rest(_poll_pause(facts)), facts.status)
    return SnapshotStep(Take(_effect(job, spec, facts.status.trigger_id or ""), recorded=True), facts.status)


def _completed(facts: SnapshotFacts, location: str) -> SnapshotStep:
    done = {"state": "COMPLETED", "path": location, "error": None, "result_timestamp": stamp(facts.now)}
    event = Event("Normal", f"{facts.kind.capitalize()}Completed", f"The {facts.kind} is at {location}", COMPONENT)
    return SnapshotStep(Rest(None), facts.status.model_copy(update=done), (event,))


def failed(facts: SnapshotFacts, cause: str) -> SnapshotStep:
    """The try failed: told, counted, tried again while `backoffLimit` lets."""
    reason = Reason.CheckpointError if facts.kind == "checkpoint" else Reason.SavepointError
    changes = {
        "state": "FAILED",
        "failures": facts.status.failures + 1,
        "result_timestamp": stamp(facts.now),
        "error": masking.masked(cause),
    }
    status = facts.status.model_copy(update=changes)
    again = facts.spec is not None and not 0 <= facts.spec.backoff_limit < status.failures
    event = Event("Warning", reason, cause, COMPONENT, key=f"failure {status.failures}")
    return SnapshotStep(Rest(_BACK_OFF if again else None), status, (event,))


def _abandoned(facts: SnapshotFacts) -> SnapshotStep:
    name = facts.resource["metadata"]["name"]
    message = f"{_target(facts)} for {facts.kind} {name} is not running"
    changes = {"state": "ABANDONED", "result_timestamp": stamp(facts.now), "error": message}
    event = Event("Warning", Reason.SnapshotAbandoned, message, COMPONENT)
    return SnapshotStep(Rest(None), facts.status.model_copy(update=changes), (event,))


def _target(facts: SnapshotFacts) -> str:
    reference = dig(facts.resource, "spec", "jobReference", default={})
    return f"{reference.get('kind')} {reference.get('name')}"


def _will_not_run(job: JobFacts[CommonStatus]) -> bool:
    """Whether waiting for the job would be in vain."""
    phase = phase_of(job.status, job.last)
    ended = phase is Phase.DEPLOYED and job.status.job_status.state in TERMINAL_JOB_STATES
    return job.deleting or ended or phase is Phase.SUSPENDED or (phase is Phase.NEW and _is_created_suspended(job))


def _is_created_suspended(job: JobFacts[CommonStatus]) -> bool:
    return bool(dig(job.resource, "spec", "job", "state", default="running") != "running")


def _is_running(job: JobFacts[CommonStatus]) -> bool:
    return phase_of(job.status, job.last) is Phase.DEPLOYED and job.status.job_status.state == "RUNNING"


def _impossible(job: JobFacts[CommonStatus], spec: FlinkStateSnapshotSpec) -> str | None:
    """Why the job cannot be asked for the snapshot."""
    if spec.checkpoint is not None:
        version = job.last.spec.get("flinkVersion") if job.last is not None else None
        digits = str(version or "v1_17").removeprefix("v").split("_")
        if tuple(int(digit) for digit in digits) < _CHECKPOINTS_SINCE:
            return "Flink takes checkpoints on request from version 1.17 on; take a savepoint instead"
        return None
    if _directory(job, spec) is None:
        return f"Neither spec.savepoint.path nor {options.SAVEPOINT_DIR.key} of the job says where savepoints go"
    return None


def _directory(job: JobFacts[CommonStatus], spec: FlinkStateSnapshotSpec) -> str | None:
    own = spec.savepoint.path if spec.savepoint is not None else None
    return own or options.get(job.conf, options.SAVEPOINT_DIR) or options.get(job.last_conf, options.SAVEPOINT_DIR)


def _effect(
    job: JobFacts[CommonStatus], spec: FlinkStateSnapshotSpec, trigger_id: str
) -> TriggerSavepoint | TriggerCheckpoint:
    job_id = job.status.job_status.job_id or ""
    if spec.savepoint is None:
        return TriggerCheckpoint(job_id, trigger_id, "FULL")
    format_type = "NATIVE" if spec.savepoint.format_type == "NATIVE" else "CANONICAL"
    return TriggerSavepoint(job_id, trigger_id, _directory(job, spec), format_type)


def age(facts: SnapshotFacts) -> float:
    """Seconds since the recorded trigger."""
    began = facts.status.trigger_timestamp
    return facts.now.timestamp() - (schedules.instant(began).timestamp() if began else 0.0)


def _poll_pause(facts: SnapshotFacts) -> float:
    """A small snapshot takes a fraction of a second, a large one minutes."""
    return min(15.0, max(0.1, age(facts) / 10))


def _grace(facts: SnapshotFacts, job: JobFacts[CommonStatus]) -> float:
    option = options.CHECKPOINT_GRACE_PERIOD if facts.kind == "checkpoint" else options.SAVEPOINT_GRACE_PERIOD
    return options.get_seconds(job.conf, option) or 0.0


def stamp(moment: datetime) -> str:
    """An instant as the status holds it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
