"""Fields that no schema knows, taken out by the paths that the API server names (F44)."""

import json
from typing import Any

import pytest

from gitsync.plan import undeclared


def answer(text: str) -> bytes:
    return json.dumps({"kind": "Status", "message": text, "code": 500}).encode()


ONE = "failed to create typed patch object (n/web; /v1, Kind=Service): .spec.selektor: field not declared in schema"
TWO = (
    "failed to create typed patch object (n/web; /v1, Kind=Service): errors:\n"
    "  .metadata.x.y/z: field not declared in schema\n"
    '  .spec.ports[port=80,protocol="TCP"].prot: field not declared in schema\n'
    "  .spec.clusterIP: expected string, got &value.valueUnstructured{Value:1}"
)


def test_paths_in_an_answer() -> None:
    assert undeclared.named(answer(ONE)) == (".spec.selektor",)
    assert undeclared.named(answer(TWO)) == (".metadata.x.y/z", '.spec.ports[port=80,protocol="TCP"].prot')
    assert undeclared.named(answer("something else")) == ()
    assert undeclared.named(b"upstream connect error") == undeclared.named(b"[]") == ()


@pytest.mark.parametrize(
    ("body", "path", "left"),
    [
        ({"a": {"b": 1, "c": 2}}, ".a.b", {"a": {"c": 2}}),
        ({"a": {"b.c": 1, "b": {"c": 2}}}, ".a.b.c", {"a": {"b": {"c": 2}}}),
        ({"a": {"b": {"c": 2}}}, ".a.b.c", {"a": {"b": {}}}),
        ({"a": [{"name": "x, y]", "q": 1}, {"name": "z", "q": 1}]}, '.a[name="x, y]"].q',
         {"a": [{"name": "x, y]"}, {"name": "z", "q": 1}]}),
        ({"a": [{"port": 80, "q": 1}, {"port": 80, "protocol": "UDP", "q": 1}]}, '.a[port=80,protocol="TCP"].q',
         {"a": [{"port": 80}, {"port": 80, "protocol": "UDP", "q": 1}]}),
        ({"a": [{"q": 1}, {"q": 1, "r": 2}]}, ".a[1].q", {"a": [{"q": 1}, {"r": 2}]}),
        ({"a": {"b": 1}}, ".a.x", {"a": {"b": 1}}),
        ({"a": [1]}, ".a[?].x", {"a": [1]}),
        ({"a": 1}, ".a.x", {"a": 1}),
    ],
)  # fmt: skip
def test_what_is_left(body: dict[str, Any], path: str, left: dict[str, Any]) -> None:
    before = json.dumps(body)
    assert undeclared.left_out(body, [path]) == left
    assert json.dumps(body) == before
