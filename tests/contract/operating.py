"""The Flink half on the contract tests' API server: its parts, and shorthands for what a test does and looks at."""

import time
from collections.abc import Callable

from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client

DEADLINE = 60.0


def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds, no longer than the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.05)


def is_served(client: Client) -> bool:
    try:
        client.send(requests.listing(requests.FLINK_DEPLOYMENTS, "default"))
    except errors.NotFound:
        return False
    return True


def manifest(namespace: str, **job: object) -> Object:
    """A FlinkDeployment that would run."""
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "app", "namespace": namespace},
        "spec": {
            "image": "flink:1.20",
            "flinkVersion": "v1_20",
            "serviceAccount": "default",
            "flinkConfiguration": {"state.checkpoints.dir": "file:///cp", "state.savepoints.dir": "file:///sp"},
            "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
            "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
            "job": {"jarURI": "local:///job.jar", "parallelism": 1, "upgradeMode": "savepoint", **job},
        },
    }


class FlinkCluster:
    """What the test looks at: the FlinkDeployment `app` and what belongs to it."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    def create(self, body: Object) -> None:
        """Create the resource."""
        self.client.send(requests.create(requests.FLINK_DEPLOYMENTS, self.namespace, body))

    def edit(self, spec: Object) -> int:
        """Merge into the spec; the new generation."""
        patch = requests.merge_patch(requests.FLINK_DEPLOYMENTS, self.namespace, "app", {"spec": spec})
        return int(self.client.send(patch)["metadata"]["generation"])

    def resource(self) -> Object:
        """The resource, {} when it is gone."""
        return self._read(requests.FLINK_DEPLOYMENTS)

    def deployment(self) -> Object:
        """The JobManager Deployment, {} when it is gone."""
        return self._read(requests.DEPLOYMENTS)

    def _read(self, resource: requests.Resource) -> Object:
        try:
            return self.client.send(requests.get(resource, self.namespace, "app"))
        except errors.NotFound:
            return {}

    def status(self, *path: str) -> object:
        """A field of the status."""
        return dig(self.resource(), "status", *path)

    def condition(self, kind: str) -> tuple[str, str, str]:
        """Status, reason and message of a condition."""
        for entry in self.status("conditions") or []:  # type: ignore[attr-defined]
            if entry["type"] == kind:
                return entry["status"], entry["reason"], entry["message"]
        return "", "", ""

    def events(self) -> set[str]:
        """Reasons of the events about the resource."""
        items = self.client.send(requests.listing(requests.EVENTS, self.namespace))["items"]
        return {item["reason"] for item in items if item["involvedObject"]["kind"] == "FlinkDeployment"}
