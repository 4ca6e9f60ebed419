"""Answers of Flink 1.20 (recorded from a real cluster, shortened) and what is read from them."""

import pytest

from operator_core.decide.decisions import TriggerStop
from operator_core.decide.flinkfacts import TriggerCompleted, TriggerFailed, TriggerPending
from operator_core.flink import answers, crashlogs, requests

JOB = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa01"
OVERVIEW = {
    "jobs": [
        {
            "jid": JOB,
            "name": "counter",
            "start-time": 1795272373997,
            "end-time": -1,
            "state": "RUNNING",
            "tasks": {"running": 2, "canceling": 0, "total": 2, "finished": 0, "failed": 0},
        }
    ]
}
TRACE = (
    "java.util.concurrent.CompletionException: org.apache.flink.runtime.checkpoint.CheckpointException: IO-problem\n"
    "\tat java.base/java.util.concurrent.CompletableFuture.encodeRelay(CompletableFuture.java:368)\n"
    "Caused by: org.apache.flink.runtime.checkpoint.CheckpointException: IO-problem detected.\n"
    "\t... 4 more\n"
    "Caused by: java.io.IOException: No space left on device\n"
    "\tat x.Y.z(Y.java:1)\n"
)


def test_a_job_is_running_only_when_all_its_tasks_are() -> None:
    """Until then it is CREATED, as the Java operator reports it."""
    job = answers.parse_overview(OVERVIEW, JOB)
    assert job is not None and (job.reported_state, job.start) == ("RUNNING", 1795272373997)
    OVERVIEW["jobs"][0]["tasks"]["running"] = 1
    try:
        partly = answers.parse_overview(OVERVIEW, JOB)
        assert partly is not None and partly.reported_state == "CREATED"
    finally:
        OVERVIEW["jobs"][0]["tasks"]["running"] = 2
    assert answers.parse_overview(OVERVIEW, "other") is None


def test_a_stop_carries_our_trigger_id() -> None:
    """The request body Flink 1.20 and 2.x accept."""
    request = requests.stop(TriggerStop(JOB, "t" * 32, "file:///sp", "CANONICAL", False))
    assert (request.method, request.path) == ("POST", f"/jobs/{JOB}/stop")
    assert request.body == {
        "drain": False,
        "formatType": "CANONICAL",
        "triggerId": "t" * 32,
        "targetDirectory": "file:///sp",
    }


def test_states_of_a_savepoint() -> None:
    """Pending until it is completed, which can be a failure."""
    pending = {"status": {"id": "IN_PROGRESS"}, "operation": None}
    done = {"status": {"id": "COMPLETED"}, "operation": {"location": "file:/sp/savepoint-1"}}
    failed = {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": {"class": "X", "stack-trace": TRACE}}}
    assert answers.parse_savepoint(pending) == TriggerPending()
    assert answers.parse_savepoint(done) == TriggerCompleted("file:/sp/savepoint-1")
    answer = answers.parse_savepoint(failed)
    assert isinstance(answer, TriggerFailed)
    assert answer.cause.endswith("-> java.io.IOException: No space left on device")


def test_discarded_checkpoints_cannot_be_restored() -> None:
    """After FINISHED Flink deletes checkpoints but still lists them; the stop's savepoint stays."""
    answer = {
        "counts": {"completed": 6},
        "latest": {
            "completed": {"id": 5, "external_path": "file:/cp/chk-5", "discarded": True},
            "savepoint": {
                "id": 6,
                "external_path": "file:/sp/savepoint-1",
                "discarded": False,
                "is_savepoint": True,
                "checkpoint_type": "SYNC_SAVEPOINT",
            },
            "restored": None,
        },
    }
    checkpoints = answers.parse_checkpoints(answer)
    assert checkpoints.newest is not None
    assert (checkpoints.newest.path, checkpoints.newest.is_terminal) == ("file:/sp/savepoint-1", True)
    answer["latest"]["savepoint"] = None
    assert answers.parse_checkpoints(answer).newest is None
    assert not answers.parse_checkpoints(None).enabled


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("", None),
        ("12:00:00,000 INFO Loading configuration property: s3.secret-key, hunter2\n", None),
        (
            "12:00:00,000 ERROR o.a.f.r.e.ClusterEntrypoint - Could not create application program.\n"
            "org.apache.flink.util.FlinkException: Could not load the provided entrypoint class.\n"
            "\tat org.apache.flink.Foo.bar(Foo.java:1)\n"
            "Caused by: java.io.IOException: JAR file does not exist '/opt/flink/usrlib/job.jar'\n"
            "\tat x.Y.z(Y.java:2)\n\t... 4 more\n",
            "java.io.IOException: JAR file does not exist '/opt/flink/usrlib/job.jar'",
        ),
    ],
)
def test_root_cause_of_a_crash_log(log: str, expected: str | None) -> None:
    """The innermost cause of the last exception; configuration lines are never quoted."""
    assert crashlogs.root_cause(log) == expected
