"""Standalone clusters against a real API server, without a kubelet: two Deployments, one cluster."""

from collections.abc import Callable

import pytest
from operating import FlinkCluster, manifest, until

from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client

WORKERS = "app-taskmanager"
REACTIVE = {"scheduler-mode": "REACTIVE"}


@pytest.fixture
def deploy(client: Client, namespace: str, operator: Operator) -> Callable[..., FlinkCluster]:
    """Makes a standalone application, or a session cluster, and waits until it is deployed."""

    def deployed(*, session: bool = False, **options: str) -> FlinkCluster:
        cluster = FlinkCluster(client, namespace)
        body = manifest(namespace, upgradeMode="stateless")
        body["spec"]["mode"] = "standalone"
        body["spec"]["flinkConfiguration"] |= options
        if session:
            del body["spec"]["job"]
        cluster.create(body)
        until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
        return cluster

    return deployed


def workers(cluster: FlinkCluster) -> Object:
    """The TaskManagers' Deployment, {} when it is gone."""
    try:
        return cluster.client.send(requests.get(requests.DEPLOYMENTS, cluster.namespace, WORKERS))
    except errors.NotFound:
        return {}


def uids(cluster: FlinkCluster) -> tuple[str, str]:
    """Those of the JobManager's and the TaskManagers' Deployment; empty where there is none or it goes."""
    both = (cluster.deployment(), workers(cluster))
    return tuple("" if dig(one, "metadata", "deletionTimestamp") else dig(one, "metadata", "uid") or "" for one in both)


def rescale(cluster: FlinkCluster, replicas: int) -> None:
    """What a HorizontalPodAutoscaler does."""
    patch = {"spec": {"replicas": replicas}}
    request = requests.merge_patch(requests.FLINK_DEPLOYMENTS, cluster.namespace, "app", patch, subresource="scale")
    cluster.client.send(request)


@pytest.mark.parametrize("session", [False, True], ids=["application", "session"])
def test_a_standalone_cluster_is_replaced_whole(deploy: Callable[..., FlinkCluster], session: bool) -> None:
    """Owners and labels are the Java operator's; a changed spec leaves nothing of the cluster before."""
    cluster = deploy(session=session)
    owner = cluster.resource()["metadata"]["uid"]
    for deployment, component in ((cluster.deployment(), "jobmanager"), (workers(cluster), "taskmanager")):
        meta = deployment["metadata"]
        assert meta["labels"] == {"app": "app", "component": component, "type": "flink-standalone-kubernetes"}
        assert [owner["uid"] for owner in meta["ownerReferences"]] == [owner]
    arguments = dig(cluster.deployment(), "spec", "template", "spec", "containers", 0, "args")
    assert arguments[0] == ("jobmanager" if session else "standalone-job")
    before = uids(cluster)
    generation = cluster.edit({"image": "flink:1.20.1"})
    until(lambda: cluster.status("observedGeneration") == generation and all(uids(cluster)))
    until(lambda: not set(before) & set(uids(cluster)))
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    assert dig(workers(cluster), "spec", "template", "spec", "containers", 0, "image") == "flink:1.20.1"
    cluster.client.send(requests.delete(requests.FLINK_DEPLOYMENTS, cluster.namespace, "app"))
    until(lambda: not cluster.resource())
    assert uids(cluster) == ("", "")


def test_suspension_takes_both_away(deploy: Callable[..., FlinkCluster]) -> None:
    """And resumption brings both back."""
    cluster = deploy()
    cluster.edit({"job": {"state": "suspended"}})
    until(lambda: cluster.status("lifecycleState") == "SUSPENDED")
    until(lambda: not cluster.deployment() and not workers(cluster))
    cluster.edit({"job": {"state": "running"}})
    until(lambda: all(uids(cluster)))


def test_lost_deployments_are_made_again(deploy: Callable[..., FlinkCluster]) -> None:
    """TaskManagers alone; with the JobManager its old TaskManagers go as well."""
    cluster = deploy()
    job_manager, first = uids(cluster)
    cluster.client.send(requests.delete(requests.DEPLOYMENTS, cluster.namespace, WORKERS, uid=first))
    until(lambda: uids(cluster)[1] not in ("", first))
    second = uids(cluster)
    assert second[0] == job_manager
    cluster.client.send(requests.delete(requests.DEPLOYMENTS, cluster.namespace, "app", uid=job_manager))
    until(lambda: all(uids(cluster)) and not set(second) & set(uids(cluster)))
    assert {"Missing", "RecoverDeployment"} <= cluster.events()


@pytest.mark.parametrize("session", [False, True], ids=["reactive", "session"])
def test_replicas_change_in_place(deploy: Callable[..., FlinkCluster], session: bool) -> None:
    """Through the scale subresource, whose status tells how many there are and which pods they are."""
    cluster = deploy(session=session, **({} if session else REACTIVE))
    before = uids(cluster)
    rescale(cluster, 3)
    until(lambda: dig(workers(cluster), "spec", "replicas") == 3)
    until(lambda: cluster.status("taskManager", "replicas") == 3)
    assert uids(cluster) == before
    assert cluster.status("observedGeneration") == cluster.resource()["metadata"]["generation"]
    assert cluster.status("reconciliationStatus", "state") == "DEPLOYED"
    path = requests.FLINK_DEPLOYMENTS.path(cluster.namespace, "app", "scale")
    scale = cluster.client.send(requests.Request("GET", path))
    assert scale["status"] == {"replicas": 3, "selector": "component=taskmanager,app=app"}
    assert "SpecChanged" in cluster.events()
    rescale(cluster, 1)
    until(lambda: dig(workers(cluster), "spec", "replicas") == 1 and cluster.status("taskManager", "replicas") == 1)
    assert uids(cluster) == before


def test_without_the_reactive_scheduler_more_task_managers_mean_a_new_deployment(
    deploy: Callable[..., FlinkCluster],
) -> None:
    """As in the Java operator: the job's parallelism changes with them."""
    cluster = deploy()
    before = uids(cluster)
    rescale(cluster, 2)
    until(lambda: all(uids(cluster)) and not set(before) & set(uids(cluster)))
    assert dig(workers(cluster), "spec", "replicas") == 2


def test_somebody_elses_task_managers_are_not_touched(client: Client, namespace: str, operator: Operator) -> None:
    """Blocked with a way out before anything is created; the resource can be deleted all the same."""
    cluster = FlinkCluster(client, namespace)
    pod: Object = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    foreign = {"metadata": {"name": WORKERS}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": pod}}
    made = client.send(requests.create(requests.DEPLOYMENTS, namespace, foreign))
    body = manifest(namespace)
    body["spec"]["mode"] = "standalone"
    cluster.create(body)
    until(lambda: cluster.condition("UpgradeBlocked")[:2] == ("True", "DeploymentExists"))
    assert not cluster.deployment()
    client.send(requests.delete(requests.FLINK_DEPLOYMENTS, namespace, "app"))
    until(lambda: not cluster.resource())
    assert workers(cluster)["metadata"]["uid"] == made["metadata"]["uid"]
