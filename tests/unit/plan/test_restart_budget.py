"""How many jobs may restart at once: a place is held until the job that took it runs again (F48)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gitsync.apply.restartbudgets import RestartBudget
from gitsync.model.identities import Identity

GROUP = "flink.apache.org"
A, B, C = (Identity(GROUP, "FlinkDeployment", "jobs", name) for name in "abc")


class SteppedClock:
    """Time that stands still until it is advanced."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


def job(one: Identity, *, runs: bool) -> dict[str, Any]:
    state = "RUNNING" if runs else "RECONCILING"
    return {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": one.kind,
        "metadata": {"name": one.name, "namespace": one.namespace, "generation": 1},
        "spec": {"job": {"state": "running"}},
        "status": {
            "observedGeneration": 1,
            "lifecycleState": "STABLE" if runs else "DEPLOYED",
            "jobManagerDeploymentStatus": "READY",
            "jobStatus": {"state": state},
            "reconciliationStatus": {"state": "DEPLOYED", "lastReconciledSpec": '{"spec":{}}'},
        },
    }


class World:
    """Jobs, a clock and a budget over them."""

    def __init__(self, limit: int) -> None:
        self.jobs = {one: job(one, runs=True) for one in (A, B, C)}
        self.clock = SteppedClock()
        self.budget = RestartBudget(self.clock, limit, self.jobs.values)

    def take(self, *wanted: Identity) -> set[Identity]:
        return set(self.budget.take(wanted))


def test_no_bound_lets_all_restart() -> None:
    assert World(0).take(A, B, C) == {A, B, C}


def test_a_place_is_held_until_the_job_runs_again() -> None:
    world = World(1)
    assert world.take(A, B) == {A}
    assert world.take(B) == set(), "also while the job still looks as it did before"
    world.jobs[A] = job(A, runs=False)
    world.clock.seconds = 3600
    assert world.take(B) == set(), "a rollout stops at the first job that does not come up"
    assert world.take(A) == {A}, "which may be mended"
    world.clock.seconds += 60
    world.jobs[A] = job(A, runs=True)
    assert world.take(B, C) == {B}


def test_a_place_is_given_back_as_soon_as_the_job_runs_what_was_written() -> None:
    world = World(1)
    assert world.take(A) == {A}
    world.jobs[A]["metadata"]["generation"] = 2
    assert world.take(B) == set(), "the operator has not seen it"
    world.jobs[A]["status"]["observedGeneration"] = 2
    assert world.take(B) == {B}


def test_a_job_that_restarts_for_other_reasons_takes_a_place() -> None:
    world = World(2)
    world.jobs[C] = job(C, runs=False)
    assert world.take(A, B) == {A}


def test_a_job_that_is_gone_gives_its_place_back() -> None:
    world = World(1)
    assert world.take(A) == {A}
    del world.jobs[A]
    world.clock.seconds = 60
    assert world.take(B) == {B}
