"""Flink resources never show false drift: what operators, autoscalers and people do beside Git, on a real API server.

Whether the agent left something alone is seen after a commit to another object: it looked at everything for that.
"""

import json
from typing import Any

import pytest
from operating import manifest
from syncing import ONE, Cluster, Repository, Start, wait_for

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS, FLINK_STATE_SNAPSHOTS
from operator_core.model import lastspecs

OPERATOR = "fabric8-kubernetes-client"
OVERRIDES = {"pipeline.jobvertex-parallelism-overrides": "aaaa:4"}
SNAPSHOT: Object = {
    "apiVersion": "flink.apache.org/v1beta1",
    "kind": "FlinkStateSnapshot",
    "metadata": {"name": "before-release"},
    "spec": {"jobReference": {"kind": "FlinkDeployment", "name": "app"}, "savepoint": {"disposeOnDelete": False}},
}


class Scene:
    """A job in Git and in the cluster, and others who write to it."""

    def __init__(self, cluster: Cluster, repository: Repository, start: Start) -> None:
        self.cluster, self._repository, self._count = cluster, repository, 1
        bodies = [self.job(), self.session_job()]
        files = {f"apps/{number}.yaml": json.dumps(body) for number, body in enumerate(bodies)}
        first = repository.commit("first", {**files, "apps/one.yaml": ONE})
        start(prune=True, role="sync")
        self._wait(first)

    def job(self) -> Object:
        body = manifest(self.cluster.namespace, savepointTriggerNonce=1)
        body["spec"]["restartNonce"] = 1
        body["spec"]["flinkConfiguration"] |= {"job.autoscaler.enabled": "true", "taskmanager.numberOfTaskSlots": 2}
        body["spec"]["taskManager"] = {"replicas": 1, "resource": {"cpu": 0.5, "memory": "2g"}}
        body["spec"]["jobManager"] = {"resource": {"cpu": 1.0, "memory": "1024m"}}
        return body

    def session_job(self) -> Object:
        job = {"jarURI": "https://example.org/a.jar", "parallelism": 1, "upgradeMode": "stateless"}
        meta = {"name": "app", "namespace": self.cluster.namespace}
        spec = {"deploymentName": "shared", "job": job}
        return {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkSessionJob", "metadata": meta, "spec": spec}

    def live(self, resource: requests.Resource = FLINK_DEPLOYMENTS) -> Object:
        return self.cluster.get(resource, "app") or {}

    def write(
        self, body: Any, manager: str, *, part: str | None = None, to: requests.Resource = FLINK_DEPLOYMENTS
    ) -> None:
        request = requests.merge_patch(to, self.cluster.namespace, "app", body, subresource=part, field_manager=manager)
        self.cluster.client.send(request)

    def look(self, **more: Object) -> None:
        """Have the agent look at everything: a commit changes another object of the app, and adds these."""
        self._count += 1
        text = ONE.replace('"1"', f'"{self._count}"')
        added = {f"apps/{name}.yaml": json.dumps(body) for name, body in more.items()}
        self._wait(self._repository.commit(f"number {self._count}", {"apps/one.yaml": text, **added}))
        assert dig(self.cluster.get(CONFIG_MAPS, "one"), "data", "a") == str(self._count)
        rows = self.cluster.app().status.resources
        assert {row.name: row.message for row in rows if row.status != "Synced"} == {}

    def _wait(self, revision: str) -> None:
        def probe() -> bool | None:
            sync = self.cluster.app().status.sync
            return (sync is not None and (sync.status, sync.revision) == ("Synced", revision)) or None

        wait_for(f"sync to {revision[:7]}", probe)


@pytest.fixture
def scene(cluster: Cluster, repository: Repository, start: Start) -> Scene:
    return Scene(cluster, repository, start)


def _applied_at(live: Object) -> str:
    found = [one["time"] for one in live["metadata"]["managedFields"] if one["manager"] == "gitsync"]
    return str(found[0])


def test_what_an_operator_writes(scene: Scene) -> None:
    before = {to: _applied_at(scene.live(to)) for to in (FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS)}
    for to, kind in ((FLINK_DEPLOYMENTS, "flinkdeployments"), (FLINK_SESSION_JOBS, "flinksessionjobs")):
        labels = {"target.session": "shared"}
        meta = {"finalizers": [f"{kind}.flink.apache.org/finalizer"], "labels": labels, "annotations": {"x": "y"}}
        scene.write({"metadata": meta}, OPERATOR, to=to)
        deployed = lastspecs.encode(scene.live(to)["spec"], first_deployment=False)
        status = {"lifecycleState": "STABLE", "reconciliationStatus": {"lastReconciledSpec": deployed}}
        scene.write({"status": status}, OPERATOR, part="status", to=to)
    scene.look()
    assert {to: _applied_at(scene.live(to)) for to in before} == before, "nothing was applied again"
    assert scene.live()["metadata"]["labels"] == {"target.session": "shared"}


def test_defaults_that_an_operator_spells_out(scene: Scene) -> None:
    """An operator that writes defaults into the spec owns them; Git, which does not mention them, does not mind."""
    filled = {"spec": {"mode": "native", "imagePullPolicy": "IfNotPresent", "job": {"state": "running"}}}
    scene.write(filled, OPERATOR)
    generation = scene.live()["metadata"]["generation"]
    scene.look()
    live = scene.live()
    assert (live["metadata"]["generation"], live["spec"]["mode"]) == (generation, "native")


def runs(scene: Scene, decided: dict[str, str]) -> None:
    """Say that the job runs, deployed with what an autoscaler decided."""
    spec = scene.live()["spec"]
    deployed = {**spec, "flinkConfiguration": {**spec["flinkConfiguration"], **decided}}
    record = {
        "lifecycleState": "STABLE",
        "observedGeneration": 1,
        "jobManagerDeploymentStatus": "READY",
        "jobStatus": {"state": "RUNNING"},
        "reconciliationStatus": {"lastReconciledSpec": lastspecs.encode(deployed, first_deployment=False)},
    }
    scene.write({"status": record}, OPERATOR, part="status")


def test_an_autoscaler_that_decides(scene: Scene) -> None:
    """Its decisions are in a ConfigMap and in what is recorded as deployed, and in no spec."""
    runs(scene, OVERRIDES)
    decisions: Object = {"metadata": {"name": "autoscaler-app"}, "data": {"parallelismOverrides": "x"}}
    scene.cluster.client.send(
        requests.create(CONFIG_MAPS, scene.cluster.namespace, decisions, field_manager="autoscaler")
    )
    generation = scene.live()["metadata"]["generation"]
    scene.look()
    assert scene.live()["metadata"]["generation"] == generation
    row = next(one for one in scene.cluster.app().status.resources if one.kind == "FlinkDeployment")
    assert row.health is not None and row.health.status == "Healthy"
    assert scene.cluster.get(CONFIG_MAPS, "autoscaler-app") is not None


def test_who_scales_through_the_subresource(scene: Scene) -> None:
    for replicas in (3, 0, 5, 1):
        scene.write({"spec": {"replicas": replicas}}, "horizontal-pod-autoscaler", part="scale")
        scene.look()
        assert dig(scene.live(), "spec", "taskManager", "replicas") == replicas


@pytest.mark.parametrize(
    "body",
    [
        {"spec": {"restartNonce": 7}},
        {"spec": {"job": {"savepointTriggerNonce": 7}}},
        {"spec": {"job": {"checkpointTriggerNonce": 7}}},
    ],
    ids=["restart", "savepoint", "checkpoint"],
)
def test_a_nonce_that_somebody_raises(scene: Scene, body: Object) -> None:
    scene.write(body, "kubectl-edit")
    generation = scene.live()["metadata"]["generation"]
    scene.look()
    assert scene.live()["metadata"]["generation"] == generation, "an action that was done is not done again"
    # A change that is no action is undone, and the nonce still stays.
    scene.write({"spec": {"job": {"parallelism": 9}}}, "kubectl-edit")
    wait_for("the repair", lambda: dig(scene.live(), "spec", "job", "parallelism") == 1 or None)
    live: Any = scene.live()["spec"]
    raised = {**live["job"], "restartNonce": live["restartNonce"]}
    assert 7 in raised.values()


def test_a_snapshot_of_git_that_is_gone(scene: Scene) -> None:
    cluster = scene.cluster
    runs(scene, {})
    scene.look(snapshot=SNAPSHOT)
    made = cluster.get(FLINK_STATE_SNAPSHOTS, "before-release")
    assert made is not None
    labels = {"snapshot.state": "COMPLETED", "snapshot.trigger-type": "MANUAL"}
    name = "before-release"
    for part, body in ((None, {"metadata": {"labels": labels}}), ("status", {"status": {"state": "COMPLETED"}})):
        request = requests.merge_patch(
            FLINK_STATE_SNAPSHOTS, cluster.namespace, name, body, subresource=part, field_manager=OPERATOR
        )
        cluster.client.send(request)
    scene.look()
    live = cluster.get(FLINK_STATE_SNAPSHOTS, name) or {}
    assert live["metadata"]["uid"] == made["metadata"]["uid"] and live["metadata"]["labels"] == labels
    cluster.client.send(requests.delete(FLINK_STATE_SNAPSHOTS, cluster.namespace, name))
    scene.look()
    assert cluster.get(FLINK_STATE_SNAPSHOTS, name) is None, "what was taken is not taken again"
