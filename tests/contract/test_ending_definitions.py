"""Definitions that are deleted while there are resources of them: those go, and all others are looked after."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import endings
import pytest
from endings import World
from operating import until
from sandboxes import Sandbox

from gitsync.apply import definitions
from operator_core.decide import snapshotdeletions
from operator_core.jsonvalues import dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.runtime.clock import SystemClock

pytestmark = pytest.mark.full
GROUP = "flink.apache.org"


@pytest.fixture
def world(sandbox: Sandbox) -> Iterator[World]:
    """A cluster of its own, since definitions are everybody's."""
    made = World(Client.connect(kubeconfig=sandbox.kubeconfig), "default")
    install(made)
    yield made
    made.stop()


def install(world: World) -> None:
    """All definitions are there and served."""
    definitions.install(world.client, definitions.all_definitions(), SystemClock(), timeout=60.0, told=lambda _: None)


def delete(world: World, kind: requests.Resource) -> None:
    """Delete a definition and wait until it is gone, and with it all that was made of it."""
    name = f"{kind.plural}.{GROUP}"
    with contextlib.suppress(errors.NotFound):
        world.client.send(requests.delete(requests.CRDS, None, name))

    def is_gone() -> bool:
        try:
            world.client.send(requests.get(requests.CRDS, None, name))
        except errors.NotFound:
            return True
        return False

    until(is_gone)


def test_each_definition_goes_with_its_resources_and_comes_back(world: World) -> None:
    world.start()
    endings.populate(world)
    snapshots = requests.FLINK_STATE_SNAPSHOTS
    world.client.send(requests.delete(requests.CRDS, None, f"{snapshots.plural}.{GROUP}"))
    for name in ("of-app", "of-job"):
        until(lambda name=name: snapshotdeletions.WAY_OUT in str(dig(world.get(snapshots, name), "status", "error")))
        world.patch(snapshots, name, {"spec": {"savepoint": {"disposeOnDelete": False}}})
    delete(world, snapshots)
    generation = world.cluster.edit({"job": {"parallelism": 2}})
    until(lambda: world.cluster.status("observedGeneration") == generation)

    install(world)
    known = endings.snapshot("FlinkDeployment", "app", **endings.KNOWN)
    world.make(requests.FLINK_STATE_SNAPSHOTS, "again", known)
    until(lambda: dig(world.get(requests.FLINK_STATE_SNAPSHOTS, "again"), "status", "state") == "COMPLETED")

    for kind in (requests.FLINK_SESSION_JOBS, requests.FLINK_DEPLOYMENTS, snapshots):
        delete(world, kind)
    install(world)
    endings.populate(world)
