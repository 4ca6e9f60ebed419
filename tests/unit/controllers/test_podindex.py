"""Which pods are kept, with how much of their state, and whose changes wake a cluster."""

import pytest

from operator_core.controllers import projections
from operator_core.controllers.podindex import PodIndex

BAD = {"name": "flink-main-container", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
WELL = {"name": "flink-main-container", "ready": True, "state": {"running": {}}}


def pod(component: str, name: str, container: dict) -> dict:
    meta = {"namespace": "ns", "name": name, "labels": {"app": "app", "component": component}}
    status = {"phase": "Pending", "containerStatuses": [container], "hostIP": "10.0.0.1"}
    return projections.pod({"metadata": meta, "spec": {"nodeName": "node"}, "status": status})


@pytest.mark.parametrize(
    ("component", "container", "kept"),
    [("jobmanager", WELL, True), ("jobmanager", BAD, True), ("taskmanager", BAD, True), ("taskmanager", WELL, False)],
)
def test_the_state_of_task_managers_that_are_well_is_not_kept(component: str, container: dict, kept: bool) -> None:
    status = pod(component, "one", container)["status"]
    assert status == ({"phase": "Pending", "containerStatuses": [container]} if kept else {})


def test_only_failing_task_managers_are_known_and_wake_their_cluster() -> None:
    index = PodIndex()
    assert index.take("ADDED", pod("jobmanager", "jm", WELL)) == "app"
    assert index.take("ADDED", pod("taskmanager", "tm-1", WELL)) is None
    assert index.take("MODIFIED", pod("taskmanager", "tm-2", BAD)) == "app"
    assert [each["metadata"]["name"] for each in index.of("ns", "app")] == ["jm"]
    assert [each["metadata"]["name"] for each in index.failing_workers_of("ns", "app")] == ["tm-2"]
    assert index.take("MODIFIED", pod("taskmanager", "tm-2", WELL)) == "app", "its end is told too"
    assert index.take("DELETED", pod("taskmanager", "tm-2", WELL)) is None
    assert index.failing_workers_of("ns", "app") == ()
    assert index.take("DELETED", pod("jobmanager", "jm", WELL)) == "app" and index.of("ns", "app") == ()
