"""Session jobs that fail or finish: told with their exceptions, submitted again with their state, or left in peace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sessions
from teams import Team

from gitsync.sandbox.demo import flinkjobs
from operator_core.jsonvalues import Object

FAILING, BOUNDED = "apps/failing.yaml", "apps/bounded.yaml"
RUN_AGAIN = {"restart-strategy.type": "none", "kubernetes.operator.job.restart.failed": "true"}


@pytest.fixture(scope="module")
def agent(team: Team) -> Iterator[Team]:
    """An agent and a session cluster."""
    files = {"apps/access.yaml": team.access_file(), "apps/cluster.yaml": sessions.cluster_file(team)}
    team.repository.commit("A session cluster", files)
    with team.agent(**sessions.settings(team)):
        yield team


@pytest.mark.full
def test_failed_session_job_is_told_with_its_exception_and_submitted_again_with_its_state(agent: Team) -> None:
    def again(manifest: Object) -> None:
        manifest["spec"]["flinkConfiguration"] = RUN_AGAIN

    job = sessions.job_file(agent, "failing", again, args=["--rate", "100", "--fail-after", "600"])
    agent.repository.commit("It fails", {FAILING: job})
    first = sessions.counting(agent, "failing")
    told = agent.until(lambda: event(agent, "failing", "JobException"), "the exception as an event", 120)
    assert "NoRestartBackoffTimeStrategy" in told["message"] and "more lines)" in told["message"]
    assert agent.until(lambda: event(agent, "failing", "RestartFailedJob"), "the restart as an event", 120)
    second = agent.until(lambda: run_other_than(agent, "failing", first.run.id), "another run", 120)
    restored = agent.flink(sessions.CLUSTER).restored(second)
    assert restored is not None and first.run.id in restored.path, "it goes on from the run that failed"
    healed = sessions.job_file(agent, "failing", again, args=["--rate", "100"])
    agent.repository.commit("It is healed", {FAILING: healed})
    last = agent.until(lambda: healed_run(agent, second.id), "the healed run counting", 180)
    assert last.state.restored >= 100 and last.state.gaps == 0, last.state
    agent.repository.commit("It goes", {FAILING: None})


@pytest.mark.full
def test_finished_session_job_is_left_in_peace_until_a_rerun_is_asked_for(agent: Team) -> None:
    arguments = ["--rate", "4000", "--bounded", "16000"]
    agent.repository.commit("It ends", {BOUNDED: sessions.job_file(agent, "bounded", args=arguments)})
    first = finished(agent, "")
    wider = sessions.job_file(agent, "bounded", args=arguments, parallelism=2)
    agent.ready(agent.repository.commit("Wider", {BOUNDED: wider}))
    assert agent.until(lambda: event(agent, "bounded", "FinishedJobKept"), "the kept job told", 60)
    assert sessions.status(agent, "bounded", "jobStatus", "jobId") == first

    def rerun(manifest: Object) -> None:
        manifest["spec"]["restartNonce"] = 1

    file = sessions.job_file(agent, "bounded", rerun, args=arguments, parallelism=2)
    agent.repository.commit("Again", {BOUNDED: file})
    assert finished(agent, first) != first


def finished(team: Team, before: str) -> str:
    """Wait until the job has FINISHED as another run than `before`; its id."""

    def done() -> str | None:
        state = sessions.status(team, "bounded", "jobStatus", "state")
        job_id = str(sessions.status(team, "bounded", "jobStatus", "jobId") or "")
        settled = sessions.status(team, "bounded", "reconciliationStatus", "state") == "DEPLOYED"
        return job_id if state == "FINISHED" and settled and job_id not in ("", before) else None

    return team.until(done, "the bounded job FINISHED", 180)


def run_other_than(team: Team, name: str, job_id: str) -> flinkjobs.Job | None:
    """The run that the status names, once it is another one that Flink lists."""
    now = str(sessions.status(team, name, "jobStatus", "jobId") or "")
    flink = team.flink(sessions.CLUSTER)
    return flink.job_of(now) if now not in ("", job_id) and now in flink.job_ids() else None


def healed_run(team: Team, job_id: str) -> sessions.Seen | None:
    """The run of the healed spec with its state."""
    one = sessions.seen(team, "failing")
    observed = sessions.status(team, "failing", "observedGeneration") == 2
    counts = one is not None and observed and one.run.id != job_id and one.state.total > one.state.restored
    return one if counts else None


def event(team: Team, name: str, reason: str) -> Object | None:
    """An event of that reason about a session job."""
    about = {"kind": "FlinkSessionJob", "name": name}
    found = (each for each in team.events() if about.items() <= each["involvedObject"].items())
    return next((each for each in found if each["reason"] == reason), None)
