"""Requests to Flink's REST API as values; what their answers mean is in `answers`.

Pure: paths and bodies follow the REST API page of Flink 1.20 and 2.x; nothing is sent here.
A stop takes our own `triggerId` and is idempotent under it for as long as Flink keeps the result
(`rest.async.store-duration`, five minutes).
"""

from dataclasses import dataclass

from operator_core.decide.decisions import RescaleJob, TriggerCheckpoint, TriggerSavepoint, TriggerStop
from operator_core.flink import answers
from operator_core.jsonvalues import Json, Object


@dataclass(frozen=True, slots=True)
class FlinkRequest:
    """One HTTP request; `path` begins with a slash."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Json = None


def overview() -> FlinkRequest:
    """All jobs of the cluster."""
    return FlinkRequest("GET", "/jobs/overview")


def config() -> FlinkRequest:
    """Flink's version."""
    return FlinkRequest("GET", "/config")


def stop(decision: TriggerStop) -> FlinkRequest:
    """Stop with a savepoint under the decision's trigger id."""
    body: Object = {"drain": decision.drain, "formatType": decision.format_type, "triggerId": decision.trigger_id}
    if decision.directory:
        body["targetDirectory"] = decision.directory
    return FlinkRequest("POST", f"/jobs/{decision.job_id}/stop", body=body)


def take_savepoint(decision: TriggerSavepoint) -> FlinkRequest:
    """Take a savepoint of a job that goes on running, under the decision's trigger id."""
    body: Object = {"cancel-job": False, "formatType": decision.format_type, "triggerId": decision.trigger_id}
    if decision.directory:
        body["target-directory"] = decision.directory
    return FlinkRequest("POST", f"/jobs/{decision.job_id}/savepoints", body=body)


def take_checkpoint(decision: TriggerCheckpoint) -> FlinkRequest:
    """Take a checkpoint under the decision's trigger id (Flink 1.17 and later)."""
    body: Object = {"checkpointType": decision.type, "triggerId": decision.trigger_id}
    return FlinkRequest("POST", f"/jobs/{decision.job_id}/checkpoints", body=body)


def checkpoint(job_id: str, trigger_id: str) -> FlinkRequest:
    """How a triggered checkpoint fares; 404 when the id is not known."""
    return FlinkRequest("GET", f"/jobs/{job_id}/checkpoints/{trigger_id}")


def checkpoint_details(job_id: str, checkpoint_id: int) -> FlinkRequest:
    """One checkpoint; 404 when newer ones have pushed it out of Flink's history."""
    return FlinkRequest("GET", f"/jobs/{job_id}/checkpoints/details/{checkpoint_id}")


def dispose(path: str) -> FlinkRequest:
    """Delete a savepoint's files; the answer holds the id to ask for."""
    return FlinkRequest("POST", "/savepoint-disposal", body={"savepoint-path": path})


def disposal(request_id: str) -> FlinkRequest:
    """How a disposal fares; 404 when the id is not known."""
    return FlinkRequest("GET", f"/savepoint-disposal/{request_id}")


def savepoint(job_id: str, trigger_id: str) -> FlinkRequest:
    """How a triggered savepoint fares; 404 when the id is not known."""
    return FlinkRequest("GET", f"/jobs/{job_id}/savepoints/{trigger_id}")


def cancel(job_id: str) -> FlinkRequest:
    """Cancel; 404 and 409 mean that there is nothing to cancel any more."""
    return FlinkRequest("PATCH", f"/jobs/{job_id}", (("mode", "cancel"),))


def checkpoints(job_id: str) -> FlinkRequest:
    """Statistics of checkpoints and savepoints (cached by Flink for up to three seconds)."""
    return FlinkRequest("GET", f"/jobs/{job_id}/checkpoints")


def checkpoint_config(job_id: str) -> FlinkRequest:
    """How the job takes checkpoints, and what becomes of them when it ends."""
    return FlinkRequest("GET", f"/jobs/{job_id}/checkpoints/config")


def execution_result(job_id: str) -> FlinkRequest:
    """The result of an ended job, with its exception."""
    return FlinkRequest("GET", f"/jobs/{job_id}/execution-result")


def exceptions(job_id: str, limit: int) -> FlinkRequest:
    """The newest `limit` entries of the history of exceptions."""
    return FlinkRequest("GET", f"/jobs/{job_id}/exceptions", (("maxExceptions", str(limit)),))


def metrics(job_id: str) -> FlinkRequest:
    """The counters that tell a job's health."""
    names = ",".join((*answers.RESTARTS, answers.COMPLETED_CHECKPOINTS))
    return FlinkRequest("GET", f"/jobs/{job_id}/metrics", (("get", names),))


def requirements(job_id: str) -> FlinkRequest:
    """The parallelism that the job's vertices need and use (adaptive scheduler)."""
    return FlinkRequest("GET", f"/jobs/{job_id}/resource-requirements")


def require(decision: RescaleJob) -> FlinkRequest:
    """Set the bounds of the vertices' parallelism; Flink answers once they hold, tasks follow."""
    body: Object = {
        vertex: {"parallelism": {"lowerBound": bound.lower, "upperBound": bound.upper}}
        for vertex, bound in decision.bounds
    }
    return FlinkRequest("PUT", f"/jobs/{decision.job_id}/resource-requirements", body=body)
