"""What an upgrade's timestamps say about where its downtime went.

Pure. The phases follow each other without a gap, so they add up to the downtime:

    savepoint         the stop was triggered      … its savepoint is recorded; the job has stopped
    teardown          …                           … the new JobManager Deployment exists
    jobmanager_boot   …                           … the job is submitted inside the new JobManager
    taskmanager_boot  …                           … the first task is deployed, so a TaskManager has registered
    restore           …                           … the last task runs
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from gitsync.sandbox.demo import flinkjobs

PHASES = ("savepoint", "teardown", "jobmanager_boot", "taskmanager_boot", "restore")


@dataclass(frozen=True, slots=True)
class Boot:
    """A job's way from its submission inside the JobManager to RUNNING; epoch milliseconds from Flink."""

    submitted: int
    deployed: int
    running: int


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One savepoint upgrade; epoch milliseconds, all by the clock of one machine."""

    triggered: int
    stopped: int
    created: int
    boot: Boot

    @property
    def downtime_s(self) -> float:
        """From the trigger of the stop until the last task runs."""
        return _seconds(self.triggered, self.boot.running)

    @property
    def phases(self) -> dict[str, float]:
        """Seconds by phase, in order; they add up to the downtime."""
        marks = (
            self.triggered,
            self.stopped,
            self.created,
            self.boot.submitted,
            self.boot.deployed,
            self.boot.running,
        )
        return {name: _seconds(*pair) for name, pair in zip(PHASES, pairwise(marks), strict=True)}


def boot_of(job: flinkjobs.Job) -> Boot | None:
    """When the present run of a job was submitted, deployed and running; None unless every task runs.

    Flink enters INITIALIZING when the Dispatcher takes the job in, a task enters DEPLOYING when it has a slot, and
    RUNNING after its state is restored (Flink docs, "Jobs and Scheduling").
    """
    if not job.is_running:
        return None
    tasks = [task.entered_ms for vertex in job.vertices for task in vertex.subtasks]
    if any("DEPLOYING" not in entered or "RUNNING" not in entered for entered in tasks):
        return None
    submitted = job.entered_ms.get("INITIALIZING", job.entered_ms.get("CREATED", 0))
    return Boot(
        submitted=submitted,
        deployed=min(entered["DEPLOYING"] for entered in tasks),
        running=max(entered["RUNNING"] for entered in tasks),
    )


def _seconds(start_ms: int, end_ms: int) -> float:
    return round((end_ms - start_ms) / 1000, 3)
