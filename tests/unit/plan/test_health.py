"""Health: Flink resources are healthy only when the job runs the spec Git asked for; the built-in kinds by table."""

import json
from typing import Any

import pytest

from gitsync.model.identities import Identity
from gitsync.plan import health
from gitsync.plan.health import Assessed
from gitsync.plan.healthrules import Verdict

Object = dict[str, Any]


def flink(*, spec_state: str = "running", generation: int = 2, deleting: bool = False, **status: Any) -> Object:
    base = {
        "observedGeneration": 2,
        "lifecycleState": "STABLE",
        "jobManagerDeploymentStatus": "READY",
        "jobStatus": {"state": "RUNNING"},
        "reconciliationStatus": {"lastReconciledSpec": "{}"},
    }
    meta: Object = {"name": "j", "namespace": "n", "generation": generation}
    if deleting:
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": meta,
        "spec": {"job": {"state": spec_state}},
        "status": {**base, **status},
    }


def ready(status: str, observed: int, reason: str = "X") -> list[Object]:
    return [{"type": "Ready", "status": status, "reason": reason, "observedGeneration": observed}]


ERROR = json.dumps({"type": "ValidationException", "message": "memory is wrong"})


@pytest.mark.parametrize(
    ("obj", "status", "text"),
    [
        pytest.param(flink(), "Healthy", "", id="runs"),
        pytest.param(flink(generation=3), "Progressing", "newest spec", id="generation not observed"),
        pytest.param(flink(generation=3, error=ERROR), "Degraded", "rejected", id="rejected by another operator"),
        pytest.param(
            flink(generation=3, error=ERROR, conditions=ready("False", 3)), "Degraded", "memory is wrong", id="rejected"
        ),
        pytest.param(
            flink(generation=3, error=ERROR, conditions=ready("False", 2)),
            "Progressing",
            "newest spec",
            id="error of before",
        ),
        pytest.param(flink(error=ERROR), "Degraded", "memory is wrong", id="error of this spec"),
        pytest.param(flink(lifecycleState="ROLLED_BACK"), "Degraded", "not what Git asked for", id="rolled back"),
        pytest.param(flink(lifecycleState="ROLLING_BACK"), "Progressing", "rolling back", id="rolling back"),
        pytest.param(flink(lifecycleState="UPGRADING"), "Progressing", "upgrading", id="upgrading"),
        pytest.param(flink(lifecycleState="UPGRADING", error=ERROR), "Degraded", "memory", id="upgrade fails"),
        pytest.param(flink(lifecycleState="FAILED", error=ERROR), "Degraded", "memory", id="failed"),
        pytest.param(
            flink(lifecycleState="DEPLOYED", jobStatus={"state": "CREATED"}), "Progressing", "CREATED", id="boots"
        ),
        pytest.param(flink(jobStatus={"state": "RESTARTING"}), "Progressing", "RESTARTING", id="restarts"),
        pytest.param(flink(jobManagerDeploymentStatus="MISSING"), "Progressing", "MISSING", id="no JobManager"),
        pytest.param(flink(jobManagerDeploymentStatus="ERROR"), "Degraded", "cannot start", id="JobManager broken"),
        pytest.param(
            flink(jobStatus={"state": "FINISHED"}, jobManagerDeploymentStatus="MISSING"),
            "Healthy",
            "finished",
            id="bounded",
        ),
        pytest.param(flink(jobStatus={"state": "CANCELED"}), "Degraded", "CANCELED", id="cancelled"),
        pytest.param(flink(spec_state="suspended", lifecycleState="SUSPENDED"), "Suspended", "", id="suspended by Git"),
        pytest.param(flink(lifecycleState="SUSPENDED"), "Progressing", "resumed", id="about to resume"),
        pytest.param(
            flink(spec_state="suspended", lifecycleState="CREATED", observedGeneration=None, reconciliationStatus={}),
            "Suspended",
            "created suspended",
            id="created suspended",
        ),
        pytest.param(flink(deleting=True), "Progressing", "deleted", id="deleting"),
        pytest.param(
            flink(conditions=[{"type": "UpgradeBlocked", "status": "True", "message": "no state"}]),
            "Degraded",
            "blocked: no state",
            id="blocked",
        ),
    ],
)
def test_flink_deployment(obj: Object, status: str, text: str) -> None:
    verdict = health.assess(obj)
    assert verdict is not None
    assert verdict.status == status
    assert text in verdict.message


@pytest.mark.parametrize(
    ("reason", "observed", "text"),
    [
        ("SessionClusterMissing", 2, "does not exist"),
        ("SessionClusterNotReady", 2, "does not exist"),
        ("RenamePending", 2, "does not exist"),
        ("SessionClusterMissing", 1, "not seen"),
    ],
)
def test_a_job_that_waits_for_another_resource_says_so(reason: str, observed: int, text: str) -> None:
    job = flink(observedGeneration=None, lifecycleState="CREATED", jobStatus={}, reconciliationStatus={})
    told = {**ready("False", observed, reason)[0], "message": "the session cluster does not exist"}
    job |= {"kind": "FlinkSessionJob", "status": {**job["status"], "conditions": [told]}}
    verdict = health.assess(job)
    assert verdict is not None and verdict.status == "Progressing" and text in verdict.message


def built_in(api_version: str, kind: str, **rest: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "generation": 1}, **rest}


@pytest.mark.parametrize(
    ("obj", "status"),
    [
        (
            built_in(
                "apps/v1",
                "Deployment",
                spec={"replicas": 1},
                status={"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
            ),
            "Healthy",
        ),
        (built_in("apps/v1", "Deployment", spec={"replicas": 1}, status={"observedGeneration": 0}), "Progressing"),
        (
            built_in(
                "apps/v1",
                "Deployment",
                status={
                    "observedGeneration": 1,
                    "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
                },
            ),
            "Degraded",
        ),
        (
            built_in(
                "v1",
                "Pod",
                status={
                    "phase": "Pending",
                    "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
                },
            ),
            "Degraded",
        ),
        (built_in("v1", "Pod", spec={"restartPolicy": "Never"}, status={"phase": "Succeeded"}), "Healthy"),
        (built_in("batch/v1", "Job", status={"conditions": [{"type": "Failed", "status": "True"}]}), "Degraded"),
        (built_in("v1", "PersistentVolumeClaim", status={"phase": "Pending"}), "Progressing"),
        (built_in("v1", "Service", spec={"type": "LoadBalancer"}), "Progressing"),
        (built_in("v1", "Service", spec={}), "Healthy"),
        (
            built_in("gitsync.io/v1alpha1", "SyncApp", status={"health": {"status": "Degraded", "message": "m"}}),
            "Degraded",
        ),
    ],
)
def test_built_in_kinds(obj: Object, status: str) -> None:
    verdict = health.assess(obj)
    assert verdict is not None and verdict.status == status


def test_kind_without_a_rule_has_no_health() -> None:
    assert health.assess(built_in("v1", "ConfigMap")) is None


def one(name: str, verdict: Verdict | None) -> Assessed:
    return Assessed(Identity("", "X", "n", name), verdict, "f.yaml:3")


def test_app_is_as_healthy_as_its_worst_object() -> None:
    found = health.aggregate(
        [
            one("a", Verdict("Healthy")),
            one("b", None),
            one("c", Verdict("Progressing", "boots")),
            one("d", Verdict("Degraded", "crashes")),
        ]
    )
    assert found == Verdict("Degraded", "f.yaml:3: X n/d: crashes")


def test_missing_counts_only_when_nothing_is_there() -> None:
    missing = Verdict("Missing", "m")
    assert health.aggregate([one("a", missing), one("b", Verdict("Healthy"))]).status == "Healthy"
    assert health.aggregate([one("a", missing)]).status == "Missing"
    assert health.aggregate([]).status == "Healthy"
