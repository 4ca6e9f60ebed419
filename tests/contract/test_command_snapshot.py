"""`gitsync snapshot` and `gitsync approve` beside a real API server: what is asked for, and how its end is told."""

import threading
from collections.abc import Iterator

import pytest
import yaml
from operating import manifest
from syncing import ONE, Cluster, Repository, Run, Start, wait_for

from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS, FLINK_STATE_SNAPSHOTS


@pytest.fixture
def job(cluster: Cluster, repository: Repository, start: Start) -> None:
    repository.commit("a job", {"apps/job.yaml": yaml.safe_dump(manifest(cluster.namespace))})
    start(role="sync", cluster=None)
    wait_for("the job", lambda: cluster.get(FLINK_DEPLOYMENTS, "app"))
    wait_for("its app", lambda: cluster.app().status.resources or None)


def snapshots(cluster: Cluster) -> list[Object]:
    found: list[Object] = cluster.client.send(requests.listing(FLINK_STATE_SNAPSHOTS, cluster.namespace))["items"]
    return found


@pytest.fixture
def answered(cluster: Cluster) -> Iterator[list[Object]]:
    """An operator that ends every snapshot with the status put into the list."""
    over, statuses = threading.Event(), list[Object]()

    def answer() -> None:
        while not over.wait(0.05):
            for one in snapshots(cluster):
                if statuses and "status" not in one:
                    patch = requests.merge_patch(
                        FLINK_STATE_SNAPSHOTS,
                        cluster.namespace,
                        one["metadata"]["name"],
                        {"status": {"failures": 0, **statuses[0]}},
                        subresource="status",
                    )
                    cluster.client.send(patch)

    thread = threading.Thread(target=answer)
    thread.start()
    yield statuses
    over.set()
    thread.join()


def test_a_snapshot_is_asked_for_followed_and_told(
    cluster: Cluster, job: None, answered: list[Object], run: Run
) -> None:
    answered.append({"state": "COMPLETED", "path": "s3://state/sp/7"})
    code, text = run("snapshot", "app", "--directory", "s3://state", "--dispose")
    assert code == 0 and "s3://state/sp/7" in text.splitlines()
    made = snapshots(cluster)[0]
    assert f"FlinkStateSnapshot {cluster.namespace}/{made['metadata']['name']}" in text, "and says what it waits for"
    assert made["spec"]["jobReference"] == {"kind": "FlinkDeployment", "name": "app"}
    assert made["spec"]["savepoint"]["path"] == "s3://state" and made["spec"]["savepoint"]["disposeOnDelete"] is True
    answered[0] = {"state": "FAILED", "error": "no space left"}
    code, text = run("snapshot", f"{cluster.namespace}/app", "--checkpoint")
    assert code == 1 and "FAILED: no space left" in text


def test_a_snapshot_nobody_takes_is_told_in_time(cluster: Cluster, job: None, run: Run) -> None:
    code, text = run("snapshot", "app", "--timeout", "0.5")
    assert code == 3 and "did not end within" in text and "kubectl get flinkstatesnapshot" in text
    code, text = run("snapshot", "app", "--no-wait")
    assert code == 0 and len(snapshots(cluster)) == 2
    code, text = run("snapshot", "nobody")
    assert code == 3 and "no app has a Flink job 'nobody'" in text


def test_approval_is_of_the_commit_that_waits(cluster: Cluster, repository: Repository, start: Start, run: Run) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE, "apps/two.yaml": ONE.replace("one", "two")})
    start(prune=True)
    cluster.wait_synced(first)
    body = {"spec": {"syncPolicy": {"approval": "destructive"}}}
    cluster.client.send(requests.merge_patch(requests.SYNC_APPS, cluster.namespace, "root", body))
    second = repository.commit("less", {"apps/two.yaml": None})
    wait_for("the wait", lambda: "approve" in cluster.condition("Ready")[2] or None)
    assert cluster.get(CONFIG_MAPS, "two") is not None
    code, text = run("approve", "root")
    assert code == 0 and second[:7] in text, text
    wait_for("the deletion", lambda: cluster.get(CONFIG_MAPS, "two") is None)
