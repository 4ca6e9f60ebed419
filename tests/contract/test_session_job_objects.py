"""Session jobs against a real API server, without a kubelet: refusals, waiting, what is kept in status, deletion (F03).

The cases are the Java operator's recorded ones: without cluster, without job, with jars it would not fetch.
"""

import pytest
from operating import FlinkCluster, manifest, until

from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.model.flinksessionjobs import FINALIZER


class SessionJobs:
    """FlinkSessionJobs of the test's namespace."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    def create(self, name: str, spec: Object) -> None:
        """Create one."""
        head = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkSessionJob", "metadata": {"name": name}}
        self.client.send(requests.create(requests.FLINK_SESSION_JOBS, self.namespace, {**head, "spec": spec}))

    def get(self, name: str) -> Object:
        """The resource, {} when it is gone."""
        try:
            return self.client.send(requests.get(requests.FLINK_SESSION_JOBS, self.namespace, name))
        except errors.NotFound:
            return {}

    def ready(self, name: str) -> tuple[str, str]:
        """Reason and message of its Ready condition."""
        for one in dig(self.get(name), "status", "conditions", default=[]):
            if one["type"] == "Ready":
                return one["reason"], one["message"]
        return "", ""

    def delete(self, name: str) -> None:
        """Ask for its deletion, and wait for it."""
        self.client.send(requests.delete(requests.FLINK_SESSION_JOBS, self.namespace, name))
        until(lambda: not self.get(name))

    def events(self, name: str) -> set[str]:
        """Reasons of the events about it."""
        items = self.client.send(requests.listing(requests.EVENTS, self.namespace))["items"]
        return {item["reason"] for item in items if item["involvedObject"]["name"] == name}


def spec(uri: str | None = "https://example.com/job.jar", **more: object) -> Object:
    """A session job's spec."""
    return {"deploymentName": "app", "job": {"jarURI": uri, "parallelism": 1, "upgradeMode": "stateless"}, **more}


@pytest.fixture
def jobs(client: Client, namespace: str, operator: Operator) -> SessionJobs:
    """No cluster, no jobs yet; the Flink half runs."""
    return SessionJobs(client, namespace)


def test_a_job_without_cluster_says_so_and_can_be_deleted(jobs: SessionJobs) -> None:
    jobs.create("job", spec())
    until(lambda: jobs.ready("job")[0] == "SessionClusterMissing")
    resource = jobs.get("job")
    assert resource["metadata"]["finalizers"] == [FINALIZER]
    assert dig(resource, "status", "lifecycleState") == "CREATED"
    assert "error" not in resource["status"], "waiting is no error"
    jobs.delete("job")
    assert "Cleanup" in jobs.events("job")


@pytest.mark.parametrize(
    ("name", "body", "text"),
    [
        ("ftp", spec("ftp://h/x.jar"), "not in the allowlist"),
        ("none", spec("x.jar"), "must include a scheme"),
        ("loop", spec("https://127.0.0.1/x.jar"), "restricted address"),
        ("meta", spec("https://169.254.169.254/x.jar"), "restricted address"),
        ("local", spec("local:///x.jar"), "local-dir"),
        ("malformed", spec("https://h/a b.jar"), "not a valid URI"),
        ("no-job", {"deploymentName": "app"}, "spec.job is missing"),
        ("empty", {}, "spec.deploymentName is missing"),
    ],
)
def test_what_no_cluster_could_run_is_refused_and_can_be_deleted(
    jobs: SessionJobs, name: str, body: Object, text: str
) -> None:
    jobs.create(name, body)
    until(lambda: jobs.ready(name)[0] == "ValidationError")
    assert text in jobs.ready(name)[1]
    assert text in jobs.get(name)["status"]["error"]
    assert jobs.get(name)["status"]["lifecycleState"] == "FAILED"
    until(lambda: "ValidationError" in jobs.events(name))
    jobs.delete(name)


def test_a_cluster_that_is_not_ready_is_waited_for_and_outlives_its_jobs(jobs: SessionJobs) -> None:
    cluster = FlinkCluster(jobs.client, jobs.namespace)
    body = manifest(jobs.namespace)
    del body["spec"]["job"]
    cluster.create(body)
    jobs.create("job", spec())
    until(
        lambda: jobs.ready("job") == ("SessionClusterNotReady", "The session cluster FlinkDeployment app is not ready")
    )
    assert "reconciliationStatus" not in jobs.get("job")["status"] or not dig(
        jobs.get("job"), "status", "reconciliationStatus", "lastReconciledSpec"
    )
    jobs.client.send(requests.delete(requests.FLINK_DEPLOYMENTS, jobs.namespace, "app"))
    until(lambda: "CleanupFailed" in cluster.events())
    until(lambda: "is being deleted" in jobs.ready("job")[1])
    jobs.delete("job")
    until(lambda: not cluster.resource())


def test_an_application_takes_no_session_jobs(jobs: SessionJobs) -> None:
    FlinkCluster(jobs.client, jobs.namespace).create(manifest(jobs.namespace))
    jobs.create("job", spec())
    until(lambda: "is an application cluster" in jobs.ready("job")[1])
    jobs.delete("job")
