"""What counts as a sign of life of the Java operator."""

from datetime import UTC, datetime, timedelta

import pytest

from operator_core.decide import foreign
from operator_core.decide.foreign import Held, Running, Signs
from operator_core.jsonvalues import Json, Object

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def deployment(*, replicas: int | None = 1, pods: int = 1, watched: str | None = None) -> Object:
    env = [{"name": "WATCH_NAMESPACES", "value": watched}] if watched is not None else []
    return {
        "metadata": {"namespace": "flink", "name": "operator"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"env": env}]}}},
        "status": {"replicas": pods},
    }


def lease(*, age: float, holder: str = "pod") -> Object:
    renewed = (NOW - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed}
    return {"metadata": {"namespace": "flink", "name": "flink-operator-lease"}, "spec": spec}


def written(manager: str, subresource: str = "status", time: Json = "2026-01-01T11:59:30Z") -> Object:
    return {"metadata": {"managedFields": [{"manager": manager, "subresource": subresource, "time": time}]}}


@pytest.mark.parametrize(
    ("found", "namespaces"),
    [
        (deployment(), ()),
        (deployment(watched="a, b"), ("a", "b")),
        (deployment(watched="JOSDK_ALL_NAMESPACES"), ()),
        (deployment(watched=""), ()),
        (deployment(replicas=0, pods=1), ()),
        (deployment(replicas=None, pods=0), None),
        (deployment(replicas=0, pods=0), None),
    ],
)
def test_a_deployment_counts_while_it_has_pods_or_wants_some(found: Object, namespaces: tuple[str, ...] | None) -> None:
    if found["spec"]["replicas"] is None:
        found["spec"].pop("replicas")
        namespaces = ()
    running = foreign.signs([found], []).running
    assert [one.namespaces for one in running] == ([namespaces] if namespaces is not None else [])


@pytest.mark.parametrize(("age", "holder", "held"), [(5, "pod", True), (20, "pod", False), (5, "", False)])
def test_a_lease_counts_until_it_runs_out(age: float, holder: str, held: bool) -> None:
    sign = foreign.sign_of_life("jobs", None, foreign.signs([], [lease(age=age, holder=holder)]), NOW)
    assert (sign is not None) is held


@pytest.mark.parametrize(
    ("obj", "counts"),
    [
        (written("fabric8-kubernetes-client"), True),
        (written("okhttp"), True),
        (written("fabric8-kubernetes-client", subresource=""), False),
        (written("gitsync-operator"), False),
        (written("kubectl"), False),
        (written("fabric8-kubernetes-client", time=None), False),
        ({"metadata": {}}, False),
    ],
)
def test_only_its_writes_to_the_status_count(obj: Object, counts: bool) -> None:
    assert (foreign.last_write(obj) is not None) is counts


def test_a_deployment_tells_which_namespaces_its_lease_means() -> None:
    held = Held("flink", "lease", NOW + timedelta(seconds=5))
    only_a = Signs((Running("flink", "operator", ("a",)),), (held,))
    assert foreign.sign_of_life("a", None, only_a, NOW) == "its Deployment flink/operator is running"
    assert foreign.sign_of_life("b", None, only_a, NOW) is None
    assert foreign.sign_of_life("b", None, Signs((), (held,)), NOW) == "its lease flink/lease is held"


@pytest.mark.parametrize(("age", "counts"), [(59, True), (61, False)])
def test_a_write_counts_for_a_minute(age: float, counts: bool) -> None:
    sign = foreign.sign_of_life("jobs", NOW - timedelta(seconds=age), Signs(), NOW)
    assert (sign is not None) is counts
