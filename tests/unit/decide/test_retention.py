"""Which snapshots go by count and age, and which never do."""

from dataclasses import replace

import pytest
from situations import NOW_MS, facts, spec, status, step
from snapshotobjects import snapshot

from operator_core.decide import retention
from operator_core.decide.decisions import DeleteSnapshots, DisposeSavepoint, Rest
from operator_core.jsonvalues import Object
from operator_core.model.statuses import JobStatus, Savepoint, SavepointInfo

COUNT = "kubernetes.operator.savepoint.history.max.count"
AGE = "kubernetes.operator.savepoint.history.max.age"


def numbered(number: int, **more: object) -> Object:
    """A snapshot made `number` seconds after eleven o'clock."""
    return snapshot(f"app-savepoint-periodic-{number}", created=f"2026-01-01T11:00:{number:02d}Z", **more)  # type: ignore[arg-type]


def gone(conf: dict[str, str], *snapshots: Object, **more: object) -> list[str]:
    given = facts(spec(conf), status(spec(conf), **more), snapshots=snapshots)
    return [each["metadata"]["name"].rpartition("-")[2] for each in retention.outlived(given, "savepoint")]


def test_the_oldest_go_by_count() -> None:
    assert gone({COUNT: "2"}, *(numbered(n) for n in (4, 2, 3, 1))) == ["1", "2"]
    assert gone({COUNT: "2"}, numbered(1), numbered(2)) == []
    assert gone({COUNT: "0"}, numbered(1), numbered(2)) == ["1"], "the newest complete one always stays"
    assert gone(
        {COUNT: "5", "kubernetes.operator.savepoint.history.max.count.threshold": "1"}, numbered(1), numbered(2)
    )


def test_the_old_go_by_age_but_never_the_newest_complete_one() -> None:
    old, young = numbered(1), snapshot("app-savepoint-upgrade-9", trigger="UPGRADE", created="2026-01-01T11:59:00Z")
    assert gone({AGE: "10 min"}, old, young) == ["1"]
    assert gone({AGE: "10 min"}, old, numbered(2)) == ["1"]
    assert gone({AGE: "10 min"}, old, {**young, "status": {"state": "FAILED"}}) == []


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param({"trigger": "MANUAL"}, id="somebody asked for it"),
        pytest.param({"state": "IN_PROGRESS"}, id="under way"),
        pytest.param({"state": None}, id="not begun"),
        pytest.param({"annotations": {"gitsync.io/kept-by": "ledger"}}, id="the ledger keeps it"),
        pytest.param({"kind": "checkpoint"}, id="of the other kind"),
    ],
)
def test_what_is_never_touched(kept: dict[str, object]) -> None:
    assert gone({COUNT: "1", AGE: "1 s"}, numbered(1, **kept), numbered(2), numbered(3)) == ["2"]


def test_what_the_job_would_be_restored_from_stays_until_it_has_a_checkpoint() -> None:
    restoring = JobStatus(state="RUNNING", upgrade_savepoint_path="file:/sp/app-savepoint-periodic-1")
    told = {"flink-version": "1.20.5"}
    assert gone({COUNT: "1"}, numbered(1), numbered(2), job_status=restoring, cluster_info=told) == []
    assert gone({COUNT: "1"}, numbered(1), numbered(2), job_status=restoring) == ["1"]


def test_checkpoints_go_by_the_number_that_flink_retains() -> None:
    conf = {"state.checkpoints.num-retained": "2", AGE: "1 s"}
    made = [snapshot(f"app-checkpoint-periodic-{n}", kind="checkpoint") for n in (1, 2, 3)]
    given = facts(spec(conf), status(spec(conf)), snapshots=tuple(made))
    assert retention.step(given).decision == DeleteSnapshots(("app-checkpoint-periodic-1",), dispose=False)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("conf", "dispose"),
    [
        ({}, True),
        ({"kubernetes.operator.savepoint.dispose-on-delete": "false"}, False),
        ({"kubernetes.operator.savepoint.dispose-on-delete": "true"}, False),
        ({"execution.state-recovery.claim-mode": "CLAIM"}, False),
        ({"execution.savepoint-restore-mode": "CLAIM"}, False),
    ],
)
def test_files_go_too_unless_said_otherwise_or_flink_owns_them(conf: dict[str, str], dispose: bool) -> None:
    conf = {COUNT: "1", **conf}
    found = step(facts(spec(conf), status(spec(conf)), snapshots=(numbered(1), numbered(2))))
    assert found.decision == DeleteSnapshots(("app-savepoint-periodic-1",), dispose=dispose)


def test_nothing_goes_where_cleaning_is_switched_off() -> None:
    conf = {COUNT: "1", "kubernetes.operator.savepoint.cleanup.enabled": "false"}
    found = step(facts(spec(conf), status(spec(conf)), snapshots=(numbered(1), numbered(2))))
    assert isinstance(found.decision, Rest)


def history(*minutes_ago: int) -> JobStatus:
    entries = tuple(
        Savepoint(time_stamp=NOW_MS - ago * 60_000, location=f"file:/sp/{ago}", trigger_type="PERIODIC")
        for ago in minutes_ago
    )
    return JobStatus(state="RUNNING", savepoint_info=SavepointInfo(savepoint_history=entries))


@pytest.mark.parametrize(
    ("conf", "minutes", "path"),
    [
        ({COUNT: "2"}, (30, 20, 10), "file:/sp/30"),
        ({COUNT: "3"}, (30, 20, 10), None),
        ({AGE: "25 min"}, (30, 20, 10), "file:/sp/30"),
        ({AGE: "1 min"}, (30,), None),
    ],
)
def test_the_history_in_the_status_is_disposed_of_from_its_oldest_entry(conf, minutes, path) -> None:
    given = facts(spec(conf), status(spec(conf), job_status=history(*minutes)), snapshots=None)
    found = retention.step(given)
    assert (found.decision if found else None) == (DisposeSavepoint(path) if path else None)
    with_resources = replace(given, snapshots=(numbered(1), numbered(2), numbered(3)))
    left = retention.outlived_history(with_resources)
    assert (left is not None) == (len(minutes) > 1), "complete resources count as entries"
