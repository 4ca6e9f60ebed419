"""kill -9 of a JobManager around its job's stop with a savepoint, with high availability and without.

Whatever the moment, the next run counts on from what was saved, or the change is blocked with a way out that works.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import highlyavailable
import kills
import pytest
import savedstates
import witnesses
import yaml
from savedstates import Saved
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

pytestmark = pytest.mark.full
SEED = int(os.environ.get("GITSYNC_KILLS_SEED") or random.randrange(10**6))
STOP_SECONDS = 1.5
"""Kills fall within so many seconds of the recorded stop: it takes 0.2 s, the JobManager's removal a second more."""
RUNS = "runs"
WAY_OUT = "gitsync.io/restore-from"
WITHOUT, WITH = "without-ha", "with-ha"


@pytest.fixture(scope="module")
def jobs(team: Team) -> Iterator[Team]:
    """Two jobs that are upgraded with savepoints, one of them with high availability."""
    files = {
        "apps/access.yaml": team.access_file(),
        f"apps/{WITHOUT}.yaml": team.job_file(WITHOUT),
        f"apps/{WITH}.yaml": team.job_file(WITH, with_savepoints),
    }
    team.repository.commit("Run both", files)
    with team.agent():
        for job in (WITHOUT, WITH):
            team.running(job)
    return team


def with_savepoints(manifest: Object) -> None:
    """High availability, and yet upgrades by savepoint."""
    highlyavailable.change(manifest)
    manifest["spec"]["job"]["upgradeMode"] = "savepoint"


@pytest.mark.parametrize("number", range(5))
def test_killed_at_a_random_moment_of_the_stop(jobs: Team, number: int) -> None:
    delay = round(random.Random(SEED + number).uniform(0, STOP_SECONDS), 2)
    with jobs.agent(), witnesses.Witness(jobs, WITH) as witness:
        before = savedstates.saved(jobs, WITH)
        sha = change(jobs, WITH, before)
        jobs.until(lambda: stop_recorded(jobs, WITH), "the stop recorded")
        over = time.monotonic() + delay
        jobs.until(lambda: time.monotonic() >= over, "a moment of the stop")
        killed = kills.job_manager(jobs, WITH)
        told = ended(jobs, WITH, before)
        print(f"GITSYNC_KILLS_SEED={SEED} round {number}: {delay} s after the stop was recorded, {killed=}: {told}")
        assert told == RUNS, "with high availability nobody is needed"
        assert_counts_on(jobs, WITH, before, sha, witness)


@pytest.mark.parametrize("job", [WITHOUT, WITH])
def test_killed_behind_a_stop_whose_end_nobody_saw(jobs: Team, job: str) -> None:
    """The job has stopped and its savepoint is there; the JobManager that knew it is not."""
    with witnesses.Witness(jobs, job) as witness:
        before, sha = agent_dies_at(jobs, "savepoint-triggered", job)
        jobs.until(lambda: jobs.flink(job).job_ids().get(before.run.id) == "FINISHED", "the job stopped")
        restarted(jobs, job)
        with jobs.agent():
            assert ended(jobs, job, before) == RUNS
            assert_counts_on(jobs, job, before, sha, witness)
            run = jobs.flink(job).job()
            restored = jobs.flink(job).restored(run) if run is not None else None
            assert restored is not None and f"/savepoint-{before.run.id[:6]}-" in restored.path


def test_what_ran_again_behind_a_stop_is_not_the_newest_state(jobs: Team) -> None:
    """The stop was recorded but never asked for, and the JobManager ran the job again from older state."""
    first = jobs.until(lambda: newest_id(jobs, WITHOUT), "a checkpoint")
    jobs.until(lambda: newest_id(jobs, WITHOUT) > first + 20, "checkpoints that a rerun does not catch up with", 60)
    with witnesses.Witness(jobs, WITHOUT) as witness:
        before, sha = agent_dies_at(jobs, "trigger-recorded", WITHOUT)
        restarted(jobs, WITHOUT)
        jobs.running(WITHOUT, parallelism=before.run.parallelism)
        jobs.until(lambda: newest_id(jobs, WITHOUT), "a checkpoint of the rerun", 60)
        with jobs.agent():
            told = ended(jobs, WITHOUT, before)
            assert WAY_OUT in told
            ask = {"metadata": {"annotations": {WAY_OUT: f"{SEED} latest"}}}
            jobs.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, jobs.jobs, WITHOUT, ask))
            assert_counts_on(jobs, WITHOUT, before, sha, witness)


def agent_dies_at(team: Team, failpoint: str, job: str) -> tuple[Saved, str]:
    """Change a job under an agent that dies at a step of its stop."""
    with team.agent(GITSYNC_FAILPOINT=failpoint) as doomed:
        before = savedstates.saved(team, job)
        sha = change(team, job, before)
        team.until(doomed.was_killed, f"the failpoint {failpoint}")
    return before, sha


def restarted(team: Team, job: str) -> None:
    """Kill a job's JobManager and wait until the kubelet's next one serves."""
    old = kills.job_managers(team, job)
    assert kills.job_manager(team, job)
    team.until(lambda: set(kills.job_managers(team, job)) - set(old), "another JobManager", 60)
    team.until(lambda: team.flink(job).get("/config"), "the JobManager serving", 60)


def change(team: Team, job: str, before: Saved) -> str:
    """Commit the other parallelism; the commit."""

    def changed(text: str) -> str:
        manifest: Object = yaml.safe_load(text)
        manifest["spec"]["job"]["parallelism"] = 3 - before.run.parallelism
        return yaml.safe_dump(manifest, sort_keys=False)

    return team.repository.edit(f"Change {job}", f"apps/{job}.yaml", changed)


def stop_recorded(team: Team, job: str) -> bool:
    return bool(dig(team.deployment(job), "status", "jobStatus", "savepointInfo", "triggerId"))


def newest_id(team: Team, job: str) -> int:
    run = team.flink(job).job()
    found = dig(team.flink(job).get(f"/jobs/{run.id}/checkpoints"), "latest", "completed") if run is not None else None
    return int(found["id"]) if isinstance(found, dict) else 0


def ended(team: Team, job: str, before: Saved) -> str:
    """Wait for the end of an upgrade: `RUNS`, or the way out of its dead end; a failed try is no end."""

    def told() -> str | None:
        conditions = dig(team.deployment(job), "status", "conditions", default=[])
        blocked = (c["message"] for c in conditions if c["type"] == "UpgradeBlocked" and c["status"] == "True")
        return next((each for each in blocked if WAY_OUT in each), None) or (RUNS if runs() else None)

    def runs() -> bool:
        run, _ = team.flink(job).state_or_none()
        is_other = run is not None and savedstates.began(run) != savedstates.began(before.run)
        return run is not None and is_other and run.is_running and run.parallelism == 3 - before.run.parallelism

    return team.until(told, f"an end of the upgrade of {job}")


def assert_counts_on(team: Team, job: str, before: Saved, sha: str, witness: witnesses.Witness) -> None:
    savedstates.next_run(team, before, job, parallelism=3 - before.run.parallelism)
    team.ready(sha)
    assert len(team.until(lambda: list(team.flink(job).job_ids()), f"the jobs of {job}", 30)) == 1
    assert witness.looks > 0 and witness.together == 1, "two JobManagers of the job ran at once"
