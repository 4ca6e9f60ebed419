"""Session clusters against a real API server, without a kubelet: objects, replacement, recovery, guarded deletion."""

import pytest
from operating import FlinkCluster, manifest, until

from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client


@pytest.fixture
def cluster(client: Client, namespace: str, operator: Operator) -> FlinkCluster:
    """A session cluster that is deployed."""
    cluster = FlinkCluster(client, namespace)
    body = manifest(namespace)
    del body["spec"]["job"]
    cluster.create(body)
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    return cluster


def session_job(cluster: FlinkCluster, name: str, deployment: str) -> None:
    """A FlinkSessionJob that refers to a session cluster."""
    body: Object = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkSessionJob",
        "metadata": {"name": name},
        "spec": {"deploymentName": deployment, "job": {"jarURI": "https://example.com/job.jar", "parallelism": 1}},
    }
    cluster.client.send(requests.create(requests.FLINK_SESSION_JOBS, cluster.namespace, body))


def entry_point(cluster: FlinkCluster) -> str:
    """What the JobManager's container runs."""
    arguments = dig(cluster.deployment(), "spec", "template", "spec", "containers", 0, "args")
    return " ".join(arguments)


def test_a_session_cluster_is_made_and_replaced(cluster: FlinkCluster) -> None:
    """Its status is the Java operator's; a changed spec is a new Deployment, a refused one touches nothing."""
    assert "kubernetes-jobmanager.sh kubernetes-session" in entry_point(cluster)
    until(lambda: cluster.condition("Running")[1] == "JobManagerIsDeploying")
    assert cluster.condition("Running")[::2] == ("False", "JobManager process is starting up")
    assert cluster.condition("Ready")[:2] == ("False", "Progressing")
    assert cluster.status("jobManagerDeploymentStatus") == "DEPLOYING"
    assert cluster.status("lifecycleState") == "DEPLOYED"
    assert cluster.status("jobStatus", "state") is None
    first = cluster.deployment()["metadata"]["uid"]

    cluster.edit({"jobManager": {"replicas": 0}})
    until(lambda: cluster.condition("Ready")[1] == "ValidationError")
    assert cluster.deployment()["metadata"]["uid"] == first

    generation = cluster.edit({"jobManager": {"replicas": 1}, "image": "flink:1.20.1"})
    until(lambda: cluster.status("observedGeneration") == generation and cluster.deployment())
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    replaced = cluster.deployment()
    assert replaced["metadata"]["uid"] != first
    assert dig(replaced, "spec", "template", "spec", "containers", 0, "image") == "flink:1.20.1"
    assert {"Submit", "SpecChanged"} <= cluster.events()
    assert "Suspended" not in cluster.events()


def test_a_session_cluster_cannot_become_an_application(cluster: FlinkCluster) -> None:
    """The Java operator's rule; what runs goes on."""
    first = cluster.deployment()["metadata"]["uid"]
    cluster.edit({"job": {"jarURI": "local:///job.jar", "parallelism": 1, "upgradeMode": "stateless"}})
    until(lambda: "session cluster cannot become" in cluster.condition("Ready")[2])
    assert cluster.deployment()["metadata"]["uid"] == first


def test_a_lost_job_manager_is_made_again(cluster: FlinkCluster) -> None:
    """Nothing is lost by it that was not lost with the JobManager."""
    first = cluster.deployment()["metadata"]["uid"]
    cluster.client.send(requests.delete(requests.DEPLOYMENTS, cluster.namespace, "app", uid=first))
    until(lambda: cluster.deployment().get("metadata", {}).get("uid", first) != first)
    until(lambda: cluster.status("reconciliationStatus", "state") == "DEPLOYED")
    assert {"Missing", "RecoverDeployment"} <= cluster.events()
    assert not cluster.status("error")


def test_session_jobs_keep_their_cluster(cluster: FlinkCluster) -> None:
    """A deletion waits, says for whom, and goes on when they are gone."""
    session_job(cluster, "first", "app")
    session_job(cluster, "elsewhere", "other")
    cluster.client.send(requests.delete(requests.FLINK_DEPLOYMENTS, cluster.namespace, "app"))
    until(lambda: cluster.condition("Ready")[1] == "CleanupFailed")
    assert cluster.condition("Ready")[2] == "The session jobs [first] should be deleted first"
    assert cluster.status("lifecycleState") == "DELETING"
    assert cluster.deployment()
    assert "CleanupFailed" in cluster.events()
    cluster.client.send(requests.delete(requests.FLINK_SESSION_JOBS, cluster.namespace, "first"))
    until(lambda: not cluster.resource())
    assert not cluster.deployment()
    assert "Cleanup" in cluster.events()


def test_a_session_cluster_may_go_before_its_jobs(cluster: FlinkCluster) -> None:
    """Where the option says so."""
    cluster.edit({"flinkConfiguration": {"kubernetes.operator.session.deletion.block-on-session-jobs": "false"}})
    session_job(cluster, "first", "app")
    cluster.client.send(requests.delete(requests.FLINK_DEPLOYMENTS, cluster.namespace, "app"))
    until(lambda: not cluster.resource())
