"""Apps that Argo CD, Flux, Helm or kubectl applied, taken over: nothing changes, and what Git drops later disappears.

The objects are written as those tools write them: their field managers, their way of applying, their marks.
"""

import copy
import json
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from operating import manifest
from syncing import DEPLOYMENT, ONE, SERVICE, Cluster, Repository, Start, wait_for

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS, DEPLOYMENTS, FLINK_DEPLOYMENTS, SERVICES, Resource

REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
PLACES: dict[str, tuple[Resource, str]] = {
    "ConfigMap": (CONFIG_MAPS, "one"),
    "Service": (SERVICES, "web"),
    "Deployment": (DEPLOYMENTS, "web"),
    "FlinkDeployment": (FLINK_DEPLOYMENTS, "app"),
}


@dataclass(frozen=True)
class Tool:
    """How a tool applies; `owner` marks its objects."""

    manager: str
    applies: bool
    """Server-side; else by create and patch, with its last-applied annotation."""
    labels: tuple[tuple[str, str], ...] = ()
    tracks: bool = False
    """Argo CD's tracking annotation."""


TOOLS = {
    "argo-cd": Tool("argocd-controller", applies=False, tracks=True),
    "argo-cd-server-side": Tool("argocd-controller", applies=True, tracks=True),
    "argo-cd-by-label": Tool("argocd-controller", applies=False, labels=(("app.kubernetes.io/instance", "web"),)),
    "flux": Tool(
        "kustomize-controller",
        applies=True,
        labels=(("kustomize.toolkit.fluxcd.io/name", "web"), ("kustomize.toolkit.fluxcd.io/namespace", "flux-system")),
    ),
    "flux-helm": Tool("helm-controller", applies=False, labels=(("helm.toolkit.fluxcd.io/name", "web"),)),
    "helm": Tool("helm", applies=False, labels=(("app.kubernetes.io/managed-by", "Helm"),)),
    "kubectl": Tool("kubectl-client-side-apply", applies=False),
    "kubectl-server-side": Tool("kubectl", applies=True),
}


def manifests(namespace: str) -> dict[str, Object]:
    """What is in Git, by kind."""
    found: dict[str, Object] = {}
    for text in (ONE, SERVICE, DEPLOYMENT):
        body = yaml.safe_load(text)
        found[body["kind"]] = body
    job = manifest(namespace)
    del job["metadata"]["namespace"]
    return {**found, "FlinkDeployment": job}


def apply_as(cluster: Cluster, tool: Tool, body: Object) -> None:
    """Write an object of Git as a tool does."""
    body = copy.deepcopy(body)
    meta = {**body["metadata"], "namespace": cluster.namespace}
    resource, name = PLACES[body["kind"]]
    group = body["apiVersion"].rpartition("/")[0]
    marks: dict[str, str] = {}
    if tool.tracks:
        marks["argocd.argoproj.io/tracking-id"] = f"web:{group}/{body['kind']}:{cluster.namespace}/{name}"
    if tool.labels:
        meta["labels"] = dict(tool.labels)
    if marks:
        meta["annotations"] = marks
    body["metadata"] = meta
    if tool.applies:
        cluster.client.send(requests.apply(resource, body, field_manager=tool.manager))
        return
    told = json.dumps(body)
    bare = copy.deepcopy(body)
    cluster.client.send(requests.create(resource, cluster.namespace, bare, field_manager=tool.manager))
    patch: Any = {"metadata": {"annotations": {LAST_APPLIED: told}}}
    cluster.client.send(requests.merge_patch(resource, cluster.namespace, name, patch, field_manager=tool.manager))


def by_operator(cluster: Cluster) -> None:
    """What operators and controllers write beside it: theirs, and so it stays."""
    patch: Any = {"metadata": {"finalizers": ["flinkdeployments.flink.apache.org/finalizer"], "labels": {"cost": "a"}}}
    manager = "fabric8-kubernetes-client"
    cluster.client.send(requests.merge_patch(FLINK_DEPLOYMENTS, cluster.namespace, "app", patch, field_manager=manager))
    status: Any = {"status": {"observedGeneration": 1, "lifecycleState": "STABLE", "jobStatus": {"state": "RUNNING"}}}
    cluster.client.send(
        requests.merge_patch(
            FLINK_DEPLOYMENTS, cluster.namespace, "app", status, subresource="status", field_manager=manager
        )
    )


def seen(cluster: Cluster) -> dict[str, Object]:
    """Every object as far as anything but tools of this kind cares."""
    return {kind: _bare(cluster.get(*place) or {}) for kind, place in PLACES.items()}


def _bare(live: Object) -> Object:
    meta = {key: live["metadata"].get(key) for key in ("name", "uid", "generation", "creationTimestamp", "finalizers")}
    return {**{key: value for key, value in live.items() if key not in ("metadata", "status")}, "metadata": meta}


def synced_to(cluster: Cluster, revision: str) -> None:
    """Until the app is in sync; nothing runs here, so it is not Ready."""

    def probe() -> bool | None:
        sync = cluster.app().status.sync
        return (sync is not None and (sync.status, sync.revision) == ("Synced", revision)) or None

    wait_for(f"sync to {revision[:7]}", probe)


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS.keys())
def test_taken_over(cluster: Cluster, repository: Repository, start: Start, tool: Tool) -> None:
    wanted = manifests(cluster.namespace)
    for body in wanted.values():
        apply_as(cluster, tool, body)
    by_operator(cluster)
    before = seen(cluster)
    first = repository.commit("as it is", {f"apps/{kind}.yaml": json.dumps(body) for kind, body in wanted.items()})
    agent = start(prune=True, role="sync")
    synced_to(cluster, first)
    # The API server counts a change of annotations as a new generation of Deployments, and of nothing else here.
    before["Deployment"]["metadata"]["generation"] += 1
    assert seen(cluster) == before, "no object changes: not its content, not its generation, not its uid"
    replica_sets = cluster.client.send(requests.listing(REPLICA_SETS, cluster.namespace))["items"]
    assert len(replica_sets) == 1, "and nothing is rolled out"
    for kind, place in PLACES.items():
        meta = (cluster.get(*place) or {})["metadata"]
        managers = {one["manager"] for one in meta["managedFields"] if not one.get("subresource")}
        assert tool.manager not in managers and "gitsync" in managers, kind
        marks = {**meta.get("annotations", {}), **meta.get("labels", {})}
        assert not {LAST_APPLIED, "argocd.argoproj.io/tracking-id", *dict(tool.labels)} & set(marks), kind
    job = cluster.get(*PLACES["FlinkDeployment"]) or {}
    assert dig(job, "metadata", "labels") == {"cost": "a"} and dig(job, "status", "lifecycleState") == "STABLE"
    # Taken over once: a restart finds nothing to do.
    versions = {kind: (cluster.get(*place) or {})["metadata"]["resourceVersion"] for kind, place in PLACES.items()}
    agent.stop()
    start(prune=True, role="sync")
    later = repository.commit("a field less each", _less(wanted))
    synced_to(cluster, later)
    after = {kind: cluster.get(*place) or {} for kind, place in PLACES.items()}
    assert after["ConfigMap"]["data"] == {"a": "1"}
    assert [one["name"] for one in after["Service"]["spec"]["ports"]] == ["http"]
    assert "env" not in after["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert after["FlinkDeployment"]["spec"]["flinkConfiguration"] == {"state.checkpoints.dir": "file:///cp"}
    assert {kind: one["metadata"]["resourceVersion"] != versions[kind] for kind, one in after.items()} == dict.fromkeys(
        PLACES, True
    )
    assert {kind: one["metadata"]["uid"] for kind, one in after.items()} == {
        kind: one["metadata"]["uid"] for kind, one in before.items()
    }
    gone = repository.commit("one less", {"apps/ConfigMap.yaml": None})
    synced_to(cluster, gone)
    wait_for("the end of what Git dropped", lambda: cluster.get(CONFIG_MAPS, "one") is None)


def _less(wanted: dict[str, Object]) -> dict[str, str | None]:
    """Git with one field less per object."""
    less = copy.deepcopy(wanted)
    del less["ConfigMap"]["data"]["b"]
    del less["Service"]["spec"]["ports"][1]
    del less["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]
    del less["FlinkDeployment"]["spec"]["flinkConfiguration"]["state.savepoints.dir"]
    return {f"apps/{kind}.yaml": json.dumps(body) for kind, body in less.items()}
