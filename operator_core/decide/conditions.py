"""The conditions of a resource, computed from its status and a verdict, never toggled.

`Running` is the Java operator's condition; `Ready` and `UpgradeBlocked` are ours: Ready is what `kubectl wait` and
gitsync look at, UpgradeBlocked names the way out of a dead end. Decides nothing.
"""

from datetime import datetime
from typing import Literal

from operator_core import masking
from operator_core.decide import lifecycles, memories, sessionconditions, verdicts
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.phases import Phase, phase_of
from operator_core.jsonvalues import Object
from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import TERMINAL_JOB_STATES, CommonStatus, Condition, FlinkDeploymentStatus

_STABLE_MESSAGE = "The job runs and has completed a checkpoint since it started"
_REMEMBERED = 8
_MESSAGE_LIMIT = 1000


def published(facts: JobFacts[S], status: S, last: LastSpec | None, verdict: verdicts.Verdict) -> S:
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
    return status.model_copy(update={"lifecycle_state": lifecycles.of(status, last, deleting=facts.deleting)})


def _session_cluster(status: CommonStatus, resource: Object, last: LastSpec | None) -> FlinkDeploymentStatus | None:
    """The status, where it is a session cluster's."""
    if not isinstance(status, FlinkDeploymentStatus):
        return None
    return status if sessionconditions.concerns(resource, last) else None


def running_condition(status: CommonStatus) -> Condition:
    """The Java operator's condition for applications: True while the job runs."""
    state = status.job_status.state or "RECONCILING"
    return Condition(
        type=verdicts.RUNNING,
        status=_flag(state == "RUNNING"),
        reason=state.capitalize(),
        message=f"Job status {state}",
    )


def _ready(
    status: CommonStatus, last: LastSpec | None, verdict: verdicts.Verdict, session: FlinkDeploymentStatus | None
) -> Condition:
    match verdict:
        case verdicts.Rejected(reason, message) | verdicts.Broken(reason, message) | verdicts.Blocked(reason, message):
            return _condition(False, reason, message)
        case verdicts.JobFailed(message):
            return _condition(False, "Failed", message)
        case verdicts.Waiting(reason, message):
            return _condition(False, reason, message)
        case verdicts.Proven():
            return _condition(True, verdicts.STABLE, _STABLE_MESSAGE)
        case verdicts.Fine() | verdicts.Answered() if session is not None:
            return _condition(*sessionconditions.readiness(session, phase_of(status, last)))
        case verdicts.Fine() | verdicts.Answered():
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
    cause = f" ({info[verdicts.GIVEN_UP]})" if verdicts.GIVEN_UP in info else ""
    return (
        f"The newest spec was rolled back{cause}; the last stable one is deployed instead and its job is "
        f"{status.job_status.state}. A changed spec, or the stable one committed again, ends this"
    )


def _ready_by_job(status: CommonStatus) -> Condition:
    state = status.job_status.state
    if state == "RUNNING" and verdicts.is_stable(status):
        return _condition(True, verdicts.STABLE, _STABLE_MESSAGE)
    if state == "RUNNING":
        return _condition(True, "Running", "The job runs")
    if state == "FINISHED":
        return _condition(True, "Finished", "The job has finished")
    if state in TERMINAL_JOB_STATES:
        return _condition(False, str(state).capitalize(), f"The job is {state}")
    return _condition(False, "Progressing", f"Waiting for the job to run; it is {state}")


def _blocked(status: CommonStatus, last: LastSpec | None, verdict: verdicts.Verdict) -> tuple[Condition, ...]:
    match verdict:
        case verdicts.Blocked(reason, message):
            return (Condition(type=verdicts.UPGRADE_BLOCKED, status="True", reason=reason, message=_told(message)),)
        case verdicts.Answered(request_id, message):
            text = f"request {request_id}: {message}"
            return (Condition(type=verdicts.UPGRADE_BLOCKED, status="False", reason="RequestHandled", message=text),)
        case _:
            kept = next((entry for entry in status.conditions if entry.type == verdicts.UPGRADE_BLOCKED), None)
            if kept is None:
                return ()
            if kept.status == "False" or phase_of(status, last) is Phase.STOPPING:
                return (kept,)
            return (Condition(type=verdicts.UPGRADE_BLOCKED, status="False", reason="Unblocked", message=""),)


def _handled(status: CommonStatus, verdict: verdicts.Verdict) -> tuple[Condition, ...]:
    ids = verdicts.handled_requests(status)
    if isinstance(verdict, verdicts.Answered):
        ids = (*(known for known in ids if known != verdict.request_id), verdict.request_id)
    if not ids:
        return ()
    text = " ".join(ids[-_REMEMBERED:])
    return (Condition(type=verdicts.REQUESTS_HANDLED, status="True", reason="RequestHandled", message=text),)


def _condition(ready: bool, reason: str, message: str) -> Condition:
    return Condition(type=verdicts.READY, status=_flag(ready), reason=reason, message=_told(message))


def _told(message: str) -> str:
    return masking.masked(message)[:_MESSAGE_LIMIT]


def _flag(value: bool) -> Literal["True", "False"]:
    return "True" if value else "False"


def _merged(old: Condition | None, new: Condition, generation: int, now: datetime) -> Condition:
    """`new` with the transition time of `old` unless the value flipped (Kubernetes API conventions)."""
    flipped = old is None or old.status != new.status
    since = now.strftime("%Y-%m-%dT%H:%M:%SZ") if flipped or old is None else old.last_transition_time
    observed = None if new.type == verdicts.RUNNING else generation
    return new.model_copy(update={"last_transition_time": since, "observed_generation": observed})
