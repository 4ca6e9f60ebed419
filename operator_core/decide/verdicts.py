"""What is said about a resource: error text, conditions, lifecycle state.

Computed from the status and a verdict, never toggled. `Running` is the Java operator's condition; `Ready`
and `UpgradeBlocked` are ours: Ready is what `kubectl wait` and gitsync look at, UpgradeBlocked names the
way out of a dead end. Wording carries no values of the spec.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from operator_core import masking
from operator_core.decide import errortexts, memories, sessionconditions
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.phases import Phase, phase_of
from operator_core.jsonvalues import Object
from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import (
    TERMINAL_JOB_STATES,
    CommonStatus,
    Condition,
    FlinkDeploymentStatus,
    LifecycleState,
)

RUNNING, READY, UPGRADE_BLOCKED = "Running", "Ready", "UpgradeBlocked"
STABLE = "Stable"
"""Reason of Ready once the run completed a checkpoint."""
_STABLE_MESSAGE = "The job runs and has completed a checkpoint since it started"
REQUESTS_HANDLED = "RequestsHandled"
"""Condition that remembers the ids of requests carried out, also while another blockage is told."""
_REMEMBERED = 8
_DEAD_END_MARKERS = (
    "Manual restore required.",
    "It is possible that the job has finished or terminally failed, or the configmaps have been deleted.",
    "HA metadata is not available",
)
_MESSAGE_LIMIT = 1000
REJECTION, BLOCKAGE, BREAKAGE = "ValidationException", "UpgradeFailureException", "DeploymentFailedException"
"""Exception types of the Java operator that `status.error` names."""


@dataclass(frozen=True, slots=True)
class Fine:
    """Nothing stands in the way."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The newest spec is refused; whatever ran goes on running."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Broken:
    """What was deployed does not come up or failed."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """The change cannot be carried out safely; `message` ends with the way out."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A request annotation was carried out; its id is echoed."""

    request_id: str
    message: str


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The job ended in FAILED; `message` is its exception in one line, `trace` as Flink has it.

    No trace: what `status.error` says already is still right.
    """

    message: str
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something is awaited that may come by itself; `reason` becomes the reason of Ready."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Proven:
    """A session job runs, and Flink says that it completed a checkpoint (or takes none)."""


Verdict = Fine | Proven | Rejected | Broken | Blocked | Answered | JobFailed | Waiting


def is_told_by_verdict(error: str | None) -> bool:
    """Whether the error came from a refused spec or a blocked change, which the next verdict withdraws."""
    return bool(error) and any(f"{errortexts.JAVA}{type_}" in str(error) for type_ in (REJECTION, BLOCKAGE))


def error_message(error: str | None) -> str:
    """The message in a `status.error`, or the text itself."""
    if not error:
        return ""
    try:
        return str(json.loads(error).get("message", error))
    except (ValueError, AttributeError):
        return error


def published(facts: JobFacts[S], status: S, last: LastSpec | None, verdict: Verdict) -> S:
    """The status with its conditions and lifecycle state as `verdict` has them."""
    generation = facts.generation
    session = _session_cluster(status, facts.resource, last)
    wanted = [
        sessionconditions.running_condition(session) if session is not None else running_condition(status),
        _ready(status, last, verdict, session),
        *_blocked(status, last, verdict),
        *_handled(status, verdict),
        *memories.conditions(status),
    ]
    kept = {condition.type: condition for condition in status.conditions}
    conditions = tuple(_merged(kept.get(new.type), new, generation, facts.now) for new in wanted)
    status = status.model_copy(update={"conditions": conditions})
    return status.model_copy(update={"lifecycle_state": lifecycle_state(status, last, deleting=facts.deleting)})


def _session_cluster(status: CommonStatus, resource: Object, last: LastSpec | None) -> FlinkDeploymentStatus | None:
    """The status, where it is a session cluster's."""
    if not isinstance(status, FlinkDeploymentStatus):
        return None
    return status if sessionconditions.concerns(resource, last) else None


def running_condition(status: CommonStatus) -> Condition:
    """The Java operator's condition for applications: True while the job runs."""
    state = status.job_status.state or "RECONCILING"
    return Condition(
        type=RUNNING, status=_flag(state == "RUNNING"), reason=state.capitalize(), message=f"Job status {state}"
    )


def lifecycle_state(status: CommonStatus, last: LastSpec | None, *, deleting: bool) -> LifecycleState:
    """The Java operator's table, first match wins."""
    if deleting:
        return "DELETING"
    record = status.reconciliation_status
    if last is None:
        return "FAILED" if status.error else "CREATED"
    if record.state == "UPGRADING":
        return "UPGRADING"
    if record.state == "ROLLING_BACK":
        return "ROLLING_BACK"
    if last.spec.get("job", {}).get("state", "running") == "suspended":
        return "SUSPENDED"
    if status.job_status.state == "FAILED" or _is_dead_end(status):
        return "FAILED"
    if record.state == "ROLLED_BACK":
        return "ROLLED_BACK"
    return "STABLE" if record.last_reconciled_spec == record.last_stable_spec else "DEPLOYED"


def _is_dead_end(status: CommonStatus) -> bool:
    if not isinstance(status, FlinkDeploymentStatus):
        return False
    return status.job_manager_deployment_status in ("MISSING", "ERROR") and any(
        marker in (status.error or "") for marker in _DEAD_END_MARKERS
    )


def _ready(
    status: CommonStatus, last: LastSpec | None, verdict: Verdict, session: FlinkDeploymentStatus | None
) -> Condition:
    match verdict:
        case Rejected(reason, message) | Broken(reason, message) | Blocked(reason, message):
            return _condition(False, reason, message)
        case JobFailed(message):
            return _condition(False, "Failed", message)
        case Waiting(reason, message):
            return _condition(False, reason, message)
        case Proven():
            return _condition(True, STABLE, _STABLE_MESSAGE)
        case Fine() | Answered() if session is not None:
            return _condition(*sessionconditions.readiness(session, phase_of(status, last)))
        case Fine() | Answered():
            return _ready_by_phase(status, phase_of(status, last))


def _ready_by_phase(status: CommonStatus, phase: Phase) -> Condition:
    match phase:
        case Phase.NEW:
            return _condition(False, "Pending", "Nothing was deployed yet")
        case Phase.SUSPENDED:
            return _condition(True, "Suspended", "The job is suspended")
        case Phase.DEPLOYED if status.reconciliation_status.state == "ROLLED_BACK":
            return _condition(False, "RolledBack", _rolled_back(status))
        case Phase.DEPLOYED:
            return _ready_by_job(status)
        case _ if status.reconciliation_status.state == "ROLLING_BACK":
            return _condition(False, "RollingBack", f"The job goes back to its last stable spec ({phase})")
        case _:
            return _condition(False, "Upgrading", f"The job is being changed ({phase})")


def _rolled_back(status: CommonStatus) -> str:
    info = memories.of(status)
    cause = f" ({info[GIVEN_UP]})" if GIVEN_UP in info else ""
    return (
        f"The newest spec was rolled back{cause}; the last stable one is deployed instead and its job is "
        f"{status.job_status.state}. A changed spec, or the stable one committed again, ends this"
    )


def _ready_by_job(status: CommonStatus) -> Condition:
    state = status.job_status.state
    if state == "RUNNING" and is_stable(status):
        return _condition(True, STABLE, _STABLE_MESSAGE)
    if state == "RUNNING":
        return _condition(True, "Running", "The job runs")
    if state == "FINISHED":
        return _condition(True, "Finished", "The job has finished")
    if state in TERMINAL_JOB_STATES:
        return _condition(False, str(state).capitalize(), f"The job is {state}")
    return _condition(False, "Progressing", f"Waiting for the job to run; it is {state}")


def is_stable(status: CommonStatus) -> bool:
    """Whether the run completed a checkpoint; for a session job nothing but the condition itself remembers it."""
    if not isinstance(status, FlinkDeploymentStatus):
        return any(c.type == READY and c.status == "True" and c.reason == STABLE for c in status.conditions)
    return status.cluster_info.get("state-size") is not None or status.cluster_info.get(CHECKPOINTING) == "disabled"


GIVEN_UP = "given-up"
"""Key of `memories`: why a spec was rolled back."""
CHECKPOINTING = "checkpointing"
"""Key of clusterInfo: "disabled" for jobs that take no checkpoints; absent otherwise."""


def _blocked(status: CommonStatus, last: LastSpec | None, verdict: Verdict) -> tuple[Condition, ...]:
    match verdict:
        case Blocked(reason, message):
            return (Condition(type=UPGRADE_BLOCKED, status="True", reason=reason, message=_told(message)),)
        case Answered(request_id, message):
            text = f"request {request_id}: {message}"
            return (Condition(type=UPGRADE_BLOCKED, status="False", reason="RequestHandled", message=text),)
        case _:
            kept = next((entry for entry in status.conditions if entry.type == UPGRADE_BLOCKED), None)
            if kept is None:
                return ()
            if kept.status == "False" or phase_of(status, last) is Phase.STOPPING:
                return (kept,)
            return (Condition(type=UPGRADE_BLOCKED, status="False", reason="Unblocked", message=""),)


def _handled(status: CommonStatus, verdict: Verdict) -> tuple[Condition, ...]:
    ids = handled_requests(status)
    if isinstance(verdict, Answered):
        ids = (*(known for known in ids if known != verdict.request_id), verdict.request_id)
    if not ids:
        return ()
    text = " ".join(ids[-_REMEMBERED:])
    return (Condition(type=REQUESTS_HANDLED, status="True", reason="RequestHandled", message=text),)


def handled_requests(status: CommonStatus) -> tuple[str, ...]:
    """The ids of the requests that were carried out, newest last; the annotations that asked may still stand."""
    for condition in status.conditions:
        if condition.type == REQUESTS_HANDLED:
            return tuple(condition.message.split())
    return ()


def _condition(ready: bool, reason: str, message: str) -> Condition:
    return Condition(type=READY, status=_flag(ready), reason=reason, message=_told(message))


def _told(message: str) -> str:
    return masking.masked(message)[:_MESSAGE_LIMIT]


def _flag(value: bool) -> Literal["True", "False"]:
    return "True" if value else "False"


def _merged(old: Condition | None, new: Condition, generation: int, now: datetime) -> Condition:
    """`new` with the transition time of `old` unless the value flipped (Kubernetes API conventions)."""
    flipped = old is None or old.status != new.status
    since = now.strftime("%Y-%m-%dT%H:%M:%SZ") if flipped or old is None else old.last_transition_time
    observed = None if new.type == RUNNING else generation
    return new.model_copy(update={"last_transition_time": since, "observed_generation": observed})
