"""A session cluster without high availability and its jobs changed at once, in both orders, with the agent dying.

The same model as the search, walked on purpose: whatever dies when, both jobs go on from all that they had.
"""

import pytest
from protocol_session_scene import JOBS
from test_session_protocol import Sessions

PASSES = 10


def started() -> Sessions:
    """Two jobs with state that run."""
    world = Sessions()
    world.create(ha=False, mode="savepoint")
    for _ in range(12):
        world.live(1, "cluster", None, None)
    assert all(world._ended(name) for name in JOBS)
    return world


def walked(order: tuple[str, str], crash: tuple[int, int] | None) -> Sessions:
    """Both changes in `order`, then passes of everybody; `crash`: in which pass, after which of its requests."""
    world = started()
    old = world.server.get("deployments", "cluster")["metadata"]["uid"]
    for what in order:
        world._edit("a", what)
    for number in range(PASSES):
        for who in ("a", "cluster", "b"):
            fault = (crash[1], "crash-after") if crash and crash[0] == number else None
            world.reconcile(who, fault, None, True)
            world.reconcile(who, None, fault, True)
        world.progress(checkpoint=number % 2 == 0)
        world.lane.work()
    world._settle()
    assert world.server.get("deployments", "cluster")["metadata"]["uid"] != old, "the cluster was replaced"
    return world


@pytest.mark.parametrize("order", [("cluster", "parallelism"), ("parallelism", "cluster")], ids="-".join)
@pytest.mark.parametrize("crash", [None, *((number, after) for number in range(6) for after in (1, 2))], ids=str)
def test_nobody_loses_state(order: tuple[str, str], crash: tuple[int, int] | None) -> None:
    world = walked(order, crash)
    for name in JOBS:
        assert world._ended(name), (name, world._status(name))
        run = next(run for run in world.flink.runs.values() if run.owner == name and run.lives)
        assert run.restored is not None, f"{name} began anew"


def test_a_finished_job_that_is_run_again_begins_as_it_did_before() -> None:
    world = started()
    world.progress(checkpoint=True)
    world.strike("bounded", None)
    world._edit("a", "nonce")
    world._settle()
    assert all(world._ended(name) for name in JOBS)
    (again,) = [run for run in world.flink.runs.values() if run.lives]
    assert (again.owner, again.restored) == ("a", None), "b was not asked to run again"
    world.teardown()


def test_a_change_without_state_that_is_recorded_stays_one_though_the_next_commit_wants_state() -> None:
    world = Sessions()
    world.create(ha=True, mode="stateless")
    for _ in range(12):
        world.live(1, "cluster", None, None)
    world.progress(checkpoint=True)
    world._edit("a", "nonce")
    world.reconcile("a", None, (1, "lost-before"), True)
    assert world._status("a")["reconciliationStatus"]["state"] == "UPGRADING"
    world._edit("a", "last-state")
    world.strike("deployment", None)
    world._settle()
    assert all(world._ended(name) for name in JOBS)
    world.teardown()
