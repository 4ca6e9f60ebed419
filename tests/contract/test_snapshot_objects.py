"""FlinkStateSnapshots against a real API server: what needs no running Flink."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.model import crds
from operator_core.runtime.clock import SystemClock

DEADLINE = 60.0
REFERENCE = {"kind": "FlinkDeployment", "name": "app"}


def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds, no longer than the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.05)


class Snapshots:
    """What the test does and looks at."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    def make(self, name: str, **spec: object) -> None:
        """Create one."""
        body: Object = {
            "apiVersion": "flink.apache.org/v1beta1",
            "kind": "FlinkStateSnapshot",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }
        self.client.send(requests.create(requests.FLINK_STATE_SNAPSHOTS, self.namespace, body))

    def read(self, name: str, *path: str) -> object:
        """A field of one; None where there is none."""
        try:
            found = self.client.send(requests.get(requests.FLINK_STATE_SNAPSHOTS, self.namespace, name))
        except errors.NotFound:
            return None
        return dig(found, *path) if path else found

    def delete(self, name: str) -> None:
        """Delete one and wait until it is gone."""
        self.client.send(requests.delete(requests.FLINK_STATE_SNAPSHOTS, self.namespace, name))
        until(lambda: self.read(name) is None)

    def events(self, name: str) -> set[str]:
        """Reasons of the events about one."""
        items = self.client.send(requests.listing(requests.EVENTS, self.namespace))["items"]
        return {item["reason"] for item in items if item["involvedObject"]["name"] == name}


@pytest.fixture
def snapshots(client: Client, namespace: str) -> Iterator[Snapshots]:
    """A namespace with the Flink half watching it."""
    for body in crds.flink_crds():
        client.send(requests.apply(requests.CRDS, body, field_manager="test"))
    until(lambda: _served(client))
    running = Operator(client, clock=SystemClock(), namespaces=(namespace,), rest="proxy", workers=2)
    running.start()
    assert running.wait_synced(DEADLINE)
    yield Snapshots(client, namespace)
    assert running.stop(10.0)


def _served(client: Client) -> bool:
    try:
        client.send(requests.listing(requests.FLINK_STATE_SNAPSHOTS, "default"))
        client.send(requests.listing(requests.FLINK_DEPLOYMENTS, "default"))
    except errors.NotFound:
        return False
    return True


def job(state: str = "running") -> Object:
    """A FlinkDeployment whose pods never start."""
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "app"},
        "spec": {
            "image": "flink:1.20",
            "flinkVersion": "v1_20",
            "serviceAccount": "default",
            "flinkConfiguration": {"state.checkpoints.dir": "file:///cp", "state.savepoints.dir": "file:///sp"},
            "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
            "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
            "job": {"jarURI": "local:///job.jar", "parallelism": 1, "upgradeMode": "savepoint", "state": state},
        },
    }


def test_a_savepoint_that_exists_already_is_recorded_with_labels(snapshots: Snapshots) -> None:
    spec = {"alreadyExists": True, "path": "file:/sp/1", "disposeOnDelete": False}
    snapshots.make("known", jobReference=REFERENCE, savepoint=spec)
    until(lambda: snapshots.read("known", "metadata", "labels", "snapshot.state") == "COMPLETED")
    assert snapshots.read("known", "status", "path") == "file:/sp/1"
    assert snapshots.read("known", "metadata", "labels") == {
        "job-reference.kind": "FlinkDeployment",
        "job-reference.name": "app",
        "snapshot.state": "COMPLETED",
        "snapshot.trigger-type": "MANUAL",
        "snapshot.type": "SAVEPOINT",
    }
    assert snapshots.read("known", "metadata", "finalizers") == ["flinkstatesnapshots.flink.apache.org/finalizer"]
    snapshots.delete("known")


def test_what_never_validated_says_why_and_can_be_deleted(snapshots: Snapshots) -> None:
    """In the Java operator these stay for ever and keep their namespace from ending."""
    wrong = {
        "both": {"jobReference": REFERENCE, "savepoint": {}, "checkpoint": {}},
        "neither": {"jobReference": REFERENCE},
        "nobody": {"savepoint": {}},
        "missing": {"jobReference": REFERENCE, "savepoint": {}},
    }
    for name, spec in wrong.items():
        snapshots.make(name, **spec)
    for name in wrong:
        until(lambda name=name: snapshots.read(name, "status", "error"))
        assert "ValidationError" in snapshots.events(name)
        snapshots.delete(name)


def test_a_snapshot_is_never_called_complete_before_its_finalizer_is_there(snapshots: Snapshots) -> None:
    version = snapshots.client.send(requests.listing(requests.FLINK_STATE_SNAPSHOTS, snapshots.namespace))["metadata"]
    snapshots.make("guarded", jobReference=REFERENCE, savepoint={"alreadyExists": True, "path": "file:/sp/1"})
    until(lambda: snapshots.read("guarded", "metadata", "labels", "snapshot.state") == "COMPLETED")
    history = requests.watch(
        requests.FLINK_STATE_SNAPSHOTS, snapshots.namespace, labels="", version=version["resourceVersion"], seconds=1
    )
    lines = snapshots.client.stream(history, idle_seconds=DEADLINE)
    states = [json.loads(line)["object"] for line in lines]
    complete = [one for one in states if dig(one, "status", "state") == "COMPLETED"]
    assert complete and all(one["metadata"].get("finalizers") for one in complete)


def test_a_deleted_job_leaves_a_snapshot_that_says_what_stays(snapshots: Snapshots) -> None:
    spec = {"alreadyExists": True, "path": "file:/sp/1", "disposeOnDelete": True}
    snapshots.make("orphan", jobReference=REFERENCE, savepoint=spec)
    until(lambda: snapshots.read("orphan", "status", "state") == "COMPLETED")
    snapshots.delete("orphan")
    until(lambda: "CleanupFailed" in snapshots.events("orphan"))


def test_a_snapshot_waits_for_its_job_and_is_abandoned_when_that_is_suspended(snapshots: Snapshots) -> None:
    snapshots.make("early", jobReference=REFERENCE, savepoint={})
    until(lambda: "was not found" in str(snapshots.read("early", "status", "error")))
    snapshots.client.send(requests.create(requests.FLINK_DEPLOYMENTS, snapshots.namespace, job()))
    until(lambda: "Waiting for FlinkDeployment app" in str(snapshots.read("early", "status", "error")))
    patch = {"spec": {"job": {"state": "suspended", "upgradeMode": "stateless"}}}
    snapshots.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, snapshots.namespace, "app", patch))
    until(lambda: snapshots.read("early", "metadata", "labels", "snapshot.state") == "ABANDONED")
    assert "SnapshotAbandoned" in snapshots.events("early")
    snapshots.delete("early")
    snapshots.client.send(requests.delete(requests.FLINK_DEPLOYMENTS, snapshots.namespace, "app"))
