"""The next status for every write-ahead record and its confirmation.

One function per row of the protocol's table; each returns a new status and leaves the old one alone.
Only fields of the Java operator's status are used, so either operator can go on from any of them:
`lastReconciledSpec.job.upgradeMode` says how the job was stopped and `job.state` whether it is meant to
run. Decides nothing: which record is due is decided elsewhere.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operator_core.conf import options
from operator_core.decide import errortexts, giveups, verdicts
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import Snapshot
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.phases import ROLLBACK_BEGUN
from operator_core.jsonvalues import Json, Object
from operator_core.model import lastspecs
from operator_core.model.jobs import UpgradeMode
from operator_core.model.statuses import FlinkDeploymentStatus, Savepoint, TaskManagerInfo

LAST_STATE_MARKER = "KUBERNETES_OPERATOR_LAST_STATE"
"""A path nobody can restore: HA metadata comes before it, without HA metadata the job fails, not starts empty."""

NOT_ADDRESSABLE = "<checkpoint-not-externally-addressable>"
"""What Flink says instead of the path of a checkpoint that is not kept outside."""

FINAL_SNAPSHOT = "final-snapshot"
"""Key of clusterInfo: path of the newest snapshot of a job that has ended, "" when it had none."""

STOPPED_BY_HAND = "stopped-with-savepoint"
"""Key of clusterInfo: there when a job ended because somebody stopped it with a savepoint, not by itself."""

SCALING_REFUSED = "scaling-refused"
"""Key of clusterInfo: the generation for which Flink refused to rescale the job in place."""

FAILED_RESTARTS = "failed-restarts"
"""Key of clusterInfo: how often in a row a FAILED job was started again; the one key that outlives a deployment."""


@dataclass(frozen=True, slots=True)
class Restore:
    """The state a deployment starts from; `path` is set in mode savepoint only."""

    mode: UpgradeMode
    path: str | None = None


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970 in UTC."""
    return int(moment.timestamp() * 1000)


def stop_recorded(facts: JobFacts[S], trigger_id: str, format_type: str) -> S:
    """Before the stop request: its trigger id, time and kind."""
    info = facts.status.job_status.savepoint_info.model_copy(
        update={
            "trigger_id": trigger_id,
            "trigger_timestamp": epoch_ms(facts.now),
            "trigger_type": "UPGRADE",
            "format_type": format_type,
        }
    )
    return with_job(facts.status, savepoint_info=info)


def keeps_history(facts: JobFacts[S]) -> bool:
    """Whether savepoints are listed in the status: where they are no FlinkStateSnapshots (Java operator: legacy)."""
    return facts.snapshots is None or not options.get_bool(facts.conf, options.SNAPSHOT_RESOURCES)


def stop_failed(facts: JobFacts[S]) -> S:
    """The stop failed for good: the id is given up, its time stays to space out the next try."""
    info = facts.status.job_status.savepoint_info.model_copy(
        update={"trigger_id": None, "trigger_type": None, "format_type": None}
    )
    return with_job(facts.status, savepoint_info=info)


def savepoint_taken(facts: JobFacts[S], location: str) -> S:
    """The job is stopped and its state is at `location`; the cluster is to be torn down."""
    info = facts.status.job_status.savepoint_info
    taken = Savepoint(
        time_stamp=info.trigger_timestamp or epoch_ms(facts.now),
        location=location,
        trigger_type="UPGRADE",
        format_type=info.format_type or "UNKNOWN",
    )
    is_new = info.last_savepoint is None or info.last_savepoint.location != location
    listed = (taken,) if is_new and keeps_history(facts) else ()
    info = info.model_copy(
        update={
            "last_savepoint": taken,
            "savepoint_history": (*info.savepoint_history, *listed),
            "trigger_id": None,
            "trigger_timestamp": None,
            "trigger_type": None,
            "format_type": None,
        }
    )
    status = with_job(facts.status, savepoint_info=info)
    return torn_down(facts, Restore("savepoint", location), status=status)


def torn_down(facts: JobFacts[S], restore: Restore, *, status: S | None = None, give_up: bool = False) -> S:
    """The state to restore is settled; the cluster is to be deleted. A pending trigger is given up.

    `give_up`: the spec that is deployed is rolled back.
    """
    status = facts.status if status is None else status
    info = status.job_status.savepoint_info.model_copy(
        update={"trigger_id": None, "trigger_timestamp": None, "trigger_type": None, "format_type": None}
    )
    path = restore.path if restore.mode == "savepoint" else None
    ended = status.job_status.state if status.job_status.state in ("FAILED", "CANCELED") else "FINISHED"
    status = with_job(status, state=ended, upgrade_savepoint_path=path, savepoint_info=info)
    return with_record(
        status,
        facts,
        state="ROLLING_BACK" if give_up or giveups.holds(facts) else "UPGRADING",
        last_reconciled_spec=last_text(facts, state="suspended", mode=restore.mode),
    )


def cancelling(facts: JobFacts[S]) -> S:
    """Before the cancel request after which the newest checkpoint is restored."""
    status = with_job(facts.status, state="CANCELLING")
    return with_record(
        status, facts, state="UPGRADING", last_reconciled_spec=last_text(facts, state="running", mode="savepoint")
    )


def deploying(facts: Facts, spec: Object, generation: int, restore: Restore, *, first: bool) -> FlinkDeploymentStatus:
    """Before the cluster is created: what is deployed, as which job, from which state."""
    status = facts.status
    job_id = status.job_status.job_id if restore.mode == "last-state" and status.job_status.job_id else facts.ids.job
    path = LAST_STATE_MARKER if restore.mode == "last-state" else restore.path
    recorded = recorded_spec(facts, spec, "running", restore.mode)
    pending = {"trigger_id": None, "trigger_timestamp": None, "trigger_type": None, "format_type": None}
    status = with_job(
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
            "cluster_info": _carried_over(status, generation),
            "task_manager": task_manager_info(facts.name, spec, facts.conf),
        }
    )
    return with_record(
        status, facts, state="UPGRADING", last_reconciled_spec=lastspecs.encode(recorded, first_deployment=first)
    )


def deployed(facts: Facts) -> FlinkDeploymentStatus:
    """The cluster's objects exist."""
    info = {key: value for key, value in facts.status.cluster_info.items() if key != ROLLBACK_BEGUN}
    changes = {"error": None, "job_manager_deployment_status": "DEPLOYING", "cluster_info": info}
    rolled_back = facts.status.reconciliation_status.state == "ROLLING_BACK"
    return with_record(
        facts.status.model_copy(update=changes), facts, state="ROLLED_BACK" if rolled_back else "DEPLOYED"
    )


def rolling_back(facts: Facts, status: FlinkDeploymentStatus) -> FlinkDeploymentStatus:
    """A recorded deployment as one of the stable spec: the spec that was given up stays the last reconciled one."""
    recorded = lastspecs.decode(status.reconciliation_status.last_reconciled_spec or "")
    mode: UpgradeMode = (recorded.spec.get("job") or {}).get("upgradeMode", "stateless")
    text = last_text(facts, state="running", mode=mode)
    info = {**status.cluster_info, ROLLBACK_BEGUN: "true"}
    cause = facts.status.cluster_info.get(verdicts.GIVEN_UP)
    info |= {verdicts.GIVEN_UP: cause} if cause else {}
    status = status.model_copy(update={"cluster_info": info})
    return with_record(status, facts, state="ROLLING_BACK", last_reconciled_spec=text)


def scaled(facts: Facts, spec: Object, generation: int) -> FlinkDeploymentStatus:
    """The deployed cluster was made to fit the spec in place: the spec is what is deployed now."""
    if facts.last is None:
        raise ValueError("nothing was ever deployed: there is nothing to scale")
    if spec.get("job") is None:
        recorded, workers = spec, session_task_managers(facts.name, spec, facts.conf)
    else:
        recorded = recorded_spec(facts, spec, "running", how_stopped(facts))
        workers = task_manager_info(facts.name, spec, facts.conf)
    text = lastspecs.encode(recorded, first_deployment=facts.last.first_deployment)
    status = facts.status.model_copy(update={"observed_generation": generation, "task_manager": workers})
    return with_record(status, facts, state="DEPLOYED", last_reconciled_spec=text)


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
    return with_record(facts.status, facts, **changes)


def suspended(facts: Facts, spec: Object, generation: int) -> FlinkDeploymentStatus:
    """The cluster is gone and the spec wants it so; at once stable. How it was stopped is kept."""
    how = how_stopped(facts)
    recorded = recorded_spec(facts, spec, "suspended", how)
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
    return with_record(status, facts, state="DEPLOYED", last_reconciled_spec=text, last_stable_spec=text)


def stable(status: S) -> S:
    """What was deployed has run: it is the last stable spec."""
    record = status.reconciliation_status
    if record.state != "DEPLOYED" or record.last_stable_spec == record.last_reconciled_spec:
        return status
    record = record.model_copy(update={"last_stable_spec": record.last_reconciled_spec})
    return status.model_copy(update={"reconciliation_status": record})


def left_behind(status: FlinkDeploymentStatus, newest: Snapshot | None) -> FlinkDeploymentStatus:
    """What an ended job's statistics say it left, kept for when its JobManager has forgotten them."""
    path = newest.path if newest is not None and newest.path != NOT_ADDRESSABLE else ""
    if path:
        status = with_job(status, upgrade_savepoint_path=path)
    info = {**status.cluster_info, FINAL_SNAPSHOT: path}
    if newest is not None and newest.is_terminal:
        info[STOPPED_BY_HAND] = "true"
    return status.model_copy(update={"cluster_info": info})


def scaling_refused(status: FlinkDeploymentStatus, generation: int) -> FlinkDeploymentStatus:
    """Flink would not rescale the job in place for this generation."""
    return status.model_copy(update={"cluster_info": {**status.cluster_info, SCALING_REFUSED: str(generation)}})


def failed_with(status: S, problem: errortexts.Problem, conf: Mapping[str, str]) -> S:
    """The status with an error text."""
    return status.model_copy(update={"error": errortexts.text(problem, conf)})


def _carried_over(status: FlinkDeploymentStatus, generation: int) -> dict[str, str]:
    """What a deployment of the same spec inherits from the one before it; a new spec begins anew."""
    count = status.cluster_info.get(FAILED_RESTARTS)
    return {FAILED_RESTARTS: count} if count and status.observed_generation == generation else {}


def task_manager_info(name: str, spec: Object, conf: Mapping[str, str]) -> TaskManagerInfo:
    """What the scale subresource shows of a deployed application."""
    slots = max(1, options.get_int(conf, options.TASK_SLOTS))
    replicas = (spec.get("taskManager") or {}).get("replicas")
    parallelism = (spec.get("job") or {}).get("parallelism") or options.get_int(conf, options.PARALLELISM)
    return TaskManagerInfo(
        label_selector=f"component=taskmanager,app={name}",
        replicas=int(replicas) if replicas else math.ceil(int(parallelism) / slots),
    )


def session_task_managers(name: str, spec: Object, conf: Mapping[str, str]) -> TaskManagerInfo | None:
    """The same of a session cluster: a native one makes TaskManagers as its jobs need them, so nothing is scaled."""
    if spec.get("mode") != "standalone":
        return None
    replicas = (spec.get("taskManager") or {}).get("replicas") or options.get_int(conf, options.TASK_MANAGER_REPLICAS)
    return TaskManagerInfo(label_selector=f"component=taskmanager,app={name}", replicas=int(replicas))


def how_stopped(facts: JobFacts[S]) -> UpgradeMode:
    mode: UpgradeMode = (
        (facts.last.spec.get("job") or {}).get("upgradeMode", "stateless") if facts.last else "stateless"
    )
    return mode


def recorded_spec(facts: JobFacts[S], spec: Object, state: str, mode: UpgradeMode) -> Object:
    """`spec` as it is recorded: state and mode rewritten, trigger nonces of the record before kept."""
    job = {**(spec.get("job") or {}), "state": state, "upgradeMode": mode}
    if facts.last is not None:
        before = facts.last.spec.get("job") or {}
        for nonce in ("savepointTriggerNonce", "checkpointTriggerNonce"):
            job[nonce] = before.get(nonce)
    return {**spec, "job": job}


def last_text(facts: JobFacts[S], *, state: str, mode: UpgradeMode) -> str:
    """The record before, its job in another state."""
    if facts.last is None:
        raise ValueError("nothing was ever deployed: there is no spec to keep")
    spec = facts.last.tried or facts.last.spec
    job = {**(spec.get("job") or {}), "state": state, "upgradeMode": mode}
    return lastspecs.encode({**spec, "job": job}, first_deployment=facts.last.first_deployment)


def with_job(status: S, **changes: Any) -> S:
    """The status with other members of jobStatus."""
    return status.model_copy(update={"job_status": status.job_status.model_copy(update=changes)})


def with_record(status: S, facts: JobFacts[S], **changes: Any) -> S:
    """The status with other members of reconciliationStatus, written now."""
    changes["reconciliation_timestamp"] = epoch_ms(facts.now)
    record = status.reconciliation_status.model_copy(update=changes)
    return status.model_copy(update={"reconciliation_status": record})
