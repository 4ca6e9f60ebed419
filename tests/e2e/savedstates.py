"""What a job has saved for certain, and the run that must have got it: how "no state lost" is said of checkpoints.

A job counts on after its newest checkpoint, so a number read from it is safe only once a later checkpoint
completed. What the next run was given must be at least that.
"""

from __future__ import annotations

from dataclasses import dataclass

from teams import BOOT_SECONDS, Team

from gitsync.sandbox.demo import flinkjobs
from operator_core.jsonvalues import dig


@dataclass(frozen=True, slots=True)
class Saved:
    """A run, a total that it has saved, and the checkpoint that holds it."""

    run: flinkjobs.Job
    total: int
    checkpoint: str


def saved(team: Team, name: str = "ticks") -> Saved:
    """Wait for a checkpoint that was begun after the job's total was read."""
    total = team.state(name).total
    flink = team.flink(name)

    def begun() -> tuple[flinkjobs.Job, int] | None:
        run = flink.job()
        return (run, _begun(flink, run)) if run is not None else None

    run, first = team.until(begun, f"{name} known to Flink", 60)

    def completed() -> Saved | None:
        newest = dig(flink.get(f"/jobs/{run.id}/checkpoints"), "latest", "completed", default=None) or {}
        is_later = newest.get("trigger_timestamp", 0) > first
        return Saved(run, total, newest["external_path"]) if is_later else None

    return team.until(completed, f"a checkpoint of {name}", 60)


def _begun(flink: flinkjobs.FlinkRest, run: flinkjobs.Job) -> int:
    """When the newest checkpoint was begun, by Flink's own clock; one under way may hold an older total."""
    history = flink.get(f"/jobs/{run.id}/checkpoints").get("history", [])
    return max((each["trigger_timestamp"] for each in history), default=0)


def next_run(team: Team, before: Saved, name: str = "ticks", *, parallelism: int = 1) -> flinkjobs.Job:
    """Wait for the run after `before`, and that it counts on from there without a gap."""

    def is_next() -> flinkjobs.Job | None:
        job = team.flink(name).job()
        ready = job is not None and job.is_running and job.parallelism == parallelism
        return job if ready and job is not None and began(job) != began(before.run) else None

    job = team.until(is_next, f"{name} running again at parallelism {parallelism}", BOOT_SECONDS)
    after = team.state(name)
    assert before.total <= after.restored < after.total and after.gaps == 0, (before, after)
    return job


def began(run: flinkjobs.Job) -> tuple[str, int]:
    """What tells runs apart, also runs of one job id: a recovered job initializes anew."""
    return run.id, run.entered_ms.get("INITIALIZING", 0)


def newest_checkpoint(team: Team, job_id: str) -> str:
    """The newest complete checkpoint that a run left in its directory, as a person finds it there."""
    folder = team.folder / "flink-data/checkpoints" / job_id
    complete = [each for each in folder.glob("chk-*") if (each / "_metadata").exists()]
    newest = max(complete, key=lambda each: int(each.name.removeprefix("chk-")))
    return f"file:/flink-data/checkpoints/{job_id}/{newest.name}"
