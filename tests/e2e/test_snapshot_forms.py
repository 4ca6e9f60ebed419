"""Snapshots in every form: Flink 2.x, the legacy status, session jobs, failures, kills at each step (F04, F07, F08)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sessions
import yaml
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests

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


def make(team: Team, name: str, **spec: object) -> None:
    """Create a snapshot of the job."""
    body: Object = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkStateSnapshot",
        "metadata": {"name": name},
        "spec": {"jobReference": {"kind": "FlinkDeployment", "name": "ticks"}, **spec},
    }
    team.client.send(requests.create(requests.FLINK_STATE_SNAPSHOTS, team.jobs, body))


def read(team: Team, name: str) -> Object | None:
    """A snapshot."""
    try:
        return team.client.send(requests.get(requests.FLINK_STATE_SNAPSHOTS, team.jobs, name))
    except errors.NotFound:
        return None


def reaches(team: Team, name: str, state: str) -> Object:
    """Wait for a snapshot's state."""
    return team.until(
        lambda: found if (found := read(team, name)) and dig(found, "status", "state") == state else None,
        f"{name} {state}",
        90,
    )


def delete(team: Team, name: str) -> None:
    """Delete a snapshot and wait for its end."""
    team.client.send(requests.delete(requests.FLINK_STATE_SNAPSHOTS, team.jobs, name))
    team.until(lambda: read(team, name) is None or None, f"{name} gone", 90)


def folder(team: Team, path: str) -> Path:
    """A path of the job's volume as this test sees it."""
    return team.folder / "flink-data" / path.split("/flink-data/", 1)[1]


def savepoints(team: Team) -> set[str]:
    """The savepoint directories there are."""
    return {each.name for each in (team.folder / "flink-data/savepoints").glob("savepoint-*")}


def info(team: Team, kind: str = "savepoint") -> Object:
    """What the status says of snapshots."""
    found: Object = dig(team.deployment(), "status", "jobStatus", f"{kind}Info", default={})
    return found


def test_resources_in_both_formats_and_their_disposal(running: Team) -> None:
    for name, format_type in (("native", "NATIVE"), ("canonical", "CANONICAL")):
        make(running, name, savepoint={"formatType": format_type})
        files = folder(running, reaches(running, name, "COMPLETED")["status"]["path"])
        assert (files / "_metadata").is_file()
        delete(running, name)
        assert not files.exists()
    make(running, "kept", savepoint={"disposeOnDelete": False})
    files = folder(running, reaches(running, "kept", "COMPLETED")["status"]["path"])
    delete(running, "kept")
    assert files.exists()
    make(running, "checkpoint", checkpoint={})
    assert "/chk-" in reaches(running, "checkpoint", "COMPLETED")["status"]["path"]
    delete(running, "checkpoint")


def test_what_fails_is_told_backs_off_and_leaves_the_job_alone(running: Team) -> None:
    job = running.running()
    make(running, "nowhere", savepoint={"path": "file:///proc/nowhere"}, backoffLimit=1)
    failed = running.until(
        lambda: it if (it := read(running, "nowhere")) and dig(it, "status", "failures") == 2 else None,
        "2 failures",
        90,
    )
    assert failed["status"]["state"] == "FAILED" and failed["status"]["error"]
    assert "SavepointError" in {event["reason"] for event in running.events()}
    delete(running, "nowhere")
    assert running.running().id == job.id


@contextmanager
def damaged(metadata: Path) -> Iterator[None]:
    """What a savepoint is made of cannot be read, so that Flink cannot delete it, for as long as the block lasts."""
    content = metadata.read_bytes()
    metadata.write_bytes(b"damaged" + content)
    try:
        yield
    finally:
        metadata.write_bytes(content)


def held(team: Team, name: str) -> Object:
    """Delete a snapshot, and wait until its disposal failed; it stays."""
    team.client.send(requests.delete(requests.FLINK_STATE_SNAPSHOTS, team.jobs, name))
    kept = team.until(
        lambda: (
            it if (it := read(team, name)) and "could not delete" in dig(it, "status", "error", default="") else None
        ),
        f"{name} held",
        90,
    )
    about = {"kind": "FlinkStateSnapshot", "name": name}
    told = (each for each in team.events() if about.items() <= each["involvedObject"].items())
    assert "CleanupFailed" in {each["reason"] for each in told}
    return kept


def test_a_disposal_that_fails_for_ever_is_held_until_its_files_are_given_up(running: Team) -> None:
    make(running, "damaged", savepoint={})
    files = folder(running, reaches(running, "damaged", "COMPLETED")["status"]["path"])
    with damaged(files / "_metadata"):
        kept = held(running, "damaged")
        assert "disposeOnDelete: false" in kept["status"]["error"]
        assert kept["metadata"]["finalizers"] and (files / "_metadata").is_file()
        without_files: Object = {"spec": {"savepoint": {"disposeOnDelete": False}}}
        running.client.send(
            requests.merge_patch(requests.FLINK_STATE_SNAPSHOTS, running.jobs, "damaged", without_files)
        )
        running.until(lambda: read(running, "damaged") is None or None, "damaged gone", 90)
        assert (files / "_metadata").is_file(), "its files are left to a person"


def test_a_disposal_that_failed_goes_on_once_what_was_wrong_is_mended(running: Team) -> None:
    make(running, "mended", savepoint={})
    files = folder(running, reaches(running, "mended", "COMPLETED")["status"]["path"])
    with damaged(files / "_metadata"):
        held(running, "mended")
    running.until(lambda: read(running, "mended") is None or None, "mended gone", 180)
    assert not files.exists()


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
    team.until(lambda: not folder(team, paths[0]).exists() or None, "the oldest disposed of", 60)
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
    assert (folder(team, manual["status"]["path"]) / "_metadata").is_file()

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
