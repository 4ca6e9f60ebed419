"""Judges and measures the upgrade that was watched: did the state survive, and where did the time go?

Pure: takes what `flinkjobs` and `sightings` saw, waits for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitsync.sandbox import errors
from gitsync.sandbox.demo import flinkjobs, sightings, tables, timelines


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What the upgrade showed; `completed` adds what came after it."""

    revision: str
    commit_to_applied_s: float
    applied_to_running_s: float
    upgrade: timelines.Upgrade
    before: flinkjobs.State
    after: flinkjobs.State
    restored_from: str

    def completed(self, rejected_message: str, notes: tuple[tables.NotedCommit, ...]) -> tables.Results:
        """The demo's results."""
        return tables.Results(
            commit_to_applied_s=self.commit_to_applied_s,
            applied_to_running_s=self.applied_to_running_s,
            upgrade=self.upgrade,
            state_before=self.before.total,
            state_after=self.after.total,
            restored_from=self.restored_from,
            rejected_message=rejected_message,
            notes=notes,
        )


def proof(before: flinkjobs.State, after: flinkjobs.State, restored: flinkjobs.Restored | None) -> str:
    """Where the state came from. Raises SandboxError when it did not survive whole."""
    if restored is None or not restored.is_savepoint:
        raise errors.SandboxError("the job was not restored from a savepoint")
    if not before.total <= after.restored <= after.total:
        raise errors.SandboxError(
            f"state was lost: {before.total} before, {after.restored} restored, {after.total} after the upgrade"
        )
    if after.gaps:
        raise errors.SandboxError(f"state and source disagree on {after.gaps} ticks")
    return restored.path


def moments(
    seen: Sequence[sightings.Sighting], name: str, job: flinkjobs.Job, sha: str, pushed_ms: int
) -> tuple[float, float, timelines.Upgrade]:
    """Seconds from push to apply, seconds from apply to RUNNING, and the upgrade of the FlinkDeployment `name`.

    Raises SandboxError naming what was not seen.
    """
    boot = timelines.boot_of(job)
    applied = sightings.applied_ms(seen, name, sha)
    triggered = sightings.triggered_ms(seen, name, pushed_ms)
    stopped = sightings.stopped(seen, name, pushed_ms)
    created = sightings.created_ms(seen, name, pushed_ms)
    if boot is None or applied is None or triggered is None or stopped is None or created is None:
        raise errors.SandboxError(
            "the upgrade cannot be measured: not seen were "
            + ", ".join(
                what
                for what, moment in (
                    ("its apply", applied),
                    ("the trigger of the savepoint", triggered),
                    ("the savepoint's location", stopped),
                    ("the new Deployment", created),
                    ("the start of its tasks", boot),
                )
                if moment is None
            )
        )
    # The agent acts within milliseconds of its apply, sometimes before this watch tells of it.
    applied = min(applied, triggered)
    upgrade = timelines.Upgrade(triggered, stopped[0], created, boot)
    return (applied - pushed_ms) / 1000, (boot.running - applied) / 1000, upgrade
