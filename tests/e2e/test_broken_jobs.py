"""Jobs that fail, flap or finish: told with their exceptions, run again with their state, or left in peace."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import yaml
from teams import Team

from operator_core.jsonvalues import Object, dig

OPERATOR = "kubernetes.operator."


@pytest.fixture(scope="module")
def agent(team: Team) -> Iterator[Team]:
    """An agent, and the access that jobs need."""
    team.repository.commit("Access", {"apps/access.yaml": team.access_file()})
    with team.agent():
        yield team


def test_failed_job_is_told_with_its_exception_and_run_again_with_its_state(agent: Team) -> None:
    def failing(manifest: Object) -> None:
        arguments(manifest, "--rate", "100", "--fail-after", "600")
        configure(manifest, {"restart-strategy.type": "none", f"{OPERATOR}job.restart.failed": "true"})

    agent.repository.commit("It fails", {"apps/failing.yaml": agent.job_file("failing", failing)})
    first = agent.running("failing")
    told = agent.until(lambda: event(agent, "failing", "JobException"), "the exception as an event", 60)
    assert "NoRestartBackoffTimeStrategy" in told["message"] and "more lines)" in told["message"]
    assert dig(told, "metadata", "annotations", "exception-timestamp", default="").endswith("Z")
    assert agent.until(lambda: event(agent, "failing", "RestartFailedJob"), "the restart as an event", 60)
    again = agent.running("failing", other_than=first.id)
    restored = agent.flink("failing").restored(again)
    assert restored is not None and first.id in restored.path, "it goes on from the checkpoint of the run that failed"
    assert agent.until(lambda: (event(agent, "failing", "Error") or {}).get("message"), "why it failed", 30)

    def healed(manifest: Object) -> None:
        arguments(manifest, "--rate", "100")

    agent.repository.commit("It is healed", {"apps/failing.yaml": agent.job_file("failing", healed)})
    agent.until(lambda: generation_is_observed(agent, "failing"), "the new spec observed")
    last = agent.running("failing", other_than=again.id)
    state = agent.state("failing")
    assert state.restored >= 100 and state.gaps == 0, (state, last)
    agent.repository.commit("It goes", {"apps/failing.yaml": None})


@pytest.mark.full
def test_finished_job_is_left_in_peace_until_a_rerun_is_asked_for(agent: Team) -> None:
    def bounded(manifest: Object) -> None:
        arguments(manifest, "--rate", "4000", "--bounded", "16000")

    file = "apps/bounded.yaml"
    agent.repository.commit("It ends", {file: agent.job_file("bounded", bounded)})
    agent.until(lambda: job_state(agent, "bounded") == "FINISHED", "the job FINISHED")
    first = dig(agent.deployment("bounded"), "status", "jobStatus", "jobId")
    wider = edited(agent, file, lambda spec: spec["job"].update(parallelism=2))
    agent.ready(agent.repository.commit("Wider", {file: wider}))
    assert event(agent, "bounded", "FinishedJobKept")
    status = dig(agent.deployment("bounded"), "status")
    assert (status["jobStatus"]["jobId"], status["jobStatus"]["state"]) == (first, "FINISHED")

    agent.repository.commit("Again", {file: edited(agent, file, lambda spec: spec.update(restartNonce=1))})
    agent.until(lambda: finished_again(agent, str(first)), "the job FINISHED once more")
    vertices = agent.flink("bounded").job()
    assert vertices is not None and vertices.parallelism == 2, "with everything that was changed meanwhile"


def arguments(manifest: Object, *texts: str) -> None:
    manifest["spec"]["job"]["args"] = list(texts)


def configure(manifest: Object, conf: dict[str, str]) -> None:
    manifest["spec"]["flinkConfiguration"] |= conf


def edited(team: Team, file: str, change: Callable[[Object], None]) -> str:
    """The file as it is, with a changed spec."""
    manifest: Object = yaml.safe_load((team.repository.tree / file).read_text())
    change(manifest["spec"])
    return yaml.safe_dump(manifest, sort_keys=False)


def event(team: Team, job: str, reason: str) -> Object | None:
    """An event about a job's resource."""
    about = {"kind": "FlinkDeployment", "name": job}
    found = (each for each in team.events() if about.items() <= each["involvedObject"].items())
    return next((each for each in found if each["reason"] == reason), None)


def job_state(team: Team, job: str) -> str:
    return str(dig(team.deployment(job), "status", "jobStatus", "state"))


def generation_is_observed(team: Team, job: str) -> bool:
    resource = team.deployment(job) or {}
    return bool(dig(resource, "metadata", "generation") == dig(resource, "status", "observedGeneration"))


def finished_again(team: Team, first: str) -> bool:
    status = dig(team.deployment("bounded"), "status", "jobStatus", default={})
    return bool(status.get("jobId") != first and status.get("state") == "FINISHED")
