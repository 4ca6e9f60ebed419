"""Which value a variable of a container has, with the precedence of a kubelet."""

import base64
from collections.abc import Mapping

import pytest

from operator_core.build import containerenv
from operator_core.jsonvalues import Object

HELD: dict[tuple[str, str], Mapping[str, str]] = {
    ("Secret", "keys"): {"KEY": "of the secret", "other": "x", "empty": ""},
    ("Secret", "later"): {"KEY": "of the later one"},
    ("ConfigMap", "plain"): {"KEY": "of the map", "Y": "prefixed"},
}


def _read(kind: containerenv.Source, name: str) -> Mapping[str, str] | None:
    return HELD.get((kind, name))


def _from(kind: str, name: str, key: str) -> Object:
    return {"name": "KEY", "valueFrom": {f"{kind}KeyRef": {"name": name, "key": key}}}


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({}, None),
        ({"env": [{"name": "KEY", "value": "literal"}]}, "literal"),
        ({"env": [{"name": "KEY", "value": "a"}, {"name": "KEY", "value": "b"}]}, "b"),
        ({"env": [{"name": "KEY", "value": ""}]}, None),
        ({"env": [_from("secret", "keys", "other")]}, "x"),
        ({"env": [_from("secret", "keys", "absent")]}, None),
        ({"env": [_from("secret", "absent", "KEY")]}, None),
        ({"env": [_from("configMap", "plain", "KEY")]}, "of the map"),
        ({"env": [{"name": "KEY", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}, None),
        ({"envFrom": [{"secretRef": {"name": "keys"}}]}, "of the secret"),
        ({"envFrom": [{"secretRef": {"name": "keys"}}, {"secretRef": {"name": "later"}}]}, "of the later one"),
        ({"envFrom": [{"secretRef": {"name": "keys"}}, {"configMapRef": {"name": "absent"}}]}, "of the secret"),
        ({"envFrom": [{"secretRef": {"name": "keys"}, "prefix": "X_"}]}, None),
        ({"envFrom": [{"configMapRef": {"name": "plain"}, "prefix": "KE"}]}, "prefixed"),
        ({"env": [{"name": "KEY", "value": "own"}], "envFrom": [{"secretRef": {"name": "keys"}}]}, "own"),
    ],
)
def test_value(container: Object, expected: str | None) -> None:
    assert containerenv.values(container, ("KEY",), _read) == ({} if expected is None else {"KEY": expected})


def test_texts_of_objects() -> None:
    encoded = base64.b64encode(b"plain").decode()
    damaged = {"kind": "Secret", "data": {"a": encoded, "b": "%", "c": base64.b64encode(b"\xff").decode()}}
    assert containerenv.texts(damaged) == {"a": "plain"}
    assert containerenv.texts({"kind": "ConfigMap", "data": {"a": "b"}}) == {"a": "b"}
    assert containerenv.texts({"kind": "Secret"}) == {}
