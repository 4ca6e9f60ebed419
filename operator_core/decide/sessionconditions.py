"""What is said about a session cluster: whether a resource is one, and its conditions.

Reasons and words of Running are the Java operator's. Decides nothing.
"""

from typing import Final, Literal

from operator_core.decide.phases import Phase
from operator_core.jsonvalues import Object
from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import Condition, FlinkDeploymentStatus, JobManagerStatus

_RUNNING: Final[dict[JobManagerStatus, tuple[str, str]]] = {
    "READY": ("JobManagerReady", "JobManager is running and ready to receive REST API calls"),
    "DEPLOYED_NOT_READY": ("DeployedNotReady", "JobManager is running but not ready yet to receive REST API calls"),
    "DEPLOYING": ("JobManagerIsDeploying", "JobManager process is starting up"),
    "MISSING": ("JobManagerDeploymentMissing", "JobManager deployment not found"),
    "ERROR": ("Error", "JobManager deployment failed"),
}


def concerns(resource: Object, last: LastSpec | None) -> bool:
    """Whether a resource is a session cluster: it was deployed without a job, or never was and asks for none."""
    spec = last.spec if last is not None else resource.get("spec") or {}
    return spec.get("job") is None


def running_condition(status: FlinkDeploymentStatus) -> Condition:
    """The Java operator's condition for session clusters: True while the JobManager answers."""
    reason, message = _RUNNING[status.job_manager_deployment_status]
    return Condition(type="Running", status=_flag(reason == "JobManagerReady"), reason=reason, message=message)


def readiness(status: FlinkDeploymentStatus, phase: Phase) -> tuple[bool, str, str]:
    """Value, reason and message of Ready while nothing stands in the way."""
    match phase:
        case Phase.NEW:
            return False, "Pending", "Nothing was deployed yet"
        case Phase.DEPLOYED if status.job_manager_deployment_status == "READY":
            return True, "Running", "The session cluster takes jobs"
        case Phase.DEPLOYED:
            return False, "Progressing", f"Waiting for the session cluster: {running_condition(status).message}"
        case _:
            return False, "Upgrading", f"The session cluster is being changed ({phase})"


def _flag(value: bool) -> Literal["True", "False"]:
    return "True" if value else "False"
