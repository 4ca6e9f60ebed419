"""Conditions and their times."""

from __future__ import annotations

from podworlds import World, container, manifest

from gitsync.sandbox.kubelet.podstates import Changed


def _with_status(world: World, status: dict[str, object]) -> None:
    world.tell(Changed({**world.pod.manifest, "status": status}))


def test_a_condition_keeps_the_time_it_last_changed() -> None:
    world = World(manifest(container("a")))
    first = world.status()
    _with_status(world, first)
    world.wait(100)
    again = {c["type"]: c["lastTransitionTime"] for c in world.status()["conditions"]}
    assert again["Ready"] == "2026-01-01T00:00:00Z"
    world.exit("a", 1)
    world.exit("a", 1)
    changed = {c["type"]: c["lastTransitionTime"] for c in world.status()["conditions"]}
    assert changed["Ready"] == "2026-01-01T00:01:40Z"
    assert changed["Initialized"] == "2026-01-01T00:00:00Z"


def test_conditions_of_others_are_kept_and_readiness_gates_are_honoured() -> None:
    world = World(manifest(container("a"), readinessGates=[{"conditionType": "example.com/gate"}]))
    ready = next(c for c in world.status()["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ReadinessGatesNotReady")
    assert world.condition("ContainersReady") == "True"
    foreign = {"type": "example.com/gate", "status": "True"}
    _with_status(world, {"conditions": [foreign]})
    assert foreign in world.status()["conditions"]
    assert world.condition("Ready") == "True"


def test_unready_containers_are_named() -> None:
    world = World(manifest(container("a", readinessProbe={"x": 1}), container("b")))
    ready = next(c for c in world.status()["conditions"] if c["type"] == "Ready")
    assert ready["reason"] == "ContainersNotReady"
    assert ready["message"] == "containers with unready status: [a]"


def test_qos_class_is_left_to_the_api_server() -> None:
    assert "qosClass" not in World(manifest(container("a"))).status()
