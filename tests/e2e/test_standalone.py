"""A standalone application, reactive: scaled through /scale, upgraded with its state (F02, F15, F22)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from teams import Team

from gitsync.sandbox.demo import flinkjobs
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

FILE = "apps/ticks.yaml"
AUTOSCALER = "horizontal-pod-autoscaler"
SIDECAR = {
    "name": "sidecar",
    "image": "flink:1.20",
    "command": ["bash", "-c", "trap exit TERM; grep prepared /prepared/note && sleep infinity & wait"],
    "volumeMounts": [{"name": "work", "mountPath": "/prepared"}],
}
PREPARE = {
    "name": "prepare",
    "image": "flink:1.20",
    "command": ["bash", "-c", "echo prepared > /prepared/note"],
    "volumeMounts": [{"name": "work", "mountPath": "/prepared"}],
}


def standalone(manifest: Object) -> None:
    """One slot a TaskManager, one TaskManager until somebody scales; an init container and a sidecar in every pod."""
    spec = manifest["spec"]
    spec["mode"] = "standalone"
    spec["flinkConfiguration"] |= {"scheduler-mode": "reactive", "taskmanager.numberOfTaskSlots": "1"}
    template = spec["podTemplate"]["spec"]
    template["initContainers"] = [PREPARE]
    template["containers"].append(SIDECAR)
    template["volumes"].append({"name": "work", "emptyDir": {}})
    template["containers"][0]["volumeMounts"].append({"name": "work", "mountPath": "/prepared"})


@pytest.fixture(scope="module")
def started(team: Team) -> Iterator[Team]:
    """An agent, and the job that a first commit brought to RUNNING."""
    job = team.job_file("ticks", standalone)
    team.repository.commit("Run the ticks job", {"apps/access.yaml": team.access_file(), FILE: job})
    with team.agent():
        team.running()
        yield team


def total(team: Team, job: flinkjobs.Job, gauge: str = "stateTotal") -> int:
    """The job's total in state, whichever subtask holds it."""
    vertex = next(each.id for each in job.vertices if each.name.startswith("total"))
    path = f"/jobs/{job.id}/vertices/{vertex}/subtasks/metrics"
    answer = team.flink().get(path, (("get", f"total.{gauge}"), ("agg", "max")))
    return max((int(float(each["max"])) for each in answer["items"]), default=0)


def counting(team: Team, job: flinkjobs.Job, above: int) -> int:
    """Wait until the total is above a number."""
    return team.until(lambda: found if (found := total(team, job)) > above else None, f"a total above {above}", 60)


def rescale(team: Team, replicas: int) -> None:
    """What a HorizontalPodAutoscaler does."""
    patch = {"spec": {"replicas": replicas}}
    path = requests.merge_patch(
        requests.FLINK_DEPLOYMENTS, team.jobs, "ticks", patch, subresource="scale", field_manager=AUTOSCALER
    )
    team.client.send(path)


def pods(team: Team) -> dict[str, Object]:
    """The cluster's pods that stay, by name."""
    items = team.client.send(requests.listing(requests.PODS, team.jobs, labels="app=ticks"))["items"]
    return {pod["metadata"]["name"]: pod for pod in items if "deletionTimestamp" not in pod["metadata"]}


def test_templates_reach_both_kinds_of_pods(started: Team) -> None:
    found = pods(started)
    assert sorted(dig(pod, "metadata", "labels", "component") for pod in found.values()) == [
        "jobmanager",
        "taskmanager",
    ]
    for pod in found.values():
        containers = {one["name"]: one["ready"] for one in pod["status"]["containerStatuses"]}
        assert containers == {"flink-main-container": True, "sidecar": True}
        assert dig(pod, "status", "initContainerStatuses", 0, "state", "terminated", "exitCode") == 0


def test_an_autoscaler_rescales_the_running_job(started: Team) -> None:
    team = started
    job, before = team.running(), pods(team)
    so_far = counting(team, job, 0)
    rescale(team, 2)
    wider = team.running(parallelism=2)
    assert wider.id == job.id
    assert set(before) < set(pods(team)), "nothing was deployed again"
    counting(team, wider, so_far)
    status = team.until(
        lambda: found if dig(found := team.deployment(), "status", "taskManager", "replicas") == 2 else None,
        "the scale's status",
        30,
    )["status"]
    assert status["taskManager"] == {"labelSelector": "component=taskmanager,app=ticks", "replicas": 2}
    assert status["reconciliationStatus"]["state"] == "DEPLOYED"


def test_a_commit_upgrades_with_state_and_leaves_the_scale_alone(started: Team) -> None:
    team = started
    job, before = team.running(parallelism=2), pods(team)
    so_far = counting(team, job, 0)

    def faster(text: str) -> str:
        manifest: Object = yaml.safe_load(text)
        manifest["spec"]["job"]["args"] = ["--rate", "400"]
        return yaml.safe_dump(manifest, sort_keys=False)

    sha = team.repository.edit("Twice as fast", FILE, faster)
    upgraded = team.running(parallelism=2, other_than=job.id)
    counting(team, upgraded, so_far)
    assert total(team, upgraded, "stateRestored") >= so_far
    assert total(team, upgraded, "stateGaps") == 0
    path = str(dig(team.deployment(), "status", "jobStatus", "upgradeSavepointPath"))
    assert "/savepoints/savepoint-" in path, "what it started from; a second TaskManager makes it start once more"
    assert not set(before) & set(pods(team)), "no TaskManager of the deployment before serves the new one"
    team.ready(sha)


def test_a_deletion_leaves_nothing(started: Team) -> None:
    team = started
    team.repository.commit("Enough", {FILE: None})
    team.client.send(requests.delete(requests.FLINK_DEPLOYMENTS, team.jobs, "ticks"))
    team.until(lambda: team.deployment() is None or None, "the FlinkDeployment gone", 60)
    assert not team.client.send(requests.listing(requests.DEPLOYMENTS, team.jobs))["items"]
