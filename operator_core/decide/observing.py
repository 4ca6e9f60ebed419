"""What the cluster and Flink show, put into the status, with the events worth telling.

Follows the Java operator's observer: JobManager status from Deployment, pods and REST; job state from
the overview, RUNNING only when all tasks run; stable once RUNNING or FINISHED was seen. Decides
nothing about specs.
"""

from dataclasses import dataclass

from operator_core.decide import (
    clustersizes,
    deploymentrecords,
    exceptions,
    health,
    mounts,
    podfailures,
    records,
    verdicts,
)
from operator_core.decide.decisions import Event
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import Checkpoints, Job, Unreachable, Version
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Unread
from operator_core.decide.phases import Phase, phase_of
from operator_core.errors import Reason
from operator_core.jsonvalues import dig
from operator_core.model.statuses import TERMINAL_JOB_STATES, FlinkDeploymentStatus, JobManagerStatus

JOB, JOB_MANAGER, OPERATOR = "Job", "JobManagerDeployment", "Operator"
NOT_FOUND = "Job Not Found"
"""The Java operator's word for a job that ran and that its JobManager does not know."""
_UNKNOWN = frozenset((None, "RECONCILING", "CANCELLING", *TERMINAL_JOB_STATES))


@dataclass(frozen=True, slots=True)
class Observed:
    """The status after a look, and what was seen on the way."""

    status: FlinkDeploymentStatus
    events: tuple[Event, ...] = ()
    failure: podfailures.PodFailure | None = None


def serves(facts: JobFacts[S]) -> bool:
    """Whether asking Flink's REST makes sense: a JobManager pod is ready and the Deployment stays."""
    cluster = facts.cluster
    if cluster is None or dig(cluster, "metadata", "deletionTimestamp"):
        return False
    return any(podfailures.is_ready(pod) for pod in facts.pods)


def observe(facts: Facts) -> Observed:
    """The status with what is seen; `failure` says why the JobManager does not come up."""
    status = facts.status
    events: tuple[Event, ...] = ()
    failure = None
    if facts.cluster is not None and not serves(facts):
        failure = podfailures.failure(facts.cluster, facts.pods) or mounts.failure(facts)
    status = status.model_copy(update={"job_manager_deployment_status": _job_manager(facts, failure, facts.flink.job)})
    job = facts.flink.job
    if isinstance(job, Job):
        status, events = with_job(facts, status, job)
    elif job is None and phase_of(status, facts.last) is Phase.DEPLOYED and status.job_status.state not in _UNKNOWN:
        status = with_state(status, "RECONCILING")
        events = (Event("Warning", Reason.Missing, NOT_FOUND, JOB),)
    elif stands(facts) and is_silent(facts) and status.job_status.state not in (*TERMINAL_JOB_STATES, "CANCELLING"):
        status = with_state(status, "RECONCILING")
    status, told = exceptions.told(facts, health.observed(facts, _with_details(facts, status)))
    return Observed(status, (*events, *told), failure)


def observe_session(facts: Facts) -> Observed:
    """The same for a session cluster, of which only the JobManager can be seen; stable once it answered."""
    failure = None
    if facts.cluster is not None and not serves(facts):
        failure = podfailures.failure(facts.cluster, facts.pods) or mounts.failure(facts)
    seen = _job_manager(facts, failure, facts.flink.version)
    status = _with_details(facts, facts.status.model_copy(update={"job_manager_deployment_status": seen}))
    if isinstance(facts.flink.version, Version):
        status = _well(status)
    return Observed(status, (), failure)


def stands(facts: JobFacts[S]) -> bool:
    """Whether a cluster is meant to be there, so that its silence says something."""
    return phase_of(facts.status, facts.last) in (Phase.DEPLOYED, Phase.STOPPING)


def is_silent(facts: JobFacts[S]) -> bool:
    """Whether nobody can say how the job is; one missed answer of a ready JobManager is not enough."""
    job = facts.flink.job
    return not serves(facts) or (isinstance(job, Unreachable) and job.lasting)


def _job_manager(facts: Facts, failure: podfailures.PodFailure | None, answer: object) -> JobManagerStatus:
    """`answer` is what Flink was asked to know whether it serves."""
    if facts.cluster is None:
        return "MISSING"
    if failure is not None:
        return "ERROR"
    if not serves(facts):
        return "DEPLOYING"
    if isinstance(answer, Unreachable):
        return "DEPLOYED_NOT_READY"
    return "READY" if not isinstance(answer, Unread) else facts.status.job_manager_deployment_status


def with_job(facts: JobFacts[S], status: S, job: Job) -> tuple[S, tuple[Event, ...]]:
    """The status with what the overview says of the job; stable once it ran."""
    before, state = status.job_status.state, job.reported_state
    changes: dict[str, str] = {"job_name": job.name}
    if phase_of(facts.status, facts.last) not in (Phase.STOPPING, Phase.CANCELLING):
        changes["start_time"] = str(job.start)  # else it names the run that is being stopped
    events: tuple[Event, ...] = ()
    recorded = before == "CANCELLING" and status.reconciliation_status.state == "UPGRADING"
    if state != before and not recorded:
        changes |= {"state": state, "update_time": str(records.epoch_ms(facts.now))}
        message = f"Job status changed from {before} to {state}"
        events = (Event("Normal", "JobStatusChanged", message, JOB),)
    status = status.model_copy(update={"job_status": status.job_status.model_copy(update=changes)})
    if state == "RUNNING" or (state == "FINISHED" and status.reconciliation_status.state == "DEPLOYED"):
        status = _well(status)
    return status, events


def with_state(status: S, state: str) -> S:
    """The status with another job state."""
    return status.model_copy(update={"job_status": status.job_status.model_copy(update={"state": state})})


def _well(status: S) -> S:
    """What runs is stable and breaks no more; what a verdict told is for the next verdict to withdraw."""
    status = deploymentrecords.stable(status)
    return status if verdicts.is_told_by_verdict(status.error) else status.model_copy(update={"error": None})


def _with_details(facts: Facts, status: FlinkDeploymentStatus) -> FlinkDeploymentStatus:
    info = dict(status.cluster_info)
    checkpoints, version = facts.flink.checkpoints, facts.flink.version
    if isinstance(version, Version):
        info |= {"flink-version": version.version, "flink-revision": version.revision}
    if "flink-version" in info and clustersizes.CPU not in info:
        info |= clustersizes.of(facts)
    if isinstance(checkpoints, Checkpoints) and status.job_status.state == "RUNNING":
        if not checkpoints.enabled:
            info[verdicts.CHECKPOINTING] = "disabled"
        elif checkpoints.completed and checkpoints.newest is not None:
            info.setdefault("state-size", str(checkpoints.newest.size))
    return status if info == status.cluster_info else status.model_copy(update={"cluster_info": info})
