"""Requests to Flink's REST API as values, and what their answers mean.

Pure: paths, bodies and field names follow the REST API page of Flink 1.20 and 2.x; nothing is sent here.
A stop takes our own `triggerId` and is idempotent under it for as long as Flink keeps the result
(`rest.async.store-duration`, five minutes).
"""

from dataclasses import dataclass

from operator_core.decide.decisions import RescaleJob, TriggerCheckpoint, TriggerSavepoint, TriggerStop
from operator_core.decide.facts import (
    Bounds,
    Checkpoints,
    Job,
    JobException,
    JobFailure,
    Metrics,
    Snapshot,
    Trigger,
    TriggerCompleted,
    TriggerFailed,
    TriggerPending,
    Version,
)
from operator_core.jsonvalues import Json, Object, dig
from operator_core.model.statuses import TERMINAL_JOB_STATES

_SETTLED_TASKS = ("running", "finished")
_CAUSE_LIMIT = 500
_RESTARTS, _COMPLETED = ("numRestarts", "fullRestarts"), "numberOfCompletedCheckpoints"


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
    return FlinkRequest("GET", f"/jobs/{job_id}/metrics", (("get", ",".join((*_RESTARTS, _COMPLETED))),))


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


def parse_requirements(answer: Object) -> dict[str, Bounds]:
    """Bounds by vertex id."""
    entries = {vertex: entry["parallelism"] for vertex, entry in answer.items() if dig(entry, "parallelism")}
    return {vertex: Bounds(int(each["lowerBound"]), int(each["upperBound"])) for vertex, each in entries.items()}


def parse_overview(answer: Object, job_id: str) -> Job | None:
    """The job with this id, or None."""
    for entry in answer.get("jobs") or []:
        if entry.get("jid") == job_id:
            tasks = entry.get("tasks") or {}
            return Job(
                id=job_id,
                name=str(entry.get("name") or ""),
                state=str(entry.get("state") or "INITIALIZING"),
                start=int(entry.get("start-time") or 0),
                end=int(entry.get("end-time") or -1),
                tasks_total=int(tasks.get("total") or 0),
                tasks_settled=sum(int(tasks.get(state) or 0) for state in _SETTLED_TASKS),
                modified=int(entry.get("last-modification") or 0),
            )
    return None


def parse_running(answer: Object) -> tuple[str, ...]:
    """The ids of the jobs that have not ended (globally terminal states of org.apache.flink.api.common.JobStatus)."""
    jobs = answer.get("jobs") or []
    return tuple(sorted(str(job.get("jid")) for job in jobs if job.get("state") not in TERMINAL_JOB_STATES))


def parse_savepoint(answer: Object) -> Trigger:
    """The state of a triggered savepoint."""
    if dig(answer, "status", "id") != "COMPLETED":
        return TriggerPending()
    location = dig(answer, "operation", "location")
    if location:
        return TriggerCompleted(str(location))
    cause = dig(answer, "operation", "failure-cause", "stack-trace") or "Flink gives no cause"
    return TriggerFailed(root_cause(str(cause)) if "StopWithSavepointStoppingException" not in cause else str(cause))


def parse_checkpoint(answer: Object) -> Trigger | int:
    """The state of a triggered checkpoint; its number when it is complete."""
    if dig(answer, "status", "id") != "COMPLETED":
        return TriggerPending()
    number = dig(answer, "operation", "checkpointId")
    if isinstance(number, int):
        return number
    return TriggerFailed(_cause(answer))


def parse_disposal(answer: Object) -> Trigger:
    """The state of a disposal; what is disposed of has no location."""
    if dig(answer, "status", "id") != "COMPLETED":
        return TriggerPending()
    failed = dig(answer, "operation", "failure-cause") is not None
    return TriggerFailed(_cause(answer)) if failed else TriggerCompleted("")


def _cause(answer: Object) -> str:
    return root_cause(str(dig(answer, "operation", "failure-cause", "stack-trace") or "Flink gives no cause"))


def path_of(number: int, details: Object | None, statistics: Object | None) -> str | None:
    """Where a checkpoint is: as its details say, else beside the newest one (.../chk-27 tells .../chk-19)."""
    told = (details or {}).get("external_path")
    if told:
        return str(told)
    for kind in ("completed", "savepoint", "restored"):
        newest = str(dig(statistics, "latest", kind, "external_path") or "")
        folder, slash, last = newest.rpartition("/")
        if slash and last.startswith("chk-"):
            return f"{folder}/chk-{number}"
    return None


def parse_checkpoints(answer: Object | None) -> Checkpoints:
    """What can be restored; None is the answer of a job without checkpointing."""
    if answer is None:
        return Checkpoints(enabled=False, completed=0, newest=None, restored=None)
    latest = answer.get("latest") or {}
    found = [_snapshot(latest.get(kind)) for kind in ("completed", "savepoint")]
    kept = [snapshot for snapshot in found if snapshot is not None]
    return Checkpoints(
        enabled=True,
        completed=int(dig(answer, "counts", "completed", default=0)),
        newest=max(kept, key=lambda snapshot: snapshot.id, default=None),
        restored=_snapshot(latest.get("restored")),
        checkpoint=found[0],
        pending_since=_pending_since(answer.get("history") or []),
    )


def _pending_since(history: list[Object]) -> int | None:
    pending = [each for each in history if each.get("status") == "IN_PROGRESS" and not each.get("is_savepoint")]
    return max((int(each.get("trigger_timestamp") or 0) for each in pending), default=None)


def parse_retention(answer: Object) -> bool:
    """Whether the newest checkpoint stays when the job is cancelled."""
    kept = dig(answer, "externalization", "enabled", default=False)
    return bool(kept) and not dig(answer, "externalization", "delete_on_cancellation", default=True)


def _snapshot(entry: Json) -> Snapshot | None:
    if not isinstance(entry, dict) or entry.get("discarded"):
        return None
    return Snapshot(
        id=int(entry.get("id") or 0),
        path=str(entry.get("external_path") or ""),
        trigger_timestamp=int(entry.get("trigger_timestamp") or entry.get("restore_timestamp") or 0),
        is_savepoint=bool(entry.get("is_savepoint")),
        is_terminal=str(entry.get("checkpoint_type") or "").startswith("SYNC_SAVEPOINT"),
        size=int(entry.get("checkpointed_size") or entry.get("state_size") or 0),
    )


def parse_metrics(answer: Object) -> Metrics:
    """The counters; `numRestarts` where Flink has it, else the older `fullRestarts`."""
    values = {str(each.get("id")): str(each.get("value")) for each in answer.get("value") or []}
    counts = {name: int(float(value)) for name, value in values.items() if _is_number(value)}
    restarts = next((counts[name] for name in _RESTARTS if name in counts), None)
    return Metrics(restarts, counts.get(_COMPLETED))


def _is_number(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False


def parse_version(answer: Object) -> Version:
    """Version and revision of the running Flink."""
    return Version(str(answer.get("flink-version") or ""), str(answer.get("flink-revision") or ""))


def parse_failure(answer: Object) -> JobFailure | None:
    """The exception of a failed job, or None."""
    trace = dig(answer, "job-execution-result", "failure-cause", "stack-trace")
    return JobFailure(root_cause(str(trace)), str(trace)) if trace else None


def parse_exceptions(answer: Object) -> tuple[JobException, ...]:
    """The history of exceptions, newest first."""
    entries = dig(answer, "exceptionHistory", "entries", default=[])
    found = [_exception(entry) for entry in entries if isinstance(entry, dict)]
    return tuple(sorted(found, key=lambda each: each.timestamp, reverse=True))


def _exception(entry: Object) -> JobException:
    return JobException(
        timestamp=int(entry.get("timestamp") or 0),
        trace=str(entry.get("stacktrace") or entry.get("exceptionName") or ""),
        task=entry.get("taskName"),
        endpoint=entry.get("endpoint") or entry.get("location"),
        task_manager=entry.get("taskManagerId"),
        labels=tuple(sorted((str(key), str(value)) for key, value in (entry.get("failureLabels") or {}).items())),
    )


def root_cause(trace: str) -> str:
    """The first and the innermost message of a Java stack trace: what failed, and why in the end."""
    heads = [line.strip() for line in trace.splitlines() if line.strip() and not _is_frame(line)]
    if not heads:
        return trace.strip()[:_CAUSE_LIMIT]
    inner = [line.removeprefix("Caused by: ") for line in heads if line.startswith("Caused by: ")]
    parts = [heads[0].removeprefix("Caused by: ")]
    if inner and inner[-1] not in parts[0]:
        parts.append(inner[-1])
    return " -> ".join(part[:_CAUSE_LIMIT] for part in parts)


def _is_frame(line: str) -> bool:
    text = line.strip()
    return text.startswith(("at ", "... "))
