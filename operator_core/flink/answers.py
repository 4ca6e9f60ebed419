"""What Flink's REST API answers mean.

Pure: from the JSON of an answer to the facts that decisions are made of; field names follow the REST API page of
Flink 1.20 and 2.x. Which request an answer belongs to is known by `requests` and by who asked; nothing is sent here.
"""

from operator_core.decide.flinkfacts import (
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
RESTARTS = ("numRestarts", "fullRestarts")
COMPLETED_CHECKPOINTS = "numberOfCompletedCheckpoints"


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


def is_older(statistics: Object | None, number: int) -> bool:
    """Whether statistics are of a time before this checkpoint was complete: Flink serves them from a cache."""
    newest = dig(statistics, "latest", "completed", "id")
    return statistics is not None and (newest is None or int(newest) < number)


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
    restarts = next((counts[name] for name in RESTARTS if name in counts), None)
    return Metrics(restarts, counts.get(COMPLETED_CHECKPOINTS))


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
