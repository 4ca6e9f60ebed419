"""The Flink half against a real API server and real controllers, without a kubelet: no pod ever starts.

What only a running Flink can show is left to the end-to-end tests; here the objects, their owners, refusals,
replacement of what never started, suspension and deletion are real.
"""

import pytest
from operating import FlinkCluster, manifest, until

from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client


@pytest.fixture
def cluster(client: Client, namespace: str, operator: Operator) -> FlinkCluster:
    """Shorthands for reading and writing."""
    return FlinkCluster(client, namespace)


def test_a_new_resource_becomes_a_cluster(cluster: FlinkCluster) -> None:
    """Objects, owners, annotations, the record in the status, the event."""
    cluster.create(manifest(cluster.namespace))
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    deployment, resource = cluster.deployment(), cluster.resource()
    assert dig(deployment, "metadata", "annotations", "flinkdeployment.flink.apache.org/generation") == "1"
    assert deployment["metadata"]["ownerReferences"][0]["uid"] == resource["metadata"]["uid"]
    assert resource["metadata"]["finalizers"] == ["flinkdeployments.flink.apache.org/finalizer"]
    for kind, name in ((requests.SERVICES, "app-rest"), (requests.CONFIG_MAPS, "flink-config-app")):
        owned = cluster.client.send(requests.get(kind, cluster.namespace, name))
        assert owned["metadata"]["ownerReferences"][0]["uid"] == deployment["metadata"]["uid"]
    status = resource["status"]
    assert (status["lifecycleState"], status["observedGeneration"]) == ("DEPLOYED", 1)
    assert status["jobStatus"]["state"] == "RECONCILING"
    assert cluster.condition("Ready")[:2] == ("False", "Progressing")
    assert "Submit" in cluster.events()


def test_a_service_that_was_left_behind_becomes_the_clusters(cluster: FlinkCluster) -> None:
    """Objects of a new Deployment are created; what has a name already is taken and made as it must be."""
    left: Object = {"metadata": {"name": "app-rest"}, "spec": {"ports": [{"name": "old", "port": 1}]}}
    cluster.client.send(requests.create(requests.SERVICES, cluster.namespace, left))
    cluster.create(manifest(cluster.namespace))
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    service = cluster.client.send(requests.get(requests.SERVICES, cluster.namespace, "app-rest"))
    assert service["metadata"]["ownerReferences"][0]["uid"] == cluster.deployment()["metadata"]["uid"]
    assert service["spec"]["selector"]["app"] == "app"
    assert 8081 in [port["port"] for port in service["spec"]["ports"]]


def test_a_refused_spec_touches_nothing(cluster: FlinkCluster) -> None:
    """Error, condition and event; the old generation stays observed; the next good spec heals."""
    cluster.create(manifest(cluster.namespace))
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    before = cluster.deployment()["metadata"]["uid"]
    bad = cluster.edit({"job": {"parallelism": 0}})
    until(lambda: cluster.condition("Ready")[1] == "ValidationError")
    assert "parallelism" in cluster.condition("Ready")[2]
    assert "parallelism" in str(cluster.status("error"))
    assert cluster.status("observedGeneration") == bad - 1
    assert cluster.deployment()["metadata"]["uid"] == before
    assert "ValidationError" in cluster.events()
    good = cluster.edit({"job": {"parallelism": 1}})
    until(lambda: cluster.status("observedGeneration") == good and not cluster.status("error"))
    assert cluster.deployment()["metadata"]["uid"] == before


def test_what_the_api_server_would_refuse_is_told_before_anything_stops(cluster: FlinkCluster) -> None:
    """A pod template that validation cannot judge is tried out first."""
    cluster.create(manifest(cluster.namespace))
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    before = cluster.deployment()["metadata"]["uid"]
    mounts = [{"name": "nowhere", "mountPath": "/x"}]
    cluster.edit({"podTemplate": {"spec": {"containers": [{"name": "flink-main-container", "volumeMounts": mounts}]}}})
    until(lambda: "nowhere" in cluster.condition("Ready")[2])
    assert cluster.deployment()["metadata"]["uid"] == before


def test_a_cluster_that_never_started_is_replaced(cluster: FlinkCluster) -> None:
    """A broken upgrade is healed by the next good spec, from the state it was given."""
    cluster.create(manifest(cluster.namespace, initialSavepointPath="file:///sp/savepoint-1"))
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    before = cluster.deployment()["metadata"]["uid"]
    until(lambda: dig(cluster.deployment(), "status", "conditions"))
    generation = cluster.edit({"image": "flink:1.20.1"})
    until(lambda: cluster.status("observedGeneration") == generation)
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    assert cluster.deployment()["metadata"]["uid"] != before
    assert dig(cluster.deployment(), "spec", "template", "spec", "containers", 0, "image") == "flink:1.20.1"
    assert cluster.status("jobStatus", "upgradeSavepointPath") == "file:///sp/savepoint-1"
    config = cluster.client.send(requests.get(requests.CONFIG_MAPS, cluster.namespace, "flink-config-app"))
    assert "file:///sp/savepoint-1" in config["data"]["flink-conf.yaml"]


def test_suspend_resume_delete(cluster: FlinkCluster) -> None:
    """The cluster goes, comes back, and goes with the resource."""
    cluster.create(manifest(cluster.namespace, upgradeMode="stateless"))
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    first = cluster.status("jobStatus", "jobId")
    cluster.edit({"job": {"state": "suspended"}})
    until(lambda: cluster.status("lifecycleState") == "SUSPENDED")
    until(lambda: not cluster.deployment())
    assert cluster.status("taskManager", "replicas") in (0, None)
    cluster.edit({"job": {"state": "running"}})
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED" and cluster.deployment())
    until(lambda: cluster.status("lifecycleState") == "DEPLOYED")
    assert cluster.status("jobStatus", "jobId") != first
    cluster.client.send(requests.delete(requests.FLINK_DEPLOYMENTS, cluster.namespace, "app"))
    until(lambda: not cluster.resource())
    assert not cluster.deployment()
    assert {"SpecChanged", "Suspended", "Cleanup"} <= cluster.events()


def test_a_resource_created_suspended_is_left_alone(cluster: FlinkCluster) -> None:
    """As the Java operator does: no status, no objects."""
    cluster.create(manifest(cluster.namespace, state="suspended"))
    until(lambda: cluster.resource()["metadata"].get("finalizers"))
    assert not cluster.deployment()
    assert "status" not in cluster.resource()


def test_a_foreign_deployment_of_the_same_name_is_not_touched(cluster: FlinkCluster) -> None:
    """Blocked with a way out, and healed by taking it."""
    foreign: Object = {
        "metadata": {"name": "app"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "x"}]},
            },
        },
    }
    created = cluster.client.send(requests.create(requests.DEPLOYMENTS, cluster.namespace, foreign))
    cluster.create(manifest(cluster.namespace))
    until(lambda: cluster.condition("UpgradeBlocked")[:2] == ("True", "DeploymentExists"))
    assert cluster.deployment()["metadata"]["uid"] == created["metadata"]["uid"]
    cluster.client.send(requests.delete(requests.DEPLOYMENTS, cluster.namespace, "app"))
    cluster.edit({"restartNonce": 1})
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    assert cluster.condition("UpgradeBlocked")[0] == "False"


@pytest.mark.parametrize("version", ["v1_15", "v1_17", "v1_19", "v2_3"])
def test_every_version_is_deployed(cluster: FlinkCluster, version: str) -> None:
    """Deprecated ones are told, not refused."""
    body = manifest(cluster.namespace)
    body["spec"] |= {"flinkVersion": version, "image": f"flink:{version[1:].replace('_', '.')}"}
    cluster.create(body)
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    config = cluster.client.send(requests.get(requests.CONFIG_MAPS, cluster.namespace, "flink-config-app"))
    assert ("config.yaml" in config["data"], "flink-conf.yaml" in config["data"]) == (
        version == "v2_3",
        version != "v2_3",
    )
    assert ("DeprecatedFlinkVersion" in cluster.events()) == (version in ("v1_15", "v1_17"))
    assert not cluster.status("error")


@pytest.mark.parametrize("exposed", ["LoadBalancer", "NodePort", "Headless_ClusterIP"])
def test_a_service_without_address_is_no_error(cluster: FlinkCluster, exposed: str) -> None:
    """Nobody gives it one here; the job is reached inside of the cluster all the same."""
    body = manifest(cluster.namespace)
    body["spec"]["flinkConfiguration"] |= {
        "kubernetes.rest-service.exposed.type": exposed,
        "kubernetes.hostnetwork.enabled": "true",
    }
    cluster.create(body)
    until(lambda: cluster.status("jobManagerDeploymentStatus") == "DEPLOYING")
    service = cluster.client.send(requests.get(requests.SERVICES, cluster.namespace, "app-rest"))
    assert service["spec"]["type"] == ("ClusterIP" if exposed == "Headless_ClusterIP" else exposed)
    pod = dig(cluster.deployment(), "spec", "template", "spec")
    assert (pod["hostNetwork"], pod["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")
    assert cluster.condition("Ready")[1] == "Progressing"
    assert not cluster.status("error")
