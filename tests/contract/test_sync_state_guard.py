"""Where another operator runs the jobs, a savepoint is complete before a job with state is deleted (F55)."""

import yaml
from operating import manifest
from syncing import ONE, Cluster, Repository, Start, wait_for

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS, FLINK_STATE_SNAPSHOTS, SYNC_APPS

BESIDE = {"apps/one.yaml": ONE, "apps/of-the-job.yaml": ONE.replace("name: one", "name: of-the-job")}


def with_a_running_job(cluster: Cluster, repository: Repository, start: Start, **settings: object) -> Object:
    """The job as the other operator has it running."""
    body = manifest(cluster.namespace)
    repository.commit("a job", {**BESIDE, "apps/job.yaml": yaml.safe_dump(body)})
    start(role="sync", prune=True, cluster=None, **settings)
    wait_for("the job", lambda: cluster.get(FLINK_DEPLOYMENTS, "app"))
    status: Object = {
        "observedGeneration": 1,
        "lifecycleState": "STABLE",
        "jobManagerDeploymentStatus": "READY",
        "jobStatus": {"state": "RUNNING", "startTime": "1767225600000"},
        "reconciliationStatus": {"lastStableSpec": "{}", "state": "DEPLOYED"},
    }
    patch = requests.merge_patch(
        FLINK_DEPLOYMENTS, cluster.namespace, "app", {"status": status}, subresource="status", field_manager="other"
    )
    return cluster.client.send(patch)


def snapshots(cluster: Cluster) -> list[Object]:
    """Every snapshot of the namespace, the oldest first."""
    found = cluster.client.send(requests.listing(FLINK_STATE_SNAPSHOTS, cluster.namespace))["items"]
    return sorted(found, key=lambda one: str(one["metadata"]["name"]))


def ends(cluster: Cluster, name: str, **status: object) -> None:
    """The other operator says how a snapshot ended."""
    body: Object = {"status": {"failures": 0, **status}}
    patch = requests.merge_patch(
        FLINK_STATE_SNAPSHOTS, cluster.namespace, name, body, subresource="status", field_manager="other"
    )
    cluster.client.send(patch)


def test_a_job_goes_when_its_savepoint_is_complete_and_not_before(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    live = with_a_running_job(cluster, repository, start)
    repository.commit("no job", {"apps/job.yaml": None, "apps/of-the-job.yaml": None})
    first = wait_for("the savepoint asked for", lambda: snapshots(cluster) or None)[0]
    name, spec = first["metadata"]["name"], first["spec"]
    assert spec["jobReference"] == {"kind": "FlinkDeployment", "name": "app"}
    assert spec["savepoint"]["disposeOnDelete"] is False and "ownerReferences" not in first["metadata"]
    message = wait_for("what it waits for", lambda: _waiting(cluster, name))
    assert "app" in message
    ends(cluster, name, state="FAILED", error="no space left on s3://state")
    refused = cluster.wait_not_ready("SavepointError")
    assert "no space left on s3://state" in refused and "suspend" in refused
    assert (cluster.get(FLINK_DEPLOYMENTS, "app") or {})["metadata"]["uid"] == live["metadata"]["uid"]
    assert len(snapshots(cluster)) == 1, "one failure is no reason to ask for ever"
    # Another commit tries again.
    repository.commit("an unrelated change", {"apps/one.yaml": ONE.replace('"1"', '"2"')})
    second = wait_for("another try", lambda: snapshots(cluster)[1:] or None)[0]["metadata"]["name"]
    wait_for("what it waits for", lambda: _waiting(cluster, second))
    assert "deletionTimestamp" not in (cluster.get(FLINK_DEPLOYMENTS, "app") or {})["metadata"]
    assert cluster.get(CONFIG_MAPS, "of-the-job") is not None, "the job that is still there may need it"
    ends(cluster, second, state="COMPLETED", path="s3://state/sp/9")
    wait_for("the deletion", lambda: cluster.get(FLINK_DEPLOYMENTS, "app") is None)
    assert [dig(one, "status", "path", default="") for one in snapshots(cluster)] == ["", "s3://state/sp/9"]
    wait_for("a clean inventory", lambda: len(cluster.app().status.inventory) == 1 or None)
    assert cluster.get(CONFIG_MAPS, "of-the-job") is None


def _waiting(cluster: Cluster, snapshot: str) -> str | None:
    status, reason, message = cluster.condition("Ready")
    return message if (status, reason) == ("False", "Progressing") and snapshot in message else None


def test_a_job_that_comes_back_into_git_stays_and_an_old_savepoint_guards_nothing_later(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    with_a_running_job(cluster, repository, start)
    job = (repository.work / "apps/job.yaml").read_text()
    repository.commit("no job", {"apps/job.yaml": None})
    first = wait_for("the savepoint asked for", lambda: snapshots(cluster) or None)[0]["metadata"]["name"]
    wait_for("what it waits for", lambda: _waiting(cluster, first))
    back = repository.commit("the job again", {"apps/job.yaml": job})
    wait_for("Git as it was", lambda: _synced(cluster, back))
    ends(cluster, first, state="COMPLETED", path="s3://state/sp/1")
    assert "deletionTimestamp" not in (cluster.get(FLINK_DEPLOYMENTS, "app") or {})["metadata"]


def _synced(cluster: Cluster, revision: str) -> bool | None:
    sync = cluster.app().status.sync
    return (sync is not None and (sync.status, sync.revision) == ("Synced", revision)) or None


def test_an_app_that_is_deleted_with_its_objects_keeps_the_state_too(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    with_a_running_job(cluster, repository, start)
    body: Object = {"metadata": {"finalizers": ["gitsync.io/cascade"]}}
    cluster.client.send(requests.merge_patch(SYNC_APPS, cluster.namespace, "root", body))
    cluster.client.send(requests.delete(SYNC_APPS, cluster.namespace, "root"))
    name = wait_for("the savepoint asked for", lambda: snapshots(cluster) or None)[0]["metadata"]["name"]
    wait_for("the reason", lambda: name in cluster.condition("Ready")[2] or None)
    assert cluster.get(FLINK_DEPLOYMENTS, "app") is not None and cluster.get(CONFIG_MAPS, "of-the-job") is not None
    ends(cluster, name, state="COMPLETED", path="s3://state/sp/1")
    wait_for("the deletion", lambda: cluster.get(FLINK_DEPLOYMENTS, "app") is None)
    wait_for("the end of the app", lambda: cluster.get(SYNC_APPS, "root") is None)
    assert len(snapshots(cluster)) == 1
