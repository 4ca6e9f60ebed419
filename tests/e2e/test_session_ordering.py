"""A session cluster and its jobs changed in one commit, in every order, with kills: no savepoint lost (F03, F18).

The cluster has no high availability, so what runs on it when it is replaced is gone: its jobs must have stopped with
their state before, and go on from it afterwards, whichever of them changed too and whenever the agent dies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sessions
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

CLUSTER, JOB, OTHER = "apps/cluster.yaml", "apps/first.yaml", "apps/second.yaml"


@pytest.fixture
def new_team(make_team: Callable[..., Team]) -> Iterator[Callable[[str], Team]]:
    """Makes the test's team; its cluster ends with the test."""
    made: list[Team] = []

    def make(suffix: str) -> Team:
        made.append(make_team(suffix))
        return made[-1]

    yield make
    for team in made:
        sessions.take_away(team)


@contextmanager
def running(team: Team, version: str = "v1_20") -> Iterator[tuple[sessions.Seen, sessions.Seen]]:
    """A cluster with two jobs that an agent, gone again, brought to counting."""
    files = {
        "apps/access.yaml": team.access_file(),
        CLUSTER: sessions.cluster_file(team, version=version),
        JOB: sessions.job_file(team, "first"),
        OTHER: sessions.job_file(team, "second"),
    }
    team.repository.commit("A session cluster with two jobs", files)
    with team.agent(**sessions.settings(team)):
        yield sessions.counting(team, "first"), sessions.counting(team, "second")


def restarted(manifest: Object) -> None:
    """A change that replaces the cluster."""
    manifest["spec"]["restartNonce"] = 1


def changed(team: Team, version: str) -> dict[str, str | None]:
    """Cluster and first job changed at once."""
    return {
        CLUSTER: sessions.cluster_file(team, restarted, version),
        JOB: sessions.job_file(team, "first", parallelism=2),
    }


def uid(team: Team) -> str:
    """Which JobManager Deployment stands."""
    found = team.client.send(requests.listing(requests.DEPLOYMENTS, team.jobs, labels="app=cluster"))["items"]
    return str(found[0]["metadata"]["uid"]) if found else ""


def all_went_on(team: Team, before: tuple[sessions.Seen, sessions.Seen]) -> None:
    """Both jobs count on, as other runs than before, from all that they had."""
    first, second = before
    sessions.went_on(first, sessions.counting(team, "first", parallelism=2, other_than=first.run.id))
    sessions.went_on(second, sessions.counting(team, "second", other_than=second.run.id))


@pytest.mark.full
@pytest.mark.parametrize("version", ["v1_20", "v2_3"])
def test_cluster_and_job_change_in_one_commit(new_team: Callable[[str], Team], version: str) -> None:
    team = new_team(f"-{version[1:]}")
    with running(team, version) as before:
        old = uid(team)
        sha = team.repository.commit("A new cluster, and two at a time", changed(team, version))
        all_went_on(team, before)
        team.ready(sha)
        assert uid(team) not in ("", old)
        savepoints = {sessions.status(team, name, "jobStatus", "upgradeSavepointPath") for name in ("first", "second")}
        assert len(savepoints) == 2 and None not in savepoints


@pytest.mark.full
@pytest.mark.parametrize(
    "place",
    [
        "trigger-recorded",
        "savepoint-triggered",
        "savepoint-recorded",
        "savepoint-recorded:2",
        "deploy-recorded",
        "deployment-deleted",
        "deployment-created",
        "submit-recorded",
        "submit-recorded:2",
        "jar-uploaded",
        "job-submitted",
    ],
)
def test_killed_while_cluster_and_jobs_change(new_team: Callable[[str], Team], place: str) -> None:
    """kill -9 after each record and after each side effect."""
    team = new_team("-" + place.replace(":", "-"))
    with running(team) as before:
        pass
    team.repository.commit("A new cluster, and two at a time", changed(team, "v1_20"))
    with team.agent(**sessions.settings(team), GITSYNC_FAILPOINT=place) as agent:
        team.until(lambda: agent.was_killed() or None, f"killed at {place}")
    with team.agent(**sessions.settings(team)):
        all_went_on(team, before)


@pytest.mark.full
@pytest.mark.parametrize("first", [CLUSTER, JOB], ids=["cluster first", "job first"])
def test_the_second_change_comes_while_the_first_is_carried_out(new_team: Callable[[str], Team], first: str) -> None:
    """Two commits, the later one at the moment when the record of the first was written."""
    team = new_team("-" + first.removeprefix("apps/").removesuffix(".yaml"))
    with running(team) as before:
        pass
    files = changed(team, "v1_20")
    team.repository.commit("One of them", {first: files[first]})
    with team.agent(**sessions.settings(team), GITSYNC_FAILPOINT="trigger-recorded") as agent:
        team.until(lambda: agent.was_killed() or None, "killed in the middle of the first change")
    team.repository.commit("Both of them", files)
    with team.agent(**sessions.settings(team)):
        all_went_on(team, before)


@pytest.mark.full
def test_a_savepoint_that_fails_holds_the_cluster_until_a_person_decides(new_team: Callable[[str], Team]) -> None:
    team = new_team("-blocked")
    with running(team) as before:
        savepoints = team.folder / "flink-data" / "savepoints"
        for kept in savepoints.glob("*"):
            assert not kept.exists(), "nothing was saved yet"
        savepoints.parent.mkdir(exist_ok=True)
        if savepoints.exists():
            savepoints.rmdir()
        savepoints.write_text("in the way")
        old = uid(team)
        team.repository.commit("A new cluster", {CLUSTER: sessions.cluster_file(team, restarted)})
        team.until(lambda: _condition(team, "Ready") == "WaitingForSessionJobs" or None, "the cluster waiting", 60)
        team.until(lambda: "SavepointError" in str(sessions.status(team, "first", "conditions")) or None, "told", 60)
        assert uid(team) == old and len(sessions.running_ids(team)) == 2
        savepoints.unlink()
        for name, seen in zip(("first", "second"), before, strict=True):
            sessions.went_on(seen, sessions.counting(team, name, other_than=seen.run.id))


def _condition(team: Team, kind: str) -> str:
    conditions = dig(team.deployment(sessions.CLUSTER), "status", "conditions", default=[])
    return next((str(each["reason"]) for each in conditions if each["type"] == kind), "")
