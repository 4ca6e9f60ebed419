"""The Kubernetes adapter against a real API server: requests, errors, caches, discovery, events."""

import threading

import pytest

from operator_core.kube import errors, requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.kube.discovery import Discovery
from operator_core.kube.events import Recorder
from operator_core.kube.requests import CONFIG_MAPS, EVENTS, SERVICES
from operator_core.runtime.clock import SystemClock

DEADLINE = 60.0


def config_map(namespace: str, name: str, **data: object) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": dict(data),
    }


def test_errors_are_told_apart(client: Client, namespace: str) -> None:
    made = client.send(requests.create(CONFIG_MAPS, namespace, config_map(namespace, "a", k="v")))
    with pytest.raises(errors.AlreadyExists):
        client.send(requests.create(CONFIG_MAPS, namespace, config_map(namespace, "a")))
    with pytest.raises(errors.NotFound):
        client.send(requests.get(CONFIG_MAPS, namespace, "absent"))
    with pytest.raises(errors.Conflict, match="UID"):
        client.send(requests.delete(CONFIG_MAPS, namespace, "a", uid="another"))
    stale = config_map(namespace, "a", k="new")
    stale["metadata"] = {**made["metadata"], "resourceVersion": "1"}
    with pytest.raises(errors.Conflict):
        client.send(requests.replace(CONFIG_MAPS, stale))
    with pytest.raises(errors.Invalid, match=r"\.data\.k"):
        client.send(requests.apply(CONFIG_MAPS, config_map(namespace, "a", k=1), field_manager="gitsync"))
    with pytest.raises(errors.Invalid, match=r"metadata\.name"):
        client.send(requests.create(CONFIG_MAPS, namespace, config_map(namespace, "Not_A_Name")))


def test_apply_removes_what_is_no_longer_applied(client: Client, namespace: str) -> None:
    client.send(requests.apply(CONFIG_MAPS, config_map(namespace, "a", x="1", y="2"), field_manager="gitsync"))
    dry = client.send(requests.apply(CONFIG_MAPS, config_map(namespace, "a"), field_manager="gitsync", dry_run=True))
    assert "data" not in dry
    after = client.send(requests.apply(CONFIG_MAPS, config_map(namespace, "a", x="1"), field_manager="gitsync"))
    assert after["data"] == {"x": "1"}


def test_a_cache_follows_one_namespace(client: Client, namespace: str) -> None:
    client.send(requests.create(CONFIG_MAPS, namespace, config_map(namespace, "before")))
    seen = threading.Event()
    gone = threading.Event()
    told: list[tuple[str, str]] = []

    def on_change(kind: str, obj: dict[str, object]) -> None:
        name = obj["metadata"]["name"]  # type: ignore[index]
        told.append((kind, name))
        if (kind, name) == ("ADDED", "later"):
            seen.set()
        if (kind, name) == ("DELETED", "later"):
            gone.set()

    cache = Cache(client, CONFIG_MAPS, namespaces=(namespace,), on_change=on_change)
    cache.start()
    try:
        assert cache.wait_synced(DEADLINE)
        assert cache.get(namespace, "before") is not None
        client.send(requests.create(CONFIG_MAPS, namespace, config_map(namespace, "later")))
        assert seen.wait(DEADLINE)
        later = cache.get(namespace, "later")
        assert later is not None
        assert "managedFields" not in later["metadata"]
        client.send(requests.delete(CONFIG_MAPS, namespace, "later", uid=later["metadata"]["uid"]))
        assert gone.wait(DEADLINE)
        assert cache.get(namespace, "later") is None
        assert cache.problem is None
    finally:
        cache.stop()


def test_pages_of_a_list_are_joined(client: Client, namespace: str) -> None:
    for number in range(5):
        client.send(requests.create(CONFIG_MAPS, namespace, config_map(namespace, f"n{number}")))
    page = client.send(requests.listing(CONFIG_MAPS, namespace, limit=4))
    rest = client.send(requests.listing(CONFIG_MAPS, namespace, limit=4, continue_=page["metadata"]["continue"]))
    names = {item["metadata"]["name"] for item in page["items"] + rest["items"]}
    assert {f"n{number}" for number in range(5)} <= names


def test_discovery_knows_kinds_and_their_scope(client: Client) -> None:
    discovery = Discovery(client)
    service = discovery.find("v1", "Service")
    assert service == SERVICES
    role = discovery.find("rbac.authorization.k8s.io/v1", "ClusterRole")
    assert role is not None
    assert not role.namespaced
    assert discovery.find("example.com/v1", "Nothing") is None


def test_a_repeated_event_is_counted_by_every_process(client: Client, namespace: str) -> None:
    about = client.send(requests.create(CONFIG_MAPS, namespace, config_map(namespace, "about")))
    about |= {"apiVersion": "v1", "kind": "ConfigMap"}
    first = Recorder(client, SystemClock())
    first.event(about, "Warning", "Broken", "it is broken", key="state")
    first.event(about, "Warning", "Broken", "it is still broken", key="state")
    Recorder(client, SystemClock()).event(about, "Warning", "Broken", "broken even now", key="state")
    items = client.send(requests.listing(EVENTS, namespace))["items"]
    assert [(item["reason"], item["count"], item["message"]) for item in items] == [("Broken", 3, "broken even now")]
