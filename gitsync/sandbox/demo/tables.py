"""What the demo tells at its end, as one JSON object and as a table for people.

Pure: results in, text out.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitsync.model import records
from gitsync.sandbox.demo import timelines
from operator_core.jsonvalues import Object

PHASE_TEXTS = {
    "savepoint": "savepoint",
    "teardown": "teardown",
    "jobmanager_boot": "JobManager boot",
    "taskmanager_boot": "TaskManager boot",
    "restore": "restore",
}


@dataclass(frozen=True, slots=True)
class NotedCommit:
    """A commit with what the agent wrote to it."""

    sha: str
    subject: str
    records: tuple[records.Record, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """What was measured and seen; seconds are wall-clock seconds of this machine."""

    commit_to_applied_s: float
    applied_to_running_s: float
    upgrade: timelines.Upgrade
    state_before: int
    state_after: int
    restored_from: str
    rejected_message: str
    notes: tuple[NotedCommit, ...]


def as_json(results: Results) -> Object:
    """The keys of `gitsync demo -o json`."""
    return {
        "commit_to_applied_s": results.commit_to_applied_s,
        "applied_to_running_s": results.applied_to_running_s,
        "upgrade_downtime_s": results.upgrade.downtime_s,
        "phases": results.upgrade.phases,
        "state_before": results.state_before,
        "state_after": results.state_after,
        "restored_from": results.restored_from,
        "rejected_message": results.rejected_message,
        "notes": [_note_json(noted) for noted in results.notes],
    }


def as_table(results: Results) -> str:
    """Two columns, numbers aligned."""
    rows = [
        ("commit → applied", _seconds(results.commit_to_applied_s)),
        ("applied → RUNNING", _seconds(results.applied_to_running_s)),
        ("downtime of the upgrade", _seconds(results.upgrade.downtime_s)),
        *((f"  {PHASE_TEXTS[name]}", _seconds(value)) for name, value in results.upgrade.phases.items()),
        ("state before", f"{results.state_before} ticks"),
        ("state after", f"{results.state_after} ticks"),
    ]
    left = max(len(name) for name, _ in rows)
    right = max(len(value) for _, value in rows)
    lines = [f"{name:<{left}}  {value:>{right}}" for name, value in rows]
    return "\n".join([*lines, f"restored from  {results.restored_from}"])


def as_log(notes: tuple[NotedCommit, ...]) -> str:
    """Commits, newest first, each with what the agent wrote to it."""
    lines = []
    for noted in notes:
        lines.append(f"{noted.sha[:7]} {noted.subject}")
        for record in noted.records:
            lines.append(f"        {record.phase.value}: {record.message}")
            effects = [f"{job.namespace}/{job.name} {job.effect}" for job in record.jobs]
            lines += [f"        {' ' * len(record.phase.value)}  {', '.join(effects)}"] if effects else []
    return "\n".join(lines)


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _note_json(noted: NotedCommit) -> Object:
    said = [
        {
            "app": record.app,
            "phase": record.phase.value,
            "reason": record.reason,
            "message": record.message,
            "time": record.time.isoformat().replace("+00:00", "Z"),
            "jobs": [records.job_to_json(job) for job in record.jobs],
        }
        for record in noted.records
    ]
    return {"commit": noted.sha, "subject": noted.subject, "records": said}
