"""Namespaces that are deleted while jobs and snapshots are in them: every finalizer goes, nothing holds them up."""

from __future__ import annotations

from collections.abc import Iterator

import endings
import pytest
from endings import STATE, World
from operating import until

from operator_core.jsonvalues import dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.model import lastspecs

JOB = "0" * 31 + "1"


@pytest.fixture
def world(client: Client, namespace: str, flink_definitions: None) -> Iterator[World]:
    made = World(client, namespace)
    yield made
    made.stop()


def test_a_namespace_with_everything_in_it_ends(world: World) -> None:
    world.start()
    endings.populate(world)
    world.delete_namespace()
    world.is_let_go()


@pytest.mark.full
def test_a_namespace_ends_when_the_agent_comes_back_later(world: World) -> None:
    world.start()
    endings.populate(world)
    world.stop()
    world.delete_namespace()
    world.start()
    world.is_let_go()


def stopped(world: World, kind: requests.Resource, name: str) -> None:
    """No agent runs; the job's status is that of one which was stopped for its deletion, its savepoint recorded."""
    world.stop()
    was = dig(world.get(kind, name), "status", "reconciliationStatus", default={})
    spec = {**world.get(kind, name)["spec"]}
    spec["job"] = {**spec["job"], "state": "suspended"}
    savepoint = {"location": STATE, "timeStamp": 1, "triggerType": "UPGRADE", "formatType": "CANONICAL"}
    status = {
        "jobStatus": {
            "jobId": JOB,
            "state": "FINISHED",
            "upgradeSavepointPath": STATE,
            "savepointInfo": {"lastSavepoint": savepoint, "savepointHistory": [savepoint]},
        },
        "reconciliationStatus": {
            **was,
            "state": "UPGRADING",
            "lastReconciledSpec": lastspecs.encode(spec, first_deployment=False),
        },
    }
    world.patch(kind, name, {"metadata": {"annotations": {"gitsync.io/on-delete": "savepoint"}}})
    world.patch(kind, name, {"status": status}, subresource="status")


@pytest.mark.parametrize(
    ("kind", "name"), [(requests.FLINK_DEPLOYMENTS, "app"), (requests.FLINK_SESSION_JOBS, "job")], ids=["app", "job"]
)
def test_a_savepoint_that_cannot_be_recorded(world: World, kind: requests.Resource, name: str) -> None:
    world.start()
    endings.populate(world)
    stopped(world, kind, name)
    world.delete_namespace()
    world.start()
    world.is_let_go()


def running(world: World, kind: requests.Resource, name: str) -> None:
    """No agent runs; the job's status is that of one which ran and whose savepoint is wanted when it is deleted."""
    world.stop()
    was = dig(world.get(kind, name), "status", "reconciliationStatus", default={})
    spec = lastspecs.encode(world.get(kind, name)["spec"], first_deployment=False)
    status = {
        "jobStatus": {"jobId": JOB, "state": "RUNNING"},
        "reconciliationStatus": {**was, "state": "DEPLOYED", "lastReconciledSpec": spec, "lastStableSpec": spec},
    }
    world.patch(kind, name, {"metadata": {"annotations": {"gitsync.io/on-delete": "savepoint"}}})
    world.patch(kind, name, {"status": status}, subresource="status")


@pytest.mark.full
@pytest.mark.parametrize(
    ("kind", "name"), [(requests.FLINK_DEPLOYMENTS, "app"), (requests.FLINK_SESSION_JOBS, "job")], ids=["app", "job"]
)
def test_a_savepoint_that_nobody_can_take(world: World, kind: requests.Resource, name: str) -> None:
    world.start()
    endings.populate(world)
    running(world, kind, name)
    world.client.send(requests.delete(kind, world.namespace, name))
    world.start()
    until(lambda: dig(world.get(kind, name), "status", "lifecycleState") == "DELETING")
    world.delete_namespace()
    world.is_let_go()
