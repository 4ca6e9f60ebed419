"""The status of a session cluster: its write-ahead records and its conditions.

Fields and words are the Java operator's; there is no job, so `jobStatus` stays empty. Decides nothing.
"""

from typing import Final, Literal

from operator_core.decide.facts import Facts
from operator_core.decide.phases import Phase
from operator_core.jsonvalues import Object
from operator_core.model import lastspecs
from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import Condition, FlinkDeploymentStatus, JobManagerStatus, JobStatus

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


def deploying(facts: Facts, spec: Object, generation: int) -> FlinkDeploymentStatus:
    """Before the cluster is replaced or created: what is to stand, and of which generation."""
    status = facts.status
    record = status.reconciliation_status.model_copy(
        update={
            "state": "UPGRADING",
            "reconciliation_timestamp": int(facts.now.timestamp() * 1000),
            "last_reconciled_spec": lastspecs.encode(spec, first_deployment=facts.last is None),
        }
    )
    return missing(status).model_copy(
        update={
            "reconciliation_status": record,
            "observed_generation": generation,
            "error": None,
            "cluster_info": {},
            "job_status": JobStatus(),
        }
    )


def missing(status: FlinkDeploymentStatus) -> FlinkDeploymentStatus:
    """The cluster that is meant does not stand: nobody should talk to what does."""
    return status.model_copy(update={"job_manager_deployment_status": "MISSING"})


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
