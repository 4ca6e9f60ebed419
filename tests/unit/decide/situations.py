"""Situations of a FlinkDeployment for tables of decisions: what stands, what the status says, what Flink says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from operator_core.conf import flattening
from operator_core.decide import applications
from operator_core.decide.decisions import Step
from operator_core.decide.facts import Facts, Ids
from operator_core.decide.flinkfacts import Flink, Job
from operator_core.decide.needs import NOT_READ
from operator_core.jsonvalues import Object
from operator_core.model import flinkdeployments, lastspecs
from operator_core.model.statuses import FlinkDeploymentStatus, JobStatus, ReconciliationStatus

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
JOB_ID = "0" * 31 + "1"
HA = {"high-availability.type": "kubernetes", "high-availability.storageDir": "file:///ha"}
SPEC: Object = {
    "image": "job:1",
    "flinkVersion": "v1_20",
    "serviceAccount": "flink",
    "flinkConfiguration": {"state.checkpoints.dir": "file:///cp", "state.savepoints.dir": "file:///sp"},
    "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
    "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
    "job": {"jarURI": "local:///job.jar", "parallelism": 1, "state": "running", "upgradeMode": "savepoint"},
}


def spec(conf: dict[str, str] | None = None, /, **job: object) -> Object:
    """The spec with more configuration and other fields of `job`."""
    configuration = {**SPEC["flinkConfiguration"], **(conf or {})}
    return {**SPEC, "flinkConfiguration": configuration, "job": {**SPEC["job"], **job}}


def running_job(state: str = "RUNNING", **more: object) -> Job:
    """What the overview says of a job all of whose tasks are settled."""
    values: dict[str, object] = {
        "id": JOB_ID,
        "name": "job",
        "state": state,
        "start": NOW_MS - 60_000,
        "end": -1,
        "tasks_total": 2,
        "tasks_settled": 2,
        "modified": NOW_MS - 50_000,
        **more,
    }
    return Job(**values)  # type: ignore[arg-type]


def status(deployed: Object, *, how: str = "stateless", stable: bool = True, state: str = "RUNNING", **more: object):
    """The status of a deployment that stands since ten minutes."""
    job = {**deployed["job"], "upgradeMode": how}
    text = lastspecs.encode({**deployed, "job": job}, first_deployment=False)
    record = ReconciliationStatus(
        reconciliation_timestamp=NOW_MS - 600_000,
        last_reconciled_spec=text,
        last_stable_spec=text if stable else None,
        state="DEPLOYED",
    )
    values: dict[str, object] = {
        "job_status": JobStatus(job_id=JOB_ID, state=state, start_time=str(NOW_MS - 60_000)),
        "reconciliation_status": record,
        "observed_generation": 1,
        "job_manager_deployment_status": "READY",
        "cluster_info": {"flink-version": "1.20.5", "state-size": "1", "exceptions-told": f"0 {NOW_MS}"},
        **more,
    }
    return FlinkDeploymentStatus(**values)


def deployment(**more: object) -> Object:
    """A JobManager Deployment that serves."""
    return {
        "metadata": {
            "name": "app",
            "namespace": "ns",
            "uid": "uid-jm",
            "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T11:50:00Z",
            "annotations": {"flinkdeployment.flink.apache.org/generation": "1"},
            "ownerReferences": [{"uid": "uid-app"}],
            **more,
        },
        "spec": {"replicas": 1},
        "status": {"conditions": [{"type": "Available", "status": "True"}]},
    }


READY_POD: Object = {
    "metadata": {"name": "app-1", "uid": "uid-pod"},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


def facts(wanted: Object, was: FlinkDeploymentStatus, *, flink: Flink | None = None, **more: object) -> Facts:
    """Facts of a standing deployment; `wanted` is the resource's spec, `was` its status."""
    meta: Object = {
        "name": "app",
        "namespace": "ns",
        "uid": "uid-app",
        "generation": 1,
        "finalizers": [flinkdeployments.FINALIZER],
        "annotations": more.pop("annotations", {}),
        "creationTimestamp": "2026-01-01T11:00:00Z",
    }
    meta |= more.pop("meta", {})  # type: ignore[arg-type,operator]
    last = lastspecs.deployed(was.reconciliation_status)
    body = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", "metadata": meta, "spec": wanted}
    conf = flattening.flatten(wanted["flinkConfiguration"])
    last_conf = flattening.flatten(last.spec.get("flinkConfiguration") or {}) if last else conf
    values: dict[str, object] = {
        "resource": body,
        "parsed": flinkdeployments.parse(body),
        "invalid": None,
        "status": was,
        "last": last,
        "last_spec": flinkdeployments.parse_spec(last.spec) if last else None,
        "conf": conf,
        "last_conf": last_conf,
        "deployment": deployment(),
        "live_deployment": NOT_READ,
        "pods": (READY_POD,),
        "ha": NOT_READ,
        "preflight": NOT_READ,
        "crash_log": NOT_READ,
        "now": NOW,
        "ids": Ids("a" * 32, "b" * 32),
        "flink": flink or Flink(job=running_job()),
        "namespace_ends": False,
        **more,
    }
    return Facts(**values)  # type: ignore[arg-type]


def step(given: Facts, **flink: object) -> Step:
    """The decision, with more of what Flink says."""
    return applications.decide(replace(given, flink=replace(given.flink, **flink)))  # type: ignore[arg-type]


def condition(step: Step, kind: str) -> tuple[str, str, str]:
    """Status, reason and message of a condition in the step's status."""
    for entry in step.status.conditions:
        if entry.type == kind:
            return entry.status, entry.reason, entry.message
    return "", "", ""


def reasons(step: Step) -> list[str]:
    """The reasons of the step's events."""
    return [event.reason for event in step.events]
