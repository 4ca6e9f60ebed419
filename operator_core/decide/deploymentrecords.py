"""The next status for every write-ahead record of a deployment and for what confirms it.

Deployed, rolled back, scaled, suspended, stable: each function returns a new status and leaves the old one alone. Only
fields of the Java operator's status are used, so either operator can go on from any of them. Which record is due is
decided elsewhere.
"""

from typing import Any

from operator_core.decide import clustersizes, leftcheckpoints, memories, records, restarts, taskmanagercounts, verdicts
from operator_core.decide.facts import Facts
from operator_core.decide.jobfacts import S
from operator_core.decide.phases import ROLLBACK_BEGUN
from operator_core.decide.records import Restore
from operator_core.jsonvalues import Json, Object
from operator_core.model import lastspecs
from operator_core.model.jobs import UpgradeMode
from operator_core.model.statuses import FlinkDeploymentStatus, TaskManagerInfo


def deploying(facts: Facts, spec: Object, generation: int, restore: Restore, *, first: bool) -> FlinkDeploymentStatus:
    """Before the cluster is created: what is deployed, as which job, from which state."""
    status = facts.status
    job_id = status.job_status.job_id if restore.mode == "last-state" and status.job_status.job_id else facts.ids.job
    path = records.LAST_STATE_MARKER if restore.mode == "last-state" else restore.path
    recorded = records.recorded_spec(facts, spec, "running", restore.mode)
    pending = {"trigger_id": None, "trigger_timestamp": None, "trigger_type": None, "format_type": None}
    status = records.with_job(
        status,
        checkpoint_info=status.job_status.checkpoint_info.model_copy(update=pending),
        job_id=job_id,
        state="RECONCILING",
        upgrade_savepoint_path=path,
        job_name=None,
        start_time=None,
        update_time=None,
    )
    status = status.model_copy(
        update={
            "error": None,
            "observed_generation": generation,
            "job_manager_deployment_status": "MISSING",
            "cluster_info": _carried_over(facts, spec, generation, restore),
            "task_manager": taskmanagercounts.of_application(facts.name, spec, facts.conf),
        }
    )
    return records.with_record(
        status, facts, state="UPGRADING", last_reconciled_spec=lastspecs.encode(recorded, first_deployment=first)
    )


def deployed(facts: Facts) -> FlinkDeploymentStatus:
    """The cluster's objects exist."""
    info = {key: value for key, value in facts.status.cluster_info.items() if key != ROLLBACK_BEGUN}
    changes = {"error": None, "job_manager_deployment_status": "DEPLOYING", "cluster_info": info}
    rolled_back = facts.status.reconciliation_status.state == "ROLLING_BACK"
    return records.with_record(
        facts.status.model_copy(update=changes), facts, state="ROLLED_BACK" if rolled_back else "DEPLOYED"
    )


def rolling_back(facts: Facts, status: FlinkDeploymentStatus) -> FlinkDeploymentStatus:
    """A recorded deployment as one of the stable spec: the spec that was given up stays the last reconciled one."""
    recorded = lastspecs.decode(status.reconciliation_status.last_reconciled_spec or "")
    mode: UpgradeMode = (recorded.spec.get("job") or {}).get("upgradeMode", "stateless")
    text = records.last_text(facts, state="running", mode=mode)
    info = {**status.cluster_info, ROLLBACK_BEGUN: "true"}
    cause = facts.status.cluster_info.get(verdicts.GIVEN_UP)
    info |= {verdicts.GIVEN_UP: cause} if cause else {}
    status = status.model_copy(update={"cluster_info": info})
    return records.with_record(status, facts, state="ROLLING_BACK", last_reconciled_spec=text)


def scaled(facts: Facts, spec: Object, generation: int) -> FlinkDeploymentStatus:
    """The deployed cluster was made to fit the spec in place: the spec is what is deployed now."""
    if facts.last is None:
        raise ValueError("nothing was ever deployed: there is nothing to scale")
    if spec.get("job") is None:
        recorded, workers = spec, taskmanagercounts.of_session_cluster(facts.name, spec, facts.conf)
    else:
        recorded = records.recorded_spec(facts, spec, "running", records.how_stopped(facts))
        workers = taskmanagercounts.of_application(facts.name, spec, facts.conf)
    text = lastspecs.encode(recorded, first_deployment=facts.last.first_deployment)
    forgotten = (records.SCALING, clustersizes.CPU, clustersizes.MEMORY)
    info = {key: value for key, value in facts.status.cluster_info.items() if key not in forgotten}
    changes = {"observed_generation": generation, "task_manager": workers, "cluster_info": info}
    status = facts.status.model_copy(update=changes)
    return records.with_record(status, facts, state="DEPLOYED", last_reconciled_spec=text)


def with_ingress(facts: Facts, ingress: Json) -> FlinkDeploymentStatus:
    """What is deployed has this Ingress: unlike the rest of a spec it changes in place."""
    if facts.last is None or lastspecs.canonical({"ingress": ingress}) == lastspecs.canonical(
        {"ingress": facts.last.spec.get("ingress")}
    ):
        return facts.status
    record = facts.status.reconciliation_status
    spec = {**facts.last.spec, "ingress": ingress}
    text = lastspecs.encode(spec, first_deployment=facts.last.first_deployment)
    changes: dict[str, Any] = {"last_reconciled_spec": text}
    if record.last_stable_spec == record.last_reconciled_spec:
        changes["last_stable_spec"] = text
    return records.with_record(facts.status, facts, **changes)


def suspended(facts: Facts, spec: Object, generation: int) -> FlinkDeploymentStatus:
    """The cluster is gone and the spec wants it so; at once stable. How it was stopped is kept."""
    how = records.how_stopped(facts)
    recorded = records.recorded_spec(facts, spec, "suspended", how)
    first = facts.last.first_deployment if facts.last else True
    text = lastspecs.encode(recorded, first_deployment=first)
    status = facts.status.model_copy(
        update={
            "error": None,
            "observed_generation": generation,
            "job_manager_deployment_status": "MISSING",
            "task_manager": TaskManagerInfo(),
        }
    )
    return records.with_record(status, facts, state="DEPLOYED", last_reconciled_spec=text, last_stable_spec=text)


def stable(status: S) -> S:
    """What was deployed has run: it is the last stable spec."""
    record = status.reconciliation_status
    if record.state != "DEPLOYED" or record.last_stable_spec == record.last_reconciled_spec:
        return status
    record = record.model_copy(update={"last_stable_spec": record.last_reconciled_spec})
    return status.model_copy(update={"reconciliation_status": record})


def scaling(status: S, before: str) -> S:
    """The job is about to be rescaled in place from these bounds; those of an attempt that is still open stay."""
    return memories.remembering(status, {records.SCALING: before, **memories.of(status)})


def scaling_over(status: S) -> S:
    """The job has the bounds that its recorded spec asks for, or Flink does not let it have them."""
    return memories.remembering(status, {k: v for k, v in memories.of(status).items() if k != records.SCALING})


def scaling_refused(status: S, generation: int) -> S:
    """Flink would not rescale the job in place for this generation."""
    info = memories.of(scaling_over(status))
    return memories.remembering(status, {**info, records.SCALING_REFUSED: str(generation)})


def _carried_over(facts: Facts, spec: Object, generation: int, restore: Restore) -> dict[str, str]:
    """What a deployment inherits: which checkpoints are left behind, and how often the same spec failed."""
    return leftcheckpoints.carried_over(facts, spec, restore) | restarts.carried_over(facts, generation)
