"""What is in a namespace that goes: jobs and snapshots of all kinds, and the Flink half that watches them."""

from __future__ import annotations

from operating import DEADLINE, FlinkCluster, manifest, until

from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.runtime.clock import SystemClock

KINDS = (requests.FLINK_DEPLOYMENTS, requests.FLINK_SESSION_JOBS, requests.FLINK_STATE_SNAPSHOTS)
STATE = "file:/sp/savepoint-000000-1"


class World:
    """A namespace, and the Flink half that watches it while a test wants it to."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.cluster = FlinkCluster(client, namespace)
        self._running: Operator | None = None

    def start(self) -> None:
        """An agent begins."""
        self._running = Operator(
            self.client, clock=SystemClock(), namespaces=(self.namespace,), rest="proxy", workers=2
        )
        self._running.start()
        assert self._running.wait_synced(DEADLINE)

    def stop(self) -> None:
        """It ends, if there is one."""
        running, self._running = self._running, None
        assert running is None or running.stop(10.0)

    def make(self, kind: requests.Resource, name: str, spec: Object) -> None:
        """Create a resource."""
        body = {"apiVersion": "flink.apache.org/v1beta1", "kind": kind.kind, "metadata": {"name": name}, "spec": spec}
        self.client.send(requests.create(kind, self.namespace, body))

    def get(self, kind: requests.Resource, name: str) -> Object:
        """A resource, {} when it is gone."""
        try:
            return self.client.send(requests.get(kind, self.namespace, name))
        except errors.NotFound:
            return {}

    def patch(self, kind: requests.Resource, name: str, body: Object, *, subresource: str = "") -> None:
        """Merge into it."""
        self.client.send(requests.merge_patch(kind, self.namespace, name, body, subresource=subresource))

    def delete_namespace(self) -> None:
        """Somebody deletes the namespace with all that is in it."""
        self.client.send(requests.delete(requests.NAMESPACES, None, self.namespace))

    def is_let_go(self) -> None:
        """No finalizer of ours holds the namespace up: nothing is left that has one."""
        try:
            until(lambda: not self._left())
        except AssertionError as error:
            error.add_note(f"left: {self._left()}")
            raise

    def _left(self) -> list[Object]:
        return [
            {"kind": kind.kind, "name": dig(item, "metadata", "name"), "status": item.get("status")}
            for kind in KINDS
            for item in self.client.send(requests.listing(kind, self.namespace))["items"]
        ]


def snapshot(kind: str, name: str, **savepoint: object) -> Object:
    """The spec of a savepoint of a job."""
    return {"jobReference": {"kind": kind, "name": name}, "savepoint": savepoint}


KNOWN = {"alreadyExists": True, "path": STATE, "disposeOnDelete": True}


def populate(world: World) -> None:
    """An application, a session cluster with a job, snapshots of all kinds of them, and what was refused."""
    world.cluster.create(manifest(world.namespace))
    session = manifest(world.namespace)["spec"]
    del session["job"]
    world.make(requests.FLINK_DEPLOYMENTS, "cluster", session)
    job = {"jarURI": "https://example.com/job.jar", "parallelism": 1, "upgradeMode": "savepoint"}
    world.make(requests.FLINK_SESSION_JOBS, "job", {"deploymentName": "cluster", "job": job})
    world.make(requests.FLINK_SESSION_JOBS, "lonely", {"deploymentName": "nobody", "job": job})
    snapshots = {
        "of-app": snapshot("FlinkDeployment", "app", **KNOWN),
        "of-job": snapshot("FlinkSessionJob", "job", **KNOWN),
        "waiting": snapshot("FlinkDeployment", "app"),
        "refused": {"jobReference": {"kind": "FlinkDeployment", "name": "app"}},
    }
    for name, spec in snapshots.items():
        world.make(requests.FLINK_STATE_SNAPSHOTS, name, spec)
    until(lambda: world.cluster.deployment())
    until(lambda: dig(world.get(requests.FLINK_SESSION_JOBS, "job"), "metadata", "finalizers"))
    for name in ("of-app", "of-job"):
        until(lambda name=name: dig(world.get(requests.FLINK_STATE_SNAPSHOTS, name), "metadata", "finalizers"))
