"""Snapshots in every form: Flink 2.x, the legacy status, session jobs, failures, kills at each step (F04, F07, F08)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sessions
import takensnapshots
import yaml
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

pytestmark = pytest.mark.full
FILE = "apps/ticks.yaml"
OPERATOR = "kubernetes.operator."


@pytest.fixture(scope="module", params=["v1_20", "v2_3"])
def running(request: pytest.FixtureRequest, make_team: Callable[[str], Team]) -> Iterator[Team]:
    """An agent and a job that runs."""
    version = str(request.param)
    team = make_team(f"-{version}")
    files = {"apps/access.yaml": team.access_file(), FILE: team.job_file("ticks", version=version)}
    team.repository.commit("Run", files)
    with team.agent():
        team.running()
        yield team


def edit(team: Team, subject: str, *, job: Object | None = None, configuration: Object | None = None) -> str:
    """Commit changed fields."""

    def change(text: str) -> str:
        manifest: Object = yaml.safe_load(text)
        manifest["spec"]["job"] |= job or {}
        manifest["spec"]["flinkConfiguration"] |= configuration or {}
        return yaml.safe_dump(manifest, sort_keys=False)

    return team.repository.edit(subject, FILE, change)


def savepoints(team: Team) -> set[str]:
    """The savepoint directories there are."""
    return {each.name for each in (team.folder / "flink-data/savepoints").glob("savepoint-*")}


def info(team: Team, kind: str = "savepoint") -> Object:
    """What the status says of snapshots."""
    found: Object = dig(team.deployment(), "status", "jobStatus", f"{kind}Info", default={})
    return found


def test_resources_in_both_formats_and_their_disposal(running: Team) -> None:
    for name, format_type in (("native", "NATIVE"), ("canonical", "CANONICAL")):
        takensnapshots.make(running, name, savepoint={"formatType": format_type})
        files = takensnapshots.folder(running, takensnapshots.reaches(running, name, "COMPLETED")["status"]["path"])
        assert (files / "_metadata").is_file()
        takensnapshots.delete(running, name)
        assert not files.exists()
    takensnapshots.make(running, "kept", savepoint={"disposeOnDelete": False})
    files = takensnapshots.folder(running, takensnapshots.reaches(running, "kept", "COMPLETED")["status"]["path"])
    takensnapshots.delete(running, "kept")
    assert files.exists()
    path = f"file:/flink-data/savepoints/{files.name}"
    takensnapshots.make(running, "found", savepoint={"alreadyExists": True, "path": path, "disposeOnDelete": True})
    takensnapshots.reaches(running, "found", "COMPLETED")
    takensnapshots.delete(running, "found")
    assert not files.exists()
    takensnapshots.make(running, "checkpoint", checkpoint={})
    assert "/chk-" in takensnapshots.reaches(running, "checkpoint", "COMPLETED")["status"]["path"]
    takensnapshots.delete(running, "checkpoint")


def test_what_fails_is_told_backs_off_and_leaves_the_job_alone(running: Team) -> None:
    job = running.running()
    takensnapshots.make(running, "nowhere", savepoint={"path": "file:///proc/nowhere"}, backoffLimit=1)
    failed = running.until(
        lambda: it if (it := takensnapshots.read(running, "nowhere")) and dig(it, "status", "failures") == 2 else None,
        "2 failures",
        90,
    )
    assert failed["status"]["state"] == "FAILED" and failed["status"]["error"]
    assert "SavepointError" in {event["reason"] for event in running.events()}
    takensnapshots.delete(running, "nowhere")
    assert running.running().id == job.id


def test_the_legacy_form_keeps_everything_in_the_status(running: Team) -> None:
    team = running
    legacy = {
        f"{OPERATOR}snapshot.resource.enabled": "false",
        f"{OPERATOR}savepoint.history.max.count": "2",
    }
    known = {item["metadata"]["name"] for item in _all(team)}
    paths: list[str] = []
    for nonce in (11, 12, 13):
        edit(team, f"Savepoint {nonce}", job={"savepointTriggerNonce": nonce}, configuration=legacy)
        last = team.until(
            lambda nonce=nonce: (
                it if (it := info(team).get("lastSavepoint") or {}).get("triggerNonce") == nonce else None
            ),
            f"savepoint {nonce}",
            60,
        )
        paths.append(last["location"])
        assert last["triggerType"] == "MANUAL" and "triggerId" not in info(team)
    team.until(lambda: len(info(team)["savepointHistory"]) == 2 or None, "two in the history", 60)
    assert [each["location"] for each in info(team)["savepointHistory"]] == paths[1:]
    team.until(lambda: not takensnapshots.folder(team, paths[0]).exists() or None, "the oldest disposed of", 60)
    edit(team, "Checkpoint", job={"checkpointTriggerNonce": 21})
    team.until(
        lambda: (info(team, "checkpoint").get("lastCheckpoint") or {}).get("triggerNonce") == 21 or None,
        "checkpoint",
        60,
    )
    assert {item["metadata"]["name"] for item in _all(team)} == known, "no resource was made"
    edit(team, "Resources again", configuration={f"{OPERATOR}snapshot.resource.enabled": "true"})


def _all(team: Team) -> list[Object]:
    found: list[Object] = team.client.send(requests.listing(requests.FLINK_STATE_SNAPSHOTS, team.jobs))["items"]
    return found


@pytest.fixture(scope="module")
def quiet(make_team: Callable[[str], Team]) -> Team:
    """A running job without an agent."""
    team = make_team("-killed")
    team.repository.commit("Run", {"apps/access.yaml": team.access_file(), FILE: team.job_file("ticks")})
    with team.agent():
        team.running()
    return team


@pytest.mark.parametrize("form", ["true", "false"])
@pytest.mark.parametrize("failpoint", ["snapshot-recorded", "snapshot-created", "snapshot-triggered"])
def test_a_nonce_takes_one_savepoint_whenever_the_agent_is_killed(quiet: Team, failpoint: str, form: str) -> None:
    if failpoint == "snapshot-created" and form == "false":
        pytest.skip("no resource is made")
    job, before, made = quiet.running(), savepoints(quiet), len(_all(quiet))
    nonce = abs(hash((failpoint, form))) % 10_000 + 1
    with quiet.agent(GITSYNC_FAILPOINT=failpoint) as doomed:
        edit(
            quiet,
            f"Killed at {failpoint}",
            job={"savepointTriggerNonce": nonce},
            configuration={f"{OPERATOR}snapshot.resource.enabled": form},
        )
        quiet.until(doomed.was_killed, f"the failpoint {failpoint}")
    with quiet.agent():
        quiet.until(
            lambda: (info(quiet).get("lastSavepoint") or {}).get("triggerNonce") == nonce or None, "the savepoint", 90
        )
        assert len(savepoints(quiet) - before) == 1
        assert len(_all(quiet)) == made + (form == "true")
        assert quiet.running().id == job.id and quiet.state().gaps == 0


@pytest.fixture(scope="module")
def session(make_team: Callable[[str], Team]) -> Iterator[Team]:
    """A session job that runs."""
    team = make_team("-session")
    files = {
        "apps/access.yaml": team.access_file(),
        "apps/cluster.yaml": sessions.cluster_file(team),
        "apps/first.yaml": sessions.job_file(team, "first"),
    }
    team.repository.commit("A session job", files)
    with team.agent(**sessions.settings(team)):
        sessions.counting(team, "first")
        yield team


def _of_session(team: Team, trigger: str) -> list[Object]:
    labels = f"snapshot.trigger-type={trigger},snapshot.state=COMPLETED,job-reference.kind=FlinkSessionJob"
    found: list[Object] = team.client.send(requests.listing(requests.FLINK_STATE_SNAPSHOTS, team.jobs, labels=labels))[
        "items"
    ]
    return found


def test_session_jobs_take_snapshots_by_nonce_and_schedule_and_leave_their_upgrades(session: Team) -> None:
    team = session
    file = "apps/first.yaml"
    run = sessions.counting(team, "first").run
    team.repository.commit("Savepoint", {file: sessions.job_file(team, "first", savepointTriggerNonce=3)})
    (manual,) = team.until(lambda: _of_session(team, "MANUAL") or None, "a manual savepoint", 60)
    assert manual["metadata"]["name"].startswith("first-savepoint-manual-")
    assert (takensnapshots.folder(team, manual["status"]["path"]) / "_metadata").is_file()

    def every_two_seconds(manifest: Object) -> None:
        manifest["spec"]["flinkConfiguration"] = {f"{OPERATOR}periodic.savepoint.interval": "2s"}

    scheduled = sessions.job_file(team, "first", every_two_seconds, savepointTriggerNonce=3)
    team.repository.commit("On schedule", {file: scheduled})
    team.until(lambda: len(_of_session(team, "PERIODIC")) >= 2 or None, "two periodic savepoints", 60)
    assert sessions.counting(team, "first").run.id == run.id
    before = sessions.counting(team, "first")
    upgraded = sessions.job_file(team, "first", parallelism=2, savepointTriggerNonce=3)
    team.repository.commit("Two at a time", {file: upgraded})
    sessions.went_on(before, sessions.counting(team, "first", parallelism=2, other_than=run.id))
    (left,) = team.until(lambda: _of_session(team, "UPGRADE") or None, "the upgrade's savepoint", 60)
    assert left["status"]["path"] == sessions.status(team, "first", "jobStatus", "upgradeSavepointPath")
