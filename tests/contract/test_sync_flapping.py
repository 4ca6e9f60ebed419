"""Health that flaps, on a real API server: the status says what is, people and the repository hear little of it."""

import json
from collections.abc import Iterator

import pytest
from httprecorder import Recorder, recording
from operating import manifest
from syncing import Cluster, Repository, Start, wait_for

from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.requests import FLINK_DEPLOYMENTS, SECRETS
from operator_core.model import lastspecs

TURNS = 12


@pytest.fixture
def outside() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


def job(namespace: str, parallelism: int) -> str:
    return json.dumps(manifest(namespace, parallelism=parallelism))


def says(cluster: Cluster, *, runs: bool, generation: int) -> None:
    """Write the status as an operator does, of a job that runs or that failed just now."""
    live = cluster.get(FLINK_DEPLOYMENTS, "app") or {}
    deployed = lastspecs.encode(live["spec"], first_deployment=False)
    status: Object = {
        "observedGeneration": generation,
        "lifecycleState": "STABLE" if runs else "FAILED",
        "jobManagerDeploymentStatus": "READY",
        "jobStatus": {"state": "RUNNING" if runs else "FAILED", "jobId": "a" * 32},
        "reconciliationStatus": {"lastReconciledSpec": deployed, "state": "DEPLOYED"},
    }
    body = {"status": status}
    cluster.client.send(requests.merge_patch(FLINK_DEPLOYMENTS, cluster.namespace, "app", body, subresource="status"))


def test_a_job_that_fails_and_recovers_all_the_time(
    cluster: Cluster, repository: Repository, start: Start, outside: Recorder
) -> None:
    meta = {"name": "ops", "labels": {"gitsync.io/secret-type": "notification"}}
    fields = {"type": "webhook", "url": f"{outside.url}/hook", "on": "failed,not-ready,ready,running"}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": fields}
    cluster.client.send(requests.create(SECRETS, cluster.namespace, body))
    first = repository.commit("a job", {"apps/job.yaml": job(cluster.namespace, 1)})
    agent = start()
    wait_for("the job", lambda: cluster.get(FLINK_DEPLOYMENTS, "app"))
    says(cluster, runs=True, generation=1)
    cluster.wait_synced(first)

    def heard(*events: str) -> list[str]:
        return [one.body["event"] for one in outside.asked if one.body["event"] in events]

    def all_heard(count: int) -> None:
        """Of messages that follow each other before they are sent only the last one is: each of these is awaited."""
        wait_for(f"{count} messages", lambda: len(outside.asked) >= count or None)

    all_heard(1)
    before = agent.half.client.requests_sent
    for turn in range(TURNS):
        runs = turn % 2 == 1
        says(cluster, runs=runs, generation=1)
        health = "Healthy" if runs else "Degraded"
        wait_for(health, lambda health=health: _health(cluster) == health or None)  # type: ignore[misc]
        all_heard(min(3 + 2 * turn, 7))

    assert heard("not-ready", "ready") == ["not-ready", "ready", "not-ready"]
    assert heard("failed", "running") == ["running", "failed", "running", "failed"]
    # One status write per turn, a few events and pushes: nothing is read again, and nothing is applied.
    assert agent.half.client.requests_sent - before <= 3 * TURNS + 20
    live = cluster.get(FLINK_DEPLOYMENTS, "app") or {}
    assert live["metadata"]["generation"] == 1
    assert [entry.revision for entry in cluster.app().status.history] == [first]
    # A commit is the way out, and its success is told at once.
    second = repository.commit("mended", {"apps/job.yaml": job(cluster.namespace, 2)})
    wait_for("the change", lambda: (cluster.get(FLINK_DEPLOYMENTS, "app") or {})["metadata"]["generation"] == 2 or None)
    says(cluster, runs=True, generation=2)
    cluster.wait_synced(second)
    wait_for("its end", lambda: heard("not-ready", "ready")[3:] == ["ready"] or None, seconds=60)


def _health(cluster: Cluster) -> str:
    health = cluster.app().status.health
    return health.status if health is not None else ""
