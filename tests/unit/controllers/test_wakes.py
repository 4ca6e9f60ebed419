"""Whom a change concerns, told by the keys that are handed out next."""

from typing import Any

import pytest

from operator_core.controllers.wakes import Wakes
from operator_core.controllers.watched import Watched
from operator_core.kube.client import Client
from operator_core.kube.watching import Listed
from operator_core.runtime.clock import SystemClock
from operator_core.runtime.queues import Key, Queue

CLUSTER = Key("FlinkDeployment", "ns", "cluster")
APP = Key("FlinkDeployment", "ns", "app")
JOB_A, JOB_B = Key("FlinkSessionJob", "ns", "a"), Key("FlinkSessionJob", "ns", "b")
OPEN, OVER = Key("FlinkStateSnapshot", "ns", "open"), Key("FlinkStateSnapshot", "ns", "over")
OF_SESSION = Key("FlinkStateSnapshot", "ns", "of-session")


def obj(key: Key, **members: Any) -> dict[str, Any]:
    meta = {"namespace": key.namespace, "name": key.name, "uid": key.name, "resourceVersion": "5"}
    return {"kind": key.kind, "metadata": meta, **members}


def child(kind: str, name: str, cluster: str | None) -> dict[str, Any]:
    made = obj(Key(kind, "ns", name))
    if cluster is not None:
        made["metadata"]["labels"] = {"app": cluster}
    return made


def session_job(key: Key, cluster: str = "cluster") -> dict[str, Any]:
    return obj(key, spec={"deploymentName": cluster})


def snapshot(key: Key, of: Key, state: str) -> dict[str, Any]:
    return obj(key, spec={"jobReference": {"kind": of.kind, "name": of.name}}, status={"state": state})


class House:
    """A session cluster with two jobs, an application with two snapshots, one of them over, and a snapshot of job a."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self._queue = Queue(SystemClock())
        self.watched = Watched(
            Client.__new__(Client),
            namespaces=(),
            project=lambda each: each,
            told=lambda kind, change, each: self.told.append((kind, change)),
        )
        self.wakes = Wakes(self._queue, self.watched)
        for each in (obj(CLUSTER), obj(APP)):
            self.watched.resources.observed(each)
        for each in (session_job(JOB_A), session_job(JOB_B)):
            self.watched.session_jobs.observed(each)
            self.wakes.changed("FlinkSessionJob", "ADDED", each)
        snapshots = (snapshot(OPEN, APP, "IN_PROGRESS"), snapshot(OVER, APP, "COMPLETED"))
        self.watched.snapshots._cache._take(
            None, Listed((*snapshots, snapshot(OF_SESSION, JOB_A, "TRIGGER_PENDING")), "9")
        )
        self.woken()

    def woken(self) -> set[Key]:
        """The keys that wait, which wait no more."""
        found = set()
        while self._queue.depth():
            key = self._queue.get(0)
            assert key is not None
            self._queue.done(key)
            found.add(key)
        return found


@pytest.mark.parametrize(
    ("changed", "woken"),
    [
        (obj(CLUSTER), {CLUSTER, JOB_A, JOB_B}),
        (obj(APP), {APP, OPEN}),
        (session_job(JOB_A), {JOB_A, CLUSTER, OF_SESSION}),
        (snapshot(OPEN, APP, "IN_PROGRESS"), {OPEN, APP}),
        (snapshot(OF_SESSION, JOB_A, "COMPLETED"), {OF_SESSION, JOB_A}),
        (snapshot(OPEN, Key("FlinkDeployment", "ns", "gone"), "IN_PROGRESS"), {OPEN}),
        (child("Pod", "app-7c-xyz", "app"), {APP}),
        (child("Pod", "cluster-7c-xyz", "cluster"), {CLUSTER, JOB_A, JOB_B}),
        (child("Pod", "stranger", None), set()),
        (child("Deployment", "app", None), {APP}),
        (child("Deployment", "app-taskmanager", "app"), {APP}),
        (child("Ingress", "cluster", None), {CLUSTER, JOB_A, JOB_B}),
    ],
)
def test_a_change_wakes_whom_it_concerns(changed: dict[str, Any], woken: set[Key]) -> None:
    house = House()
    house.wakes.changed(changed["kind"], "MODIFIED", changed)
    assert house.woken() == woken


def test_a_snapshot_that_is_over_waits_for_its_job_only_to_be_deleted() -> None:
    house = House()
    over = snapshot(OVER, APP, "COMPLETED")
    over["metadata"] |= {"deletionTimestamp": "2026-01-01T12:00:00Z", "resourceVersion": "10"}
    house.watched.snapshots._cache.observed(over)
    house.wakes.changed("FlinkDeployment", "DELETED", obj(APP))
    assert house.woken() == {APP, OPEN, OVER}


def test_a_job_that_leaves_its_session_cluster_is_not_woken_by_it_any_more() -> None:
    house = House()
    house.wakes.changed("FlinkSessionJob", "DELETED", session_job(JOB_A))
    assert house.woken() == {JOB_A, CLUSTER, OF_SESSION}
    house.wakes.changed("FlinkDeployment", "MODIFIED", obj(CLUSTER))
    assert house.woken() == {CLUSTER, JOB_B}


@pytest.mark.parametrize(
    ("job", "woken"), [(CLUSTER, {JOB_A, JOB_B}), (JOB_A, {CLUSTER, OF_SESSION}), (JOB_B, {CLUSTER}), (APP, {OPEN})]
)
def test_who_waits_for_a_job_is_woken_beside_it(job: Key, woken: set[Key]) -> None:
    house = House()
    house.wakes.beside(job)
    assert house.woken() == woken


def test_all_are_the_deployments_and_the_session_jobs() -> None:
    house = House()
    house.wakes.all()
    assert house.woken() == {CLUSTER, APP, JOB_A, JOB_B}


@pytest.mark.parametrize(("key", "cluster"), [(APP, "app"), (JOB_A, "cluster"), (OPEN, "app"), (OF_SESSION, "cluster")])
def test_the_cluster_that_a_pass_may_have_to_ask(key: Key, cluster: str) -> None:
    assert House().wakes.cluster_of(key) == cluster


def test_every_kind_is_watched_and_told_under_its_name() -> None:
    house = House()
    house.told.clear()
    for cache in house.watched._caches:
        cache._take(None, Listed((obj(Key(cache.resource.kind, "ns", "new"), apiVersion="v1"),), "9"))
    kinds = {kind for kind, change in house.told if change == "ADDED"}
    assert kinds == {"FlinkDeployment", "FlinkSessionJob", "Deployment", "Pod", "Ingress"}
