"""What the demo says about an upgrade follows from timestamps and gauges alone."""

import pytest

from gitsync.sandbox import errors
from gitsync.sandbox.demo import flinkjobs, sightings, timelines, upgrades
from gitsync.sandbox.demo.flinkjobs import Job, Restored, State, Subtask, Vertex
from gitsync.sandbox.demo.sightings import Sighting
from operator_core.jsonvalues import Object

OLD, NEW = "file:///flink-data/savepoints/old", "file:///flink-data/savepoints/new"


def flink(at_ms: int, revision: str = "a", path: str = "", trigger: int = 0) -> Sighting:
    status = {"jobStatus": {"upgradeSavepointPath": path, "savepointInfo": {"triggerTimestamp": trigger}}}
    meta = {"name": "ticks", "annotations": {"gitsync.io/revision": revision}}
    return Sighting(at_ms, "MODIFIED", "FlinkDeployment", {"metadata": meta, "status": status})


def deployment(at_ms: int, event: str) -> Sighting:
    return Sighting(at_ms, event, "Deployment", {"metadata": {"name": "ticks"}})


def task(deploying: int, running: int) -> Subtask:
    return Subtask("RUNNING", {"DEPLOYING": deploying, "RUNNING": running})


def job(*tasks: Subtask) -> Job:
    return Job("j2", "RUNNING", {"INITIALIZING": 7_000, "RUNNING": 7_400}, (Vertex("v", "total", len(tasks), tasks),))


SEEN = (
    deployment(0, "ADDED"),
    flink(100, path=OLD),
    flink(1_250, "b", path=OLD),
    flink(1_400, "b", path=OLD, trigger=1_390),
    flink(1_700, "b", path=NEW),
    deployment(2_300, "DELETED"),
    deployment(2_500, "ADDED"),
    flink(9_000, "b", path=NEW),
)


def test_moments_of_an_upgrade_are_picked_out_of_what_was_seen() -> None:
    measured = upgrades.moments(SEEN, "ticks", job(task(9_000, 9_800), task(9_100, 10_000)), "b", 1_000)
    commit_to_applied, applied_to_running, upgrade = measured
    assert commit_to_applied == 0.25
    assert applied_to_running == 8.75
    assert upgrade.phases == {
        "savepoint": 0.31,
        "teardown": 0.8,
        "jobmanager_boot": 4.5,
        "taskmanager_boot": 2.0,
        "restore": 1.0,
    }
    assert upgrade.downtime_s == 8.61
    assert round(sum(upgrade.phases.values()), 3) == upgrade.downtime_s


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("apply", "its apply"),
        ("trigger", "the trigger of the savepoint"),
        ("location", "the savepoint's location"),
        ("deployment", "the new Deployment"),
    ],
)
def test_what_was_not_seen_is_named(missing: str, named: str) -> None:
    seen = {
        "apply": [*SEEN[:2], flink(1_400, "a", OLD, 1_390), flink(1_700, "a", NEW), SEEN[6]],
        "trigger": [each for each in SEEN if each.at_ms != 1_400],
        "location": [each for each in SEEN if each.at_ms not in (1_700, 9_000)],
        "deployment": [each for each in SEEN if each.at_ms != 2_500],
    }[missing]
    with pytest.raises(errors.SandboxError, match="cannot be measured") as raised:
        upgrades.moments(seen, "ticks", job(task(9_000, 9_800)), "b", 1_000)
    assert named in raised.value.message


def test_a_location_that_was_there_before_is_not_the_new_savepoint() -> None:
    assert sightings.stopped(SEEN[:4], "ticks", 1_000) is None
    assert sightings.stopped(SEEN, "ticks", 1_000) == (1_700, NEW)


def test_other_objects_of_the_namespace_do_not_count() -> None:
    other: Object = {"metadata": {"name": "other", "annotations": {"gitsync.io/revision": "b"}}}
    seen = (Sighting(1, "ADDED", "FlinkDeployment", other), Sighting(2, "ADDED", "Deployment", other))
    assert sightings.applied_ms(seen, "ticks", "b") is None
    assert sightings.created_ms(seen, "ticks", 0) is None


def test_no_boot_is_told_while_a_task_does_not_run() -> None:
    assert timelines.boot_of(job(task(9_000, 9_800), Subtask("DEPLOYING", {"DEPLOYING": 9_100}))) is None
    assert timelines.boot_of(job(Subtask("RUNNING", {"RUNNING": 9_800}))) is None
    assert timelines.boot_of(job(task(9_000, 9_800))) == timelines.Boot(7_000, 9_000, 9_800)


@pytest.mark.parametrize(
    ("before", "after", "restored", "complaint"),
    [
        (State(100, 0, 0), State(150, 120, 0), None, "not restored from a savepoint"),
        (State(100, 0, 0), State(150, 120, 0), Restored("chk-7", False), "not restored from a savepoint"),
        (State(100, 0, 0), State(50, 0, 0), Restored(NEW, True), "state was lost"),
        (State(100, 0, 0), State(150, 99, 0), Restored(NEW, True), "state was lost"),
        (State(100, 0, 0), State(150, 120, 3), Restored(NEW, True), "disagree on 3 ticks"),
    ],
)
def test_lost_state_is_an_error(before: State, after: State, restored: Restored | None, complaint: str) -> None:
    with pytest.raises(errors.SandboxError, match=complaint):
        upgrades.proof(before, after, restored)


def test_surviving_state_names_its_savepoint() -> None:
    assert upgrades.proof(State(100, 0, 0), State(150, 120, 0), Restored(NEW, True)) == NEW


def test_flink_answers_become_a_job() -> None:
    details = {
        "jid": "j1",
        "state": "RUNNING",
        "timestamps": {"INITIALIZING": 5, "RUNNING": 9, "FAILED": 0},
        "vertices": [{"id": "v1", "name": "total -> discard: Writer", "parallelism": 1}],
    }
    times = {"v1": {"subtasks": [{"subtask": 0, "timestamps": {"DEPLOYING": 6, "RUNNING": 8, "FAILED": -1}}]}}
    told = {"v1": {"subtasks": [{"subtask": 0, "status": "RUNNING"}]}}
    read = flinkjobs.job_from_json(details, times, told)
    assert read == Job(
        "j1",
        "RUNNING",
        {"INITIALIZING": 5, "RUNNING": 9},
        (Vertex("v1", "total -> discard: Writer", 1, (Subtask("RUNNING", {"DEPLOYING": 6, "RUNNING": 8}),)),),
    )
    assert read.is_running and read.parallelism == 1


def test_gauges_that_have_not_all_arrived_are_no_state() -> None:
    metrics = [{"id": "0.total.stateTotal", "value": "12"}, {"id": "0.total.stateRestored", "value": "3"}]
    assert flinkjobs.state_from_json(metrics) is None
    metrics.append({"id": "0.total.stateGaps", "value": "0"})
    assert flinkjobs.state_from_json(metrics) == State(12, 3, 0)


def test_a_start_without_state_was_not_restored() -> None:
    assert flinkjobs.restored_from_json({"latest": {"restored": None}}) is None
    latest = {"latest": {"restored": {"external_path": NEW, "is_savepoint": True}}}
    assert flinkjobs.restored_from_json(latest) == Restored(NEW, True)
