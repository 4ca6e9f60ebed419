"""Differences told by managed fields: what counts, what does not, and where it is."""

from typing import Any

import pytest

from gitsync.model.differences import Kind
from gitsync.plan import diffing, normalizing

Object = dict[str, Any]


def live(body: Object, owned: Object, *, manager: str = "gitsync", operation: str = "Apply") -> Object:
    entry = {"manager": manager, "operation": operation, "apiVersion": body["apiVersion"], "fieldsV1": owned}
    return {**body, "metadata": {**body["metadata"], "managedFields": [entry]}}


def config_map(data: Object, **annotations: str) -> Object:
    meta: Object = {"name": "a", "namespace": "n"}
    if annotations:
        meta["annotations"] = {f"gitsync.io/{key}": value for key, value in annotations.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def found(wanted: Object, actual: Object) -> list[tuple[str, str]]:
    return [(one.shown, one.kind.value) for one in diffing.compare(wanted, actual)]


OWNED_AB = {"f:data": {"f:a": {}, "f:b": {}}}


@pytest.mark.parametrize(
    ("wanted", "actual", "expected"),
    [
        pytest.param({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, [], id="equal"),
        pytest.param({"a": "1", "b": "2"}, {"a": "1", "b": "2", "theirs": "x"}, [], id="foreign field"),
        pytest.param({"a": "1", "b": "2"}, {"a": "9", "b": "2"}, [("data.a", "changed")], id="changed"),
        pytest.param({"a": "1", "b": "2"}, {"b": "2"}, [("data.a", "changed")], id="deleted in the cluster"),
        pytest.param({"a": "1"}, {"a": "1", "b": "2"}, [("data.b", "removed")], id="removed from Git"),
        pytest.param({"a": "1"}, {"a": "1"}, [], id="owned but already gone"),
        pytest.param({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "2", "c": "3"}, [("data.c", "missing")], id="new"),
    ],
)
def test_map_fields(wanted: Object, actual: Object, expected: list[tuple[str, str]]) -> None:
    assert found(config_map(wanted), live(config_map(actual), OWNED_AB)) == expected


@pytest.mark.parametrize(
    "actual",
    [
        pytest.param(config_map({"a": "1"}), id="no managed fields"),
        pytest.param(live(config_map({"a": "1"}), {}, manager="kubectl"), id="another manager"),
        pytest.param(live(config_map({"a": "1"}), OWNED_AB, operation="Update"), id="another operation"),
    ],
)
def test_object_that_was_never_applied_is_unmanaged(actual: Object) -> None:
    assert [one.kind for one in diffing.compare(config_map({"a": "1"}), actual)] == [Kind.unmanaged]


def test_apply_of_another_version_counts_as_none() -> None:
    actual = live(config_map({"a": "1"}), OWNED_AB)
    actual["metadata"]["managedFields"][0]["apiVersion"] = "v2"
    assert diffing.owned_fields(actual) is None


def test_revision_annotation_never_counts() -> None:
    owned = {"f:metadata": {"f:annotations": {"f:gitsync.io/tracking-id": {}, "f:gitsync.io/revision": {}}}}
    wanted = {key: value for key, value in config_map({}, **{"tracking-id": "t"}).items() if key != "data"}
    actual = live(config_map({}, **{"tracking-id": "t", "revision": "abc"}), owned)
    assert found(wanted, actual) == []


def service(ports: list[Object]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": "n"},
        "spec": {"ports": ports},
    }


PORT_80 = 'k:{"port":80,"protocol":"TCP"}'
PORT_81 = 'k:{"port":81,"protocol":"TCP"}'


def ports_owned(*marks: str) -> Object:
    return {"f:spec": {"f:ports": {mark: {".": {}, "f:name": {}, "f:port": {}} for mark in marks}}}


def test_list_items_are_paired_by_their_keys_and_defaults_do_not_count() -> None:
    wanted = service([{"name": "b", "port": 81}, {"name": "a", "port": 80}])
    defaulted = [{"name": "a", "port": 80, "protocol": "TCP", "targetPort": 80}]
    defaulted += [{"name": "b", "port": 81, "protocol": "TCP", "targetPort": 81}]
    assert found(wanted, live(service(defaulted), ports_owned(PORT_80, PORT_81))) == []


def test_list_item_removed_from_git_and_changed_in_the_cluster() -> None:
    wanted = service([{"name": "a", "port": 80}])
    actual = [{"name": "x", "port": 80, "protocol": "TCP"}, {"name": "b", "port": 81, "protocol": "TCP"}]
    assert found(wanted, live(service(actual), ports_owned(PORT_80, PORT_81))) == [
        ("spec.ports[port=80,protocol=TCP].name", "changed"),
        ("spec.ports[port=81,protocol=TCP]", "removed"),
    ]


def test_list_item_new_in_git() -> None:
    wanted = service([{"name": "a", "port": 80}, {"name": "b", "port": 81}])
    actual = [{"name": "a", "port": 80, "protocol": "TCP"}]
    assert found(wanted, live(service(actual), ports_owned(PORT_80))) == [("spec.ports[name=b]", "missing")]


def test_set_members() -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "finalizers": ["x", "theirs"]}}
    owned = {"f:metadata": {"f:finalizers": {'v:"x"': {}, 'v:"y"': {}}}}
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "finalizers": ["x"]}}
    assert found(wanted, live(body, owned)) == [('metadata.finalizers[="y"]', "removed")]


def test_atomic_values_are_compared_whole() -> None:
    def role(verbs: list[str]) -> Object:
        return {"apiVersion": "rbac/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": [{"verbs": verbs}]}

    owned = {"f:rules": {}}
    assert found(role(["get"]), live(role(["get"]), owned)) == []
    assert found(role(["get"]), live(role(["get", "list"]), owned)) == [("rules", "changed")]


@pytest.mark.parametrize(
    ("wanted", "actual", "same"), [("0.1", "100m", True), ("1Gi", "1024Mi", True), (1, "2", False)]
)
def test_quantities_compare_by_what_they_mean(wanted: object, actual: object, same: bool) -> None:
    assert normalizing.same(wanted, actual, ("resources", "requests", "cpu")) is same
    assert normalizing.same(wanted, actual, ("spec", "text")) is False


def test_numbers_compare_as_json_numbers_and_never_as_booleans() -> None:
    assert normalizing.same(1, 1.0)
    assert not normalizing.same(1, True)
    assert not normalizing.same(0, False)


def test_what_the_server_answered_is_no_drift_until_it_changes() -> None:
    wanted = config_map({"a": "1", "dropped": "x"})
    answer = live(config_map({"a": "1"}), {"f:data": {"f:a": {}}})
    accepted = diffing.accepted(wanted, "d1", answer)
    assert diffing.compare(wanted, answer, ignored=accepted.paths("d1", answer)) == ()
    assert diffing.compare(wanted, answer, ignored=accepted.paths("d2", answer)) != ()
    changed = live(config_map({"a": "1", "dropped": "y"}), {"f:data": {"f:a": {}}})
    assert diffing.compare(wanted, changed, ignored=accepted.paths("d1", changed)) != ()


def test_applicable_form_has_nothing_the_server_owns() -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "creationTimestamp": None, "uid": "u", "resourceVersion": "1", "managedFields": []},
        "stringData": {"token": "abc"},
        "data": {"other": "eHg="},
        "status": {"x": 1},
    }
    assert normalizing.applicable(body) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"other": "eHg=", "token": "YWJj"},
    }
