"""The main path: a commit runs a job, and the next ones change it with its state (F01, F06, F07, F09, F23)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from teams import Team

from gitsync.model.records import Phase
from gitsync.sandbox.demo import flinkjobs
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

FILE = "apps/ticks.yaml"


@pytest.fixture(scope="module")
def started(team: Team) -> Iterator[tuple[Team, str]]:
    """An agent, and a job that a first commit brought to RUNNING."""
    sha = team.repository.commit(
        "Run the ticks job", {"apps/access.yaml": team.access_file(), FILE: team.job_file("ticks")}
    )
    with team.agent():
        team.running()
        yield team, sha


def edited(team: Team, subject: str, **job: object) -> str:
    """Commit changed fields of `spec.job`."""

    def change(text: str) -> str:
        manifest: Object = yaml.safe_load(text)
        manifest["spec"]["job"] |= job
        return yaml.safe_dump(manifest, sort_keys=False)

    return team.repository.edit(subject, FILE, change)


def lifecycle(team: Team) -> str:
    return str(dig(team.deployment(), "status", "lifecycleState", default=""))


def test_first_commit_is_told_everywhere(started: tuple[Team, str]) -> None:
    team, sha = started
    app = team.ready(sha)
    assert dig(app, "status", "health", "status") == "Healthy"
    resource = team.until(lambda: team.deployment() if lifecycle(team) == "STABLE" else None, "STABLE", 60)
    assert resource["metadata"]["annotations"]["gitsync.io/revision"] == sha
    assert dig(resource, "status", "jobStatus", "state") == "RUNNING"
    assert "ticks" in team.status()
    noted = team.until(lambda: team.notes(sha) or None, "a note", 60)
    assert {record.phase for record in noted} <= {Phase.PENDING, Phase.APPLIED, Phase.RUNNING, Phase.STABLE}
    assert noted[-1].jobs[0].job_id == dig(resource, "status", "jobStatus", "jobId")


def test_parallelism_changes_with_a_savepoint_and_nothing_is_lost(started: tuple[Team, str]) -> None:
    team, _ = started
    old, before = team.running(), team.state()
    sha = edited(team, "Two at a time", parallelism=2)
    job = team.running(parallelism=2, other_than=old.id)
    after = team.state()
    assert before.total <= after.restored < after.total and after.gaps == 0
    restored = team.flink().restored(job)
    assert restored is not None and restored.is_savepoint
    team.ready(sha)
    assert {task.status for vertex in job.vertices for task in vertex.subtasks} == {flinkjobs.RUNNING}


def test_suspended_job_is_gone_and_resumes_with_its_state(started: tuple[Team, str]) -> None:
    team, _ = started
    before = team.state()
    edited(team, "Pause", state="suspended")
    team.until(lambda: lifecycle(team) == "SUSPENDED" or None, "SUSPENDED")
    pods = team.client.send(requests.listing(requests.PODS, team.jobs, labels="app=ticks"))["items"]
    assert not [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]], "no JobManager can run it again"
    edited(team, "Go on", state="running")
    team.running(parallelism=2)
    after = team.state()
    assert before.total <= after.restored and after.gaps == 0


def test_restart_nonce_restarts_with_state(started: tuple[Team, str]) -> None:
    team, _ = started
    old, before = team.running(parallelism=2), team.state()

    def change(text: str) -> str:
        manifest: Object = yaml.safe_load(text)
        manifest["spec"]["restartNonce"] = 7
        return yaml.safe_dump(manifest, sort_keys=False)

    team.repository.edit("Restart it", FILE, change)
    team.running(parallelism=2, other_than=old.id)
    after = team.state()
    assert before.total <= after.restored and after.gaps == 0


def test_stateless_upgrade_starts_from_nothing(started: tuple[Team, str]) -> None:
    team, _ = started
    old = team.running(parallelism=2)
    edited(team, "Forget", upgradeMode="stateless", parallelism=1)
    job = team.running(parallelism=1, other_than=old.id)
    assert team.state().restored == 0
    assert team.flink().restored(job) is None


def test_deleted_resource_releases_everything_and_self_heal_brings_it_back(started: tuple[Team, str]) -> None:
    team, _ = started
    uid = dig(team.deployment(), "metadata", "uid")
    team.client.send(requests.delete(requests.FLINK_DEPLOYMENTS, team.jobs, "ticks"))
    again = team.until(
        lambda: it if (it := team.deployment()) and it["metadata"]["uid"] != uid else None, "deleted and made again", 90
    )
    assert "deletionTimestamp" not in again["metadata"]
    team.running()
