"""The demo's results as one JSON object with the promised keys, and as a table."""

from datetime import UTC, datetime

from gitsync.model import records
from gitsync.sandbox.demo import tables, timelines

RECORD = records.Record(
    cluster="demo",
    app="root",
    revision="b" * 40,
    phase=records.Phase.RUNNING,
    reason="Running",
    message="1 job runs",
    time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    jobs=(records.JobRecord("FlinkDeployment", "jobs", "ticks", "upgrade-savepoint", "j2", "file:///s", "file:///s"),),
)
RESULTS = tables.Results(
    commit_to_applied_s=0.25,
    applied_to_running_s=12.5,
    upgrade=timelines.Upgrade(1_000, 1_300, 2_300, timelines.Boot(6_300, 9_300, 10_000)),
    state_before=5_000,
    state_after=5_900,
    restored_from="file:///flink-data/savepoints/savepoint-1",
    rejected_message="taskManager memory is not a size",
    notes=(tables.NotedCommit("b" * 40, "Let it run", (RECORD,)),),
)


def test_json_has_exactly_the_promised_keys() -> None:
    document = tables.as_json(RESULTS)
    assert list(document) == [
        "commit_to_applied_s",
        "applied_to_running_s",
        "upgrade_downtime_s",
        "phases",
        "state_before",
        "state_after",
        "restored_from",
        "rejected_message",
        "notes",
    ]
    assert document["upgrade_downtime_s"] == 9.0
    assert list(document["phases"]) == ["savepoint", "teardown", "jobmanager_boot", "taskmanager_boot", "restore"]
    assert (document["state_before"], document["state_after"]) == (5_000, 5_900)
    assert document["notes"][0]["records"][0]["jobs"][0]["effect"] == "upgrade-savepoint"


def test_table_aligns_its_numbers() -> None:
    lines = tables.as_table(RESULTS).splitlines()
    assert lines[0] == "commit → applied             0.25 s"
    assert lines[3] == "  savepoint                  0.30 s"
    assert len({len(line) for line in lines[:-1]}) == 1
    assert lines[-1] == "restored from  file:///flink-data/savepoints/savepoint-1"


def test_log_shows_what_was_written_to_each_commit() -> None:
    assert tables.as_log(RESULTS.notes).splitlines() == [
        "bbbbbbb Let it run",
        "        running: 1 job runs",
        "                 jobs/ticks upgrade-savepoint",
    ]
