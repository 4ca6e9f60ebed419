"""Two jobs on one session cluster: submitted, upgraded, suspended, resumed and deleted with their state (F03)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sessions
from teams import Team

from operator_core.jsonvalues import dig
from operator_core.kube import requests

FIRST, SECOND = "apps/first.yaml", "apps/second.yaml"


@pytest.fixture(scope="module")
def started(team: Team) -> Iterator[Team]:
    """An agent, and a session cluster with two jobs that one commit made."""
    files = {
        "apps/access.yaml": team.access_file(),
        "apps/cluster.yaml": sessions.cluster_file(team),
        FIRST: sessions.job_file(team, "first"),
        SECOND: sessions.job_file(team, "second"),
    }
    sha = team.repository.commit("A session cluster with two jobs", files)
    with team.agent(**sessions.settings(team)):
        sessions.counting(team, "first")
        sessions.counting(team, "second")
        team.ready(sha)
        yield team


def test_both_jobs_run_on_the_one_cluster_and_no_jar_stays(started: Team) -> None:
    team = started
    for name in ("first", "second"):
        sessions.reaches(team, name, "STABLE")
        assert sessions.status(team, name, "jobStatus", "state") == "RUNNING"
    assert len(sessions.running_ids(team)) == 2
    assert team.flink(sessions.CLUSTER).get("/jars")["files"] == []
    assert "second" in team.status()


def test_upgrade_goes_on_from_a_savepoint_and_leaves_the_other_job_alone(started: Team) -> None:
    team = started
    first, second = sessions.counting(team, "first"), sessions.counting(team, "second")
    sha = team.repository.commit("Two at a time", {FIRST: sessions.job_file(team, "first", parallelism=2)})
    after = sessions.counting(team, "first", parallelism=2, other_than=first.run.id)
    sessions.went_on(first, after)
    restored = team.flink(sessions.CLUSTER).restored(after.run)
    assert restored is not None and restored.is_savepoint
    assert restored.path == sessions.status(team, "first", "jobStatus", "upgradeSavepointPath")
    team.ready(sha)
    assert sessions.counting(team, "second").run.id == second.run.id


def test_suspended_job_ends_and_resumes_with_its_state(started: Team) -> None:
    team = started
    before = sessions.counting(team, "first", parallelism=2)
    team.repository.commit("Pause", {FIRST: sessions.job_file(team, "first", parallelism=2, state="suspended")})
    sessions.reaches(team, "first", "SUSPENDED")
    assert before.run.id not in sessions.running_ids(team)
    team.repository.commit("Go on", {FIRST: sessions.job_file(team, "first", parallelism=2)})
    sessions.went_on(before, sessions.counting(team, "first", parallelism=2, other_than=before.run.id))


def test_deleted_job_ends_and_its_savepoint_is_kept_where_asked(started: Team) -> None:
    team = started
    second = sessions.counting(team, "second")
    patch = {"metadata": {"annotations": {"gitsync.io/on-delete": "savepoint"}}}
    team.client.send(requests.merge_patch(requests.FLINK_SESSION_JOBS, team.jobs, "second", patch))
    # Kept, because nothing that has state is pruned unasked; but from now on nobody makes it again.
    sha = team.repository.commit("Without the second job", {SECOND: None})
    team.until(lambda: dig(team.app(), "status", "attemptedRevision") == sha or None, "the commit seen", 60)
    team.client.send(requests.delete(requests.FLINK_SESSION_JOBS, team.jobs, "second"))
    team.until(lambda: sessions.resource(team, "second") is None or None, "second gone", sessions.PATIENCE)
    assert second.run.id not in sessions.running_ids(team)
    kept = team.client.send(requests.listing(requests.FLINK_STATE_SNAPSHOTS, team.jobs))["items"]
    assert [
        dig(one, "spec", "jobReference", "kind") for one in kept if dig(one, "spec", "jobReference", "name") == "second"
    ]
