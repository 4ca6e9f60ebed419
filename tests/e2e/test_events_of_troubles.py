"""What the events say when a life takes a bad turn: unwell jobs, dead ends and the ways out of them.

Beside `test_events_of_lives`, with jobs that are scaled, fail on and on, or meet what stops them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import lives
import pytest
import savedstates
from lives import OPERATOR, SPEC_CHANGED, STATUS_CHANGED, SUBMIT, SUSPENDED, UPGRADE, Row, begin, configured
from teams import Team

from operator_core.jsonvalues import Object
from operator_core.kube import requests

pytestmark = pytest.mark.full
OVERRIDES = "pipeline.jobvertex-parallelism-overrides"
ADAPTIVE = {
    "jobmanager.scheduler": "adaptive",
    "jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout": "0 s",
    "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout": "0 s",
    "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling": "0 s",
    "taskmanager.numberOfTaskSlots": "2",
}
FLAPPING = {
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "1000000",
    "restart-strategy.fixed-delay.delay": "20 ms",
    f"{OPERATOR}cluster.health-check.enabled": "true",
    f"{OPERATOR}cluster.health-check.restarts.threshold": "2",
    f"{OPERATOR}cluster.health-check.restarts.window": "1 min",
}
CLEANUP: Row = ("Cleanup", "Normal", "Operator")
CLEANUP_FAILED: Row = ("CleanupFailed", "Warning", "Operator")
SAVEPOINT_ERROR: Row = ("SavepointError", "Warning", "Operator")
THE_SAME: Row = ("SavepointError", "Warning", "JobManagerDeployment")


@pytest.fixture(scope="module")
def operated(team: Team) -> Iterator[Team]:
    """The operator half, and the access that jobs need."""
    with lives.operated(team):
        yield team


@contextmanager
def no_room_for_savepoints(team: Team) -> Iterator[None]:
    """A file lies where savepoints are to go, for as long as the block lasts."""
    place = team.folder / "flink-data/savepoints"
    aside = place.with_name("aside")
    place.mkdir(exist_ok=True)
    place.rename(aside)
    place.touch()
    try:
        yield
    finally:
        place.unlink()
        aside.rename(place)


def test_a_job_that_is_scaled_and_meets_dead_ends(operated: Team) -> None:
    life = begin(operated, "scaled", lambda manifest: configured(manifest, ADAPTIVE))
    life.lifecycle("STABLE")
    run = operated.running("scaled")
    vertex = next(each.id for each in run.vertices if each.name.startswith("counts"))
    life.changes(lambda spec: spec["flinkConfiguration"].update({OVERRIDES: f"{vertex}:2"}))
    assert operated.running("scaled", parallelism=2).id == run.id
    life.hears(SPEC_CHANGED, ("Scaling", "Normal", "Job"))

    with no_room_for_savepoints(operated):
        life.changes(lambda spec: spec.update(restartNonce=1))
        assert "savepoint for the change failed" in life.blocked("SavepointError")
        life.hears(SPEC_CHANGED, SUSPENDED, SAVEPOINT_ERROR)
        assert operated.running("scaled", parallelism=2).id == run.id
    upgraded = operated.running("scaled", parallelism=2, other_than=run.id)
    life.hears(SUSPENDED, SUBMIT, STATUS_CHANGED, but=frozenset({SPEC_CHANGED, SAVEPOINT_ERROR}))
    life.lifecycle("STABLE")

    before = savedstates.saved(operated, "scaled")
    operated.client.send(requests.delete(requests.DEPLOYMENTS, operated.jobs, "scaled"))
    assert "gitsync.io/restore-from" in life.blocked("Missing")
    life.hears(("Missing", "Warning", "JobManagerDeployment"))
    life.asks("restore-from", "found-again latest")
    again = operated.running("scaled", parallelism=2, other_than=upgraded.id)
    assert savedstates.next_run(operated, before, "scaled", parallelism=2).id == again.id
    life.hears(SUBMIT, STATUS_CHANGED)

    with no_room_for_savepoints(operated):
        life.asks("on-delete", "savepoint")
        operated.client.send(requests.delete(requests.FLINK_DEPLOYMENTS, operated.jobs, "scaled"))
        assert "gitsync.io/accept-state-loss" in life.blocked("SavepointError")
        life.hears(
            CLEANUP, ("CleanupFailed", "Warning", "Operator"), but=frozenset({SUSPENDED, SAVEPOINT_ERROR, THE_SAME})
        )
        life.asks("accept-state-loss", "let-it-go")
        operated.until(lambda: operated.deployment("scaled") is None, "scaled gone")


def test_a_job_whose_name_is_taken_and_that_is_unwell(operated: Team) -> None:
    somebody = {"metadata": {"name": "unwell"}, "spec": idle()}
    operated.client.send(requests.create(requests.DEPLOYMENTS, operated.jobs, somebody))

    def flapping(manifest: Object) -> None:
        manifest["spec"]["job"]["args"] = ["--rate", "100", "--fail-after", "300"]
        configured(manifest, FLAPPING)

    life = lives.born(operated, "unwell", flapping)
    assert "delete it or rename" in life.blocked("DeploymentExists")
    life.hears(("DeploymentExists", "Warning", "JobManagerDeployment"))
    operated.client.send(requests.delete(requests.DEPLOYMENTS, operated.jobs, "unwell"))
    first = operated.running("unwell")
    unwell: set[Row] = {(reason, "Warning", "Job") for reason in ("JobException", "RestartUnhealthyJob")}
    life.hears(SUBMIT, *unwell)
    operated.running("unwell", other_than=first.id)
    life.ends()
    life.hears(CLEANUP, but=frozenset({*unwell, *UPGRADE}))


def idle() -> Object:
    """The spec of somebody else's Deployment, which runs nothing."""
    labels = {"app": "somebody-elses"}
    container = {"name": "idle", "image": "ticks:1.20"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
