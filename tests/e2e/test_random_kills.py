"""kill -9 at random moments of upgrades: no state is lost, no job runs twice, and every upgrade comes to an end.

The moments come from one seed, which a failing round prints; `GITSYNC_KILLS_SEED` repeats it.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import highlyavailable
import kills
import pytest
import savedstates
import witnesses
import yaml
from agentprocess import AgentProcess
from savedstates import Saved
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

SEED = int(os.environ.get("GITSYNC_KILLS_SEED") or random.randrange(10**6))
ROUNDS, CORE_ROUNDS = 30, 2
UPGRADE_SECONDS = 9.0
"""Kills fall within so many seconds of the commit: from before it is fetched until its job boots."""
AGENT, JOB_MANAGER = "agent", "JobManager"
VICTIMS = {
    "plain": (AGENT, kills.API_SERVER, kills.KUBELET),
    "lasting": (AGENT, kills.API_SERVER, kills.KUBELET, JOB_MANAGER),
}


@dataclass(frozen=True, slots=True, order=True)
class Kill:
    """One kill, `at` seconds after the commit was pushed."""

    at: float
    victim: str


@dataclass(frozen=True, slots=True)
class Round:
    """One upgrade of one job, and what is killed meanwhile."""

    job: str
    kills: tuple[Kill, ...]


def rounds(seed: int) -> list[Round]:
    """The rounds of a seed: each job and each victim in turn, at random moments, sometimes two victims."""
    draw = random.Random(seed)
    found = []
    for number in range(ROUNDS):
        job = ("lasting", "plain")[number % 2]
        first = VICTIMS[job][(number // 2) % len(VICTIMS[job])]
        victims = {first, draw.choice(VICTIMS[job])} if draw.random() < 0.5 else {first}
        moments = sorted(Kill(round(draw.uniform(0, UPGRADE_SECONDS), 2), victim) for victim in sorted(victims))
        found.append(Round(job, tuple(moments)))
    return found


@pytest.fixture(scope="module")
def jobs(team: Team) -> Iterator[Team]:
    """A job that is upgraded with savepoints and one that is upgraded from its last state."""
    files = {
        "apps/access.yaml": team.access_file(),
        "apps/plain.yaml": team.job_file("plain"),
        "apps/lasting.yaml": team.job_file("lasting", highlyavailable.change),
    }
    team.repository.commit("Run both", files)
    with team.agent():
        for job in VICTIMS:
            team.running(job)
    return team


def _marks(number: int) -> list[pytest.MarkDecorator]:
    return [] if number < CORE_ROUNDS else [pytest.mark.full]


@pytest.mark.parametrize("number", [pytest.param(each, marks=_marks(each)) for each in range(ROUNDS)])
def test_upgrade_survives_kills_at_random_moments(jobs: Team, number: int) -> None:
    this = rounds(SEED)[number]
    print(f"GITSYNC_KILLS_SEED={SEED} round {number}: {this}")
    with ExitStack() as stack:
        agent = stack.enter_context(jobs.agent())
        before = savedstates.saved(jobs, this.job)
        wanted = 3 - before.run.parallelism
        witness = stack.enter_context(witnesses.Witness(jobs, this.job))
        sha = jobs.repository.edit(f"Round {number}", f"apps/{this.job}.yaml", lambda text: parallelism(text, wanted))
        pushed = time.monotonic()
        for kill in this.kills:
            moment = pushed + kill.at
            jobs.until(lambda moment=moment: time.monotonic() >= moment, f"{kill.at} s after the push")
            agent = strike(jobs, this.job, kill.victim, agent, stack)
        run = savedstates.next_run(jobs, before, this.job, parallelism=wanted)
        jobs.ready(sha)
        assert_one_run(jobs, this.job, before, witness)
    if this.job == "lasting":
        assert run.id == before.run.id


@pytest.mark.parametrize("number", [0, *(pytest.param(each, marks=pytest.mark.full) for each in range(1, 5))])
def test_job_manager_without_ha_killed_during_its_stop(jobs: Team, number: int) -> None:
    delay = random.Random(SEED + number).uniform(0, 0.6)
    print(f"GITSYNC_KILLS_SEED={SEED}: killed {delay:.2f} s after the stop was recorded")
    with jobs.agent(), witnesses.Witness(jobs, "plain") as witness:
        before = savedstates.saved(jobs, "plain")
        wanted = 3 - before.run.parallelism
        sha = jobs.repository.edit("Stop it", "apps/plain.yaml", lambda text: parallelism(text, wanted))
        jobs.until(lambda: stop_recorded(jobs), "the stop recorded")
        over = time.monotonic() + delay
        jobs.until(lambda: time.monotonic() >= over, "a moment of the stop")
        kills.job_manager(jobs, "plain")
        told = jobs.until(lambda: blocked(jobs) or has_next_run(jobs, before, wanted), "an end")
        if told != RUNS:
            assert "gitsync.io/restore-from" in told
            jobs.until(lambda: not kills.job_managers(jobs, "plain"), "nothing runs on older state", 60)
            path = savedstates.newest_checkpoint(jobs, before.run.id)
            patch = {"metadata": {"annotations": {"gitsync.io/restore-from": f"{SEED}-{number} {path}"}}}
            jobs.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, jobs.jobs, "plain", patch))
        savedstates.next_run(jobs, before, "plain", parallelism=wanted)
        jobs.ready(sha)
        assert_one_run(jobs, "plain", before, witness)


RUNS = "runs"


def has_next_run(team: Team, before: Saved, wanted: int) -> str | None:
    job, _ = team.flink("plain").state_or_none()
    is_next = job is not None and job.is_running and job.parallelism == wanted and job.id != before.run.id
    return RUNS if is_next else None


def stop_recorded(team: Team) -> bool:
    info = dig(team.deployment("plain"), "status", "jobStatus", "savepointInfo", default={})
    return bool(info.get("triggerId"))


def blocked(team: Team) -> str | None:
    conditions = dig(team.deployment("plain"), "status", "conditions", default=[])
    told = (c["message"] for c in conditions if c["type"] == "UpgradeBlocked" and c["status"] == "True")
    return next(told, None)


def strike(team: Team, job: str, victim: str, agent: AgentProcess, stack: ExitStack) -> AgentProcess:
    """Kill one victim. What nobody else starts again is started here."""
    if victim == AGENT:
        agent.kill()
        return stack.enter_context(team.agent())
    if victim == JOB_MANAGER:
        kills.job_manager(team, job)  # there is none for a moment of an upgrade
    else:
        team.until(lambda: kills.component(team, victim), f"a {victim} to kill", 30)
    return agent


def assert_one_run(team: Team, job: str, before: Saved, witness: witnesses.Witness) -> None:
    ids = team.until(lambda: list(team.flink(job).job_ids()), f"the jobs of {job}", 30)
    assert len(ids) == 1
    assert witness.looks > 0 and witness.together == 1, "two JobManagers of the job ran at once"


def parallelism(text: str, wanted: int) -> str:
    manifest: Object = yaml.safe_load(text)
    manifest["spec"]["job"]["parallelism"] = wanted
    return yaml.safe_dump(manifest, sort_keys=False)
