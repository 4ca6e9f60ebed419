"""Jobs that run and are not well: restarted with their state by the health check, told without flooding anybody."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest
import savedstates
import writings
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import events, requests

pytestmark = pytest.mark.full
HEALTH = "kubernetes.operator.cluster.health-check"
FLAPPING = {
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "1000000",
    "restart-strategy.fixed-delay.delay": "20 ms",
}


@pytest.fixture(scope="module")
def agent(team: Team) -> Iterator[Team]:
    """An agent, and the access that jobs need."""
    team.repository.commit("Access", {"apps/access.yaml": team.access_file()})
    with team.agent():
        yield team


def test_flapping_job_is_restarted_from_its_newest_checkpoint(agent: Team) -> None:
    def flapping(manifest: Object) -> None:
        manifest["spec"]["job"]["args"] = ["--rate", "100", "--fail-after", "300"]
        window = {
            f"{HEALTH}.enabled": "true",
            f"{HEALTH}.restarts.threshold": "2",
            f"{HEALTH}.restarts.window": "1 min",
        }
        manifest["spec"]["flinkConfiguration"] |= FLAPPING | window

    agent.repository.commit("It flaps", {"apps/flapping.yaml": agent.job_file("flapping", flapping)})
    first = agent.running("flapping")
    told = agent.until(lambda: told_of(agent, "flapping", "RestartUnhealthyJob"), "the restart as an event", 120)
    assert "restarted" in told["message"]
    again = agent.running("flapping", other_than=first.id)
    restored = agent.flink("flapping").restored(again)
    assert restored is not None and first.id in restored.path
    assert told_of(agent, "flapping", "JobException")
    agent.repository.commit("It goes", {"apps/flapping.yaml": None})


@pytest.mark.parametrize("version", ["v1_20", "v2_3"])
def test_job_whose_checkpoints_stop_completing_is_restarted_from_the_last_one(agent: Team, version: str) -> None:
    name = f"stuck-{version.replace('_', '-')}"

    def watched(manifest: Object) -> None:
        manifest["spec"]["flinkConfiguration"] |= {
            "execution.checkpointing.timeout": "5 s",
            "execution.checkpointing.tolerable-failed-checkpoints": "2",
            f"{HEALTH}.enabled": "true",
            f"{HEALTH}.checkpoint-progress.enabled": "true",
            f"{HEALTH}.checkpoint-progress.window": "10 s",
        }

    file = f"apps/{name}.yaml"
    agent.repository.commit("It will get stuck", {file: agent.job_file(name, watched, version)})
    agent.running(name)
    before = savedstates.saved(agent, name)
    in_the_way(agent, before)
    told = agent.until(lambda: told_of(agent, name, "RestartUnhealthyJob"), "the restart as an event", 300)
    assert "No checkpoint completed within" in told["message"]
    again = agent.running(name, other_than=before.run.id)
    assert savedstates.next_run(agent, before, name).id == again.id
    restored = agent.flink(name).restored(again)
    assert restored is not None and f"/{before.run.id}/chk-" in restored.path
    savedstates.saved(agent, name)
    agent.repository.commit("It goes", {file: None})


def test_job_that_fails_many_times_a_second_does_not_flood_the_api_server(agent: Team) -> None:
    def failing(manifest: Object) -> None:
        manifest["spec"]["job"]["args"] = ["--rate", "100", "--fail-after", "1"]
        manifest["spec"]["flinkConfiguration"] |= FLAPPING

    with writings.Writings(agent) as written:
        began = time.monotonic()
        agent.repository.commit("It fails for ever", {"apps/failing.yaml": agent.job_file("failing", failing)})
        agent.until(lambda: restarts(agent, "failing") >= 150, "150 restarts of the job")
        agent.until(lambda: told_of(agent, "failing", "JobException"), "its exceptions as events", 60)
        seconds = time.monotonic() - began
        allowed = events.BURST + seconds / events.REFILL_SECONDS + 1
        told = Counter(event["reason"] for event in written.of(requests.EVENTS, "failing"))
        assert told and max(told.values()) <= allowed, (told, seconds)
        assert len(written.of(requests.FLINK_DEPLOYMENTS, "failing")) <= 20 + seconds, seconds
    agent.repository.commit("It goes", {"apps/failing.yaml": None})


def in_the_way(team: Team, before: savedstates.Saved) -> None:
    """Let no later checkpoint of this run find a place for itself."""
    folder = team.folder / "flink-data/checkpoints" / before.run.id
    newest = max(int(each.name.removeprefix("chk-")) for each in folder.glob("chk-*"))
    for number in range(newest + 1, newest + 1000):
        try:
            (folder / f"chk-{number}").touch(exist_ok=False)
        except FileExistsError:
            continue  # the next one was faster


def restarts(team: Team, name: str) -> int:
    """How often Flink restarted the job; 0 while it does not say."""
    flink = team.flink(name)
    run, _ = flink.state_or_none()
    if run is None:
        return 0
    found = flink.get(f"/jobs/{run.id}/metrics", (("get", "numRestarts"),)).get("items", [])
    return int(found[0]["value"]) if found else 0


def told_of(team: Team, job: str, reason: str) -> Object | None:
    """An event about a job's resource."""
    about = {"kind": "FlinkDeployment", "name": job}
    found = (each for each in team.events() if about.items() <= each["involvedObject"].items())
    return next((each for each in found if dig(each, "reason") == reason), None)
