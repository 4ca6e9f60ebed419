"""Dead ends of session jobs that a search found, walked on purpose, and that nobody else waits in them."""

import pytest
from protocol_session_scene import JOBS
from test_session_protocol import Sessions


def started(*, ha: bool, mode: str) -> Sessions:
    """Two jobs that run."""
    world = Sessions()
    world.create(ha=ha, mode=mode)
    for _ in range(12):
        world.live(1, "cluster", None, None)
    assert all(world._ended(name) for name in JOBS)
    return world


def told(world: Sessions, name: str) -> dict[str, str]:
    """The reasons of a job's conditions that are True."""
    conditions = world._status(name).get("conditions", [])
    return {one["type"]: one["reason"] for one in conditions if one["status"] == "True"}


def test_a_job_lost_in_its_stop_holds_up_neither_its_cluster_nor_the_other_job() -> None:
    """The JobManager restarts while `b` is stopped and after `a` was; then the cluster is to be replaced too."""
    world = started(ha=True, mode="savepoint")
    old = world.server.get("deployments", "cluster")["metadata"]["uid"]
    for name in JOBS:
        world._edit(name, "parallelism")
        world.reconcile(name, None, None, True)
    world.flink.finish_triggers()
    world.reconcile("a", None, None, True)
    world._edit("a", "cluster")
    world.job_manager_lost = True
    world.flink.restart()
    world._settle()
    assert told(world, "b").get("UpgradeBlocked") == "UpgradeFailed", "only a person knows where its savepoint is"
    assert world._status("b")["jobStatus"]["state"] == "RECONCILING", "nobody says that it runs"
    assert world.server.get("deployments", "cluster")["metadata"]["uid"] != old, "the cluster was replaced"
    assert world._ended("a"), world._status("a")
    world.teardown()


def test_a_cluster_is_not_replaced_before_a_failed_job_said_what_it_left() -> None:
    """`b` fails, is changed and its cluster is, all at once: Flink's statistics are not yet those of the end."""
    world = started(ha=False, mode="savepoint")
    world.progress(checkpoint=True)
    world._edit("b", "nonce")
    world.flink.fail_jobs()
    world._edit("a", "cluster")
    world._settle()
    assert world._ended("b"), world._status("b")
    assert next(run for run in world.flink.runs.values() if run.owner == "b" and run.lives).restored is not None
    world.teardown()


def test_a_cancelled_job_that_began_empty_and_saved_nothing_begins_empty_again() -> None:
    """It was started stateless, asks for a savepoint now, and restarts: the fallback cancels it."""
    world = started(ha=False, mode="stateless")
    world._edit("a", "nonce")
    world._settle()
    world._edit("a", "savepoint")
    world.live(1, "cluster", None, None)
    next(run for run in world.flink.runs.values() if run.owner == "a" and run.lives).state = "RESTARTING"
    world._edit("a", "parallelism")
    world.reconcile("a", None, None, True)
    assert world._status("a")["jobStatus"]["state"] == "CANCELLING"
    world._settle()
    assert world._ended("a"), world._status("a")
    world.teardown()


@pytest.mark.parametrize("mode", ["stateless", "savepoint"])
def test_a_refused_spec_that_asks_for_no_state_costs_none_when_the_cluster_is_replaced(mode: str) -> None:
    world = started(ha=False, mode=mode)
    world._edit("b", "stateless")
    world.live(3, "cluster", None, None)
    world.progress(checkpoint=True)
    old = world.server.get("deployments", "cluster")["metadata"]["uid"]
    world._edit("a", "invalid")
    world._edit("a", "stateless")
    world.flink.loss_accepted.discard("a")
    world.edit("a", "cluster", None, 3)
    for _ in range(10):
        world.live(1, "cluster", None, None)
    assert world.server.get("deployments", "cluster")["metadata"]["uid"] != old, "the cluster was replaced"
    run = next(run for run in world.flink.runs.values() if run.owner == "a" and run.lives)
    assert run.restored is not None and "UpgradeBlocked" not in told(world, "a")
    world._edit("a", "savepoint")
    world.teardown()
