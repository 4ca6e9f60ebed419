"""Snapshots of a running job: by nonce, by request, as a resource, on a schedule; disposal (F04, F07, F08)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

FILE = "apps/ticks.yaml"
PERIODIC = "kubernetes.operator.periodic.savepoint.interval"
KEPT = "kubernetes.operator.savepoint.history.max.count"


@pytest.fixture(scope="module")
def running(team: Team) -> Iterator[Team]:
    """An agent and a job that runs."""
    team.repository.commit("Run", {"apps/access.yaml": team.access_file(), FILE: team.job_file("ticks")})
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


def snapshots(team: Team, **labels: str) -> list[Object]:
    """The snapshots with these labels (dots for underscores), by name."""
    selector = ",".join(f"snapshot.{key.replace('_', '-')}={value}" for key, value in labels.items())
    items: list[Object] = team.client.send(
        requests.listing(requests.FLINK_STATE_SNAPSHOTS, team.jobs, labels=selector)
    )["items"]
    return sorted(items, key=lambda item: str(item["metadata"]["name"]))


def completed(team: Team, count: int = 1, **labels: str) -> list[Object]:
    """Wait for that many completed ones."""
    return team.until(
        lambda: found if len(found := snapshots(team, state="COMPLETED", **labels)) >= count else None,
        f"{count} snapshots {labels}",
        60,
    )


def stamp_of(snapshot: Object) -> int:
    """The time in a snapshot's name, in epoch milliseconds."""
    return int(str(snapshot["metadata"]["name"]).rpartition("-")[2])


def folder(team: Team, path: str) -> Path:
    """A path of the job's volume as this test sees it."""
    return team.folder / "flink-data" / path.split("/flink-data/", 1)[1]


def test_a_nonce_takes_a_savepoint_and_the_job_goes_on(running: Team) -> None:
    team = running
    job = team.running()
    sha = edit(team, "Savepoint now", job={"savepointTriggerNonce": 1})
    (taken,) = completed(team, type="SAVEPOINT", trigger_type="MANUAL")
    assert taken["metadata"]["name"].startswith("ticks-savepoint-manual-")
    assert taken["metadata"]["labels"]["job-reference.name"] == "ticks"
    assert (folder(team, taken["status"]["path"]) / "_metadata").is_file()
    status = dig(team.deployment(), "status")
    assert '"savepointTriggerNonce":1' in status["reconciliationStatus"]["lastReconciledSpec"]
    assert "triggerId" not in status["jobStatus"]["savepointInfo"]
    again = team.running()
    assert again.id == job.id and len(snapshots(team)) == 1
    noted = team.until(lambda: [each for each in team.notes(sha) if each.jobs[0].savepoint] or None, "a note", 60)
    assert noted[-1].jobs[0].savepoint == taken["status"]["path"] and noted[-1].jobs[0].effect == "none"


def test_a_checkpoint_by_nonce_has_its_path_although_the_job_checkpoints_every_second(running: Team) -> None:
    edit(running, "Checkpoint now", job={"checkpointTriggerNonce": 7})
    (taken,) = completed(running, type="CHECKPOINT")
    assert taken["status"]["path"].rpartition("/")[2].startswith("chk-")


def test_a_request_takes_a_savepoint_and_is_answered(running: Team) -> None:
    team = running
    known = {item["metadata"]["name"] for item in snapshots(team)}
    patch = {"metadata": {"annotations": {"gitsync.io/snapshot-requested": "before-the-holiday"}}}
    team.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, team.jobs, "ticks", patch))
    found = completed(team, 2, type="SAVEPOINT", trigger_type="MANUAL")
    assert len([item for item in found if item["metadata"]["name"] not in known]) == 1
    told = {each["type"]: each["message"] for each in dig(team.deployment(), "status", "conditions")}
    assert told["RequestsHandled"].split()[-1] == "before-the-holiday"


def test_a_resource_takes_a_savepoint_and_its_deletion_disposes_of_it(running: Team) -> None:
    team = running
    body = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkStateSnapshot",
        "metadata": {"name": "by-hand"},
        "spec": {"jobReference": {"kind": "FlinkDeployment", "name": "ticks"}, "savepoint": {"formatType": "NATIVE"}},
    }
    team.client.send(requests.create(requests.FLINK_STATE_SNAPSHOTS, team.jobs, body))

    def done() -> Object | None:
        made = team.client.send(requests.get(requests.FLINK_STATE_SNAPSHOTS, team.jobs, "by-hand"))
        return made if dig(made, "status", "state") == "COMPLETED" else None

    taken = team.until(done, "the savepoint by hand", 60)
    files = folder(team, taken["status"]["path"])
    assert (files / "_metadata").is_file()
    team.client.send(requests.delete(requests.FLINK_STATE_SNAPSHOTS, team.jobs, "by-hand"))
    team.until(lambda: not [s for s in snapshots(team) if s["metadata"]["name"] == "by-hand"] or None, "deleted", 60)
    assert not files.exists()


def test_a_nonce_raised_by_hand_is_no_drift_and_self_heal_does_not_repeat_it(running: Team) -> None:
    team = running
    known = len(snapshots(team, type="SAVEPOINT"))
    patch = {"spec": {"job": {"savepointTriggerNonce": 99}}}
    team.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, team.jobs, "ticks", patch))
    completed(team, known + 1, type="SAVEPOINT")
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}, "data": {"some": "text"}}
    team.ready(team.repository.commit("Something else", {"apps/other.yaml": yaml.safe_dump(other)}))
    assert dig(team.deployment(), "spec", "job", "savepointTriggerNonce") == 99
    assert len(snapshots(team, type="SAVEPOINT")) == known + 1


def test_a_schedule_takes_savepoints_and_what_is_over_goes_with_its_files(running: Team) -> None:
    team = running
    edit(team, "Every two seconds, keep three", configuration={PERIODIC: "2s", KEPT: "3"})
    first = completed(team, trigger_type="PERIODIC")[0]
    files = folder(team, first["status"]["path"])
    seen = {stamp_of(first)}

    def watched() -> set[int] | None:
        seen.update(stamp_of(item) for item in snapshots(team, trigger_type="PERIODIC"))
        return seen if len(seen) >= 6 else None

    team.until(watched, "six periodic savepoints", 60)
    edit(team, "No more", configuration={PERIODIC: "0 s"})
    team.until(lambda: not files.exists() or None, "the oldest disposed of", 60)
    team.until(lambda: len(snapshots(team, trigger_type="PERIODIC")) <= 3 or None, "three left", 60)
    assert len(snapshots(team, trigger_type="MANUAL")) == 5, "what somebody asked for stays"
    assert team.state().gaps == 0


def test_an_upgrade_leaves_its_savepoint_as_a_resource(running: Team) -> None:
    team = running
    old = team.running()
    edit(team, "Two at a time", job={"parallelism": 2})
    team.running(parallelism=2, other_than=old.id)
    (left,) = completed(team, trigger_type="UPGRADE")
    status = dig(team.deployment(), "status", "jobStatus")
    assert left["status"]["path"] == status["upgradeSavepointPath"]
    assert left["spec"]["savepoint"]["alreadyExists"] and not left["spec"]["savepoint"]["disposeOnDelete"]
    assert status["savepointInfo"]["savepointHistory"] == []

    def kept() -> bool:
        (upgrade,) = snapshots(team, trigger_type="UPGRADE")
        return bool(dig(upgrade, "metadata", "annotations", "gitsync.io/kept-by") == "ledger")

    team.until(lambda: kept() or None, "the ledger's mark", 60)
