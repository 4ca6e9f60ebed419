"""Quantities, references, expansion and the environment of a container."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.sandbox.kubelet import environment, expansion, fieldpaths, projections, quantities
from gitsync.sandbox.kubelet.environment import MissingSource, Setting


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", "0.5"),
        ("2", "2"),
        ("1.5Gi", "1610612736"),
        ("1k", "1000"),
        ("128Mi", "134217728"),
        ("1e3", "1000"),
        (4, "4"),
    ],
)
def test_quantities(text: str | int, number: str) -> None:
    assert quantities.parse(text) == Decimal(number)


def test_a_word_is_no_quantity() -> None:
    with pytest.raises(ValueError, match="is not a resource quantity"):
        quantities.parse("lots")


@pytest.mark.parametrize(
    ("amount", "divisor", "value"), [("1.5", "1", 2), ("1Gi", "1Mi", 1024), ("250m", "1m", 250), ("1", "0", 1)]
)
def test_resource_references_round_up(amount: str, divisor: str, value: int) -> None:
    assert quantities.divided(amount, divisor) == value


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$(A)-$(B)", "1-$(B)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A} $()", "$A ${A} $()"),
        ("a$", "a$"),
    ],
)
def test_expansion(text: str, result: str) -> None:
    assert expansion.expand(text, {"A": "1"}) == result


@given(st.text(alphabet=st.characters(exclude_characters="$")))
def test_text_without_dollars_is_kept(text: str) -> None:
    assert expansion.expand(text, {"A": "1"}) == text


MANIFEST: dict[str, Any] = {
    "metadata": {
        "name": "p",
        "namespace": "n",
        "uid": "u",
        "labels": {"b": "2", "a": 'say "hi"'},
        "annotations": {"x/y": "z"},
    },
    "spec": {"nodeName": "sandbox", "serviceAccountName": "default", "containers": []},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "p"),
        ("metadata.uid", "u"),
        ("spec.nodeName", "sandbox"),
        ("status.podIP", "10.244.0.5"),
        ("status.hostIP", "10.244.0.1"),
        ("metadata.labels['b']", "2"),
        ("metadata.annotations['x/y']", "z"),
        ("metadata.labels['none']", ""),
        ("metadata.labels", 'a="say \\"hi\\""\nb="2"'),
    ],
)
def test_field_references(path: str, value: str) -> None:
    assert fieldpaths.field_value(MANIFEST, path, address="10.244.0.5", host_ip="10.244.0.1") == value


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match=r"spec\.x"):
        fieldpaths.field_value(MANIFEST, "spec.x", address="", host_ip="")


def test_an_absent_limit_is_what_the_node_offers() -> None:
    container = {"resources": {"limits": {"memory": "1Gi"}}}
    assert fieldpaths.resource_value(container, {"resource": "limits.memory"}, {}) == "1073741824"
    assert fieldpaths.resource_value(container, {"resource": "limits.cpu"}, {"cpu": "8"}) == "8"
    assert fieldpaths.resource_value(container, {"resource": "requests.memory", "divisor": "1Mi"}, {}) == "1024"


class Objects:
    """ConfigMaps and Secrets by name."""

    def __init__(self, maps: dict[str, Any] | None = None, secrets: dict[str, Any] | None = None) -> None:
        self._maps = maps or {}
        self._secrets = secrets or {}

    def config_map(self, name: str) -> dict[str, Any] | None:
        return self._maps.get(name)

    def secret(self, name: str) -> dict[str, Any] | None:
        return self._secrets.get(name)

    def token(self, audience: str, seconds: int) -> str:
        return f"token for {audience or 'the API server'} of {seconds} s"


def _service(name: str, namespace: str, ip: str, *ports: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": ip, "ports": list(ports)}}


SETTING = Setting(
    MANIFEST,
    "10.244.0.5",
    "10.244.0.1",
    {"cpu": "8"},
    (
        _service("kubernetes", "default", "10.96.0.1", {"name": "https", "port": 443}),
        _service("my-db", "n", "10.96.0.7", {"port": 5432}),
        _service("headless", "n", "None", {"port": 1}),
        _service("other", "elsewhere", "10.96.0.8", {"port": 1}),
    ),
)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_later_sources_win_and_references_see_what_was_declared_before() -> None:
    objects = Objects({"c": {"data": {"A": "map", "B": "map"}}}, {"s": {"data": {"B": _encoded("secret")}}})
    container = {
        "envFrom": [{"configMapRef": {"name": "c"}}, {"prefix": "S_", "secretRef": {"name": "s"}}],
        "env": [
            {"name": "A", "value": "own"},
            {"name": "C", "value": "$(A) $(B) $(S_B) $(LATER) $(MY_DB_SERVICE_PORT) $(PATH)"},
            {"name": "LATER", "value": "x"},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "B"}}},
            {"name": "NONE", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y", "optional": True}}},
            {"name": "EMPTY"},
        ],
    }
    values = environment.environment(container, SETTING, objects, {"PATH": "/bin", "A": "image"})
    assert values["A"] == "own"
    assert values["C"] == "own map secret $(LATER) 5432 /bin"
    assert (values["POD"], values["KEY"], values["EMPTY"], values["HOSTNAME"]) == ("p", "secret", "", "p")
    assert "NONE" not in values


def test_services_of_the_namespace_and_the_api_server_are_announced() -> None:
    values = environment.environment({}, SETTING, Objects(), {})
    assert values["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert values["KUBERNETES_SERVICE_PORT_HTTPS"] == "443"
    assert values["MY_DB_PORT_5432_TCP"] == "tcp://10.96.0.7:5432"
    assert not any(name.startswith(("OTHER", "HEADLESS")) for name in values)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"configMapKeyRef": {"name": "gone", "key": "k"}}, 'configmap "gone" not found'),
        ({"configMapKeyRef": {"name": "c", "key": "k"}}, "couldn't find key k in configmap c"),
        ({"secretKeyRef": {"name": "gone", "key": "k"}}, 'secret "gone" not found'),
    ],
)
def test_missing_sources_are_named(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(MissingSource, match=message):
        environment.environment({"env": [{"name": "A", "valueFrom": entry}]}, SETTING, Objects({"c": {}}), {})


def test_items_choose_paths_and_modes() -> None:
    volume = {
        "configMap": {
            "name": "c",
            "defaultMode": 0o400,
            "items": [{"key": "k", "path": "d/f", "mode": 0o755}, {"key": "l", "path": "l"}],
        }
    }
    files = projections.files_of(volume, SETTING, Objects({"c": {"data": {"k": "1", "l": "2", "m": "3"}}}))
    assert files == {"d/f": projections.File(b"1", 0o755), "l": projections.File(b"2", 0o400)}


def test_binary_data_and_secrets_are_decoded() -> None:
    objects = Objects({"c": {"binaryData": {"b": "AAE="}}}, {"s": {"data": {"p": _encoded("pass")}}})
    assert projections.files_of({"configMap": {"name": "c"}}, SETTING, objects)["b"].data == b"\0\1"
    assert projections.files_of({"secret": {"secretName": "s"}}, SETTING, objects)["p"].data == b"pass"


def test_a_projected_volume_joins_its_sources() -> None:
    volume = {
        "projected": {
            "defaultMode": 0o600,
            "sources": [
                {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
                {"configMap": {"name": "ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
            ],
        }
    }
    files = projections.files_of(volume, SETTING, Objects({"ca": {"data": {"ca.crt": "pem"}}}))
    assert {name: file.data for name, file in files.items()} == {
        "token": b"token for the API server of 3607 s",
        "ca.crt": b"pem",
        "namespace": b"n",
    }
    assert {file.mode for file in files.values()} == {0o600}


def test_a_missing_map_is_named_unless_optional() -> None:
    with pytest.raises(MissingSource, match='configmap "c" not found'):
        projections.files_of({"configMap": {"name": "c"}}, SETTING, Objects())
    assert projections.files_of({"configMap": {"name": "c", "optional": True}}, SETTING, Objects()) == {}
    with pytest.raises(MissingSource, match="non-existent configmap key: k"):
        projections.files_of(
            {"configMap": {"name": "c", "items": [{"key": "k", "path": "k"}]}}, SETTING, Objects({"c": {}})
        )
