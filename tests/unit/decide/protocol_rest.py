"""What the REST API of the model's Flink answers about a job: its state, its statistics, its triggers.

A stop and a savepoint are idempotent under their trigger id, as Flink's are.
"""

from typing import Protocol

from protocol_runs import Run

from operator_core.flink import errors
from operator_core.flink.requests import FlinkRequest
from operator_core.jsonvalues import Object

TAKEN = "file:/data/taken-"


def answer(request: FlinkRequest, run: Run, rest: str) -> Object:
    """The answer to a request about the job that runs; `rest` is the path behind its id."""
    if request.method == "PATCH":
        if run.end > 0:
            raise errors.AlreadyEnded(409, "already ended")
        run.state = "CANCELLING"
        return {}
    if rest == "stop":
        return stop(run, request.body["triggerId"])
    if rest == "savepoints":
        stopping = {one for one, location in run.triggers.items() if location is None} - run.taking - set(run.failed)
        assert not stopping, "never beside a stop"
        run.taking.add(request.body["triggerId"])
        return stop(run, request.body["triggerId"])
    if rest.startswith("savepoints/"):
        return savepoint(run, rest.removeprefix("savepoints/"))
    if rest == "checkpoints":
        return _statistics(run)
    if rest == "metrics":
        counts = {"numRestarts": 0, "numberOfCompletedCheckpoints": len(run.checkpoints)}
        return {"value": [{"id": name, "value": str(count)} for name, count in counts.items()]}
    if rest == "exceptions":
        return {"exceptionHistory": {"entries": [{"stacktrace": "java.lang.Exception: boom", "timestamp": run.end}]}}
    if rest == "execution-result":
        return {"job-execution-result": {"failure-cause": {"stack-trace": "java.lang.Exception: boom"}}}
    raise AssertionError(request)


def entry(run: Run) -> Object:
    """The job in an overview."""
    running = 2 if run.state == "RUNNING" else 0
    tasks = {"total": 0 if run.bare else 2, "running": running}
    return {
        "jid": run.job_id,
        "name": "job",
        "state": run.state,
        "start-time": run.start,
        "end-time": run.end,
        "last-modification": max(run.start, run.end),
        "tasks": tasks,
    }


class Stoppable(Protocol):
    """A run of a job, of an application or on a session cluster: where savepoints are, and why they failed."""

    state: str
    triggers: dict[str, str | None]
    failed: dict[str, str]


def stop(run: Stoppable, trigger: str) -> Object:
    """A stop with a savepoint was asked for; a repeated trigger stops once."""
    if trigger not in run.triggers:
        run.triggers[trigger] = None
        if run.state != "RUNNING":
            run.failed[trigger] = "org.apache.flink.runtime.messages.FlinkJobNotFoundException: not running"
    return {"request-id": trigger}


def savepoint(run: Stoppable, trigger: str) -> Object:
    """What became of a stop. Raises JobNotFound for a trigger nobody sent."""
    if trigger in run.failed:
        cause = {"failure-cause": {"stack-trace": run.failed[trigger]}}
        return {"status": {"id": "COMPLETED"}, "operation": cause}
    if trigger not in run.triggers:
        raise errors.JobNotFound(404, "There is no savepoint operation")
    location = run.triggers[trigger]
    if location is None:
        return {"status": {"id": "IN_PROGRESS"}, "operation": None}
    return {"status": {"id": "COMPLETED"}, "operation": {"location": location}}


def _statistics(run: Run) -> Object:
    latest: Object = {"completed": None, "savepoint": None, "restored": None}
    for number, path, savepoint in run.checkpoints:
        gone = run.state == "FINISHED" and not savepoint
        by_stop = "SAVEPOINT" if path.startswith(TAKEN) else "SYNC_SAVEPOINT"
        kind = by_stop if savepoint else "CHECKPOINT"
        entry = {"id": number, "external_path": path, "is_savepoint": savepoint, "discarded": gone}
        entry["checkpoint_type"] = kind
        latest["savepoint" if savepoint else "completed"] = entry
    if run.restored is not None:
        latest["restored"] = {"id": 0, "external_path": run.restored[1]}
    return {"counts": {"completed": len(run.checkpoints)}, "latest": latest}
