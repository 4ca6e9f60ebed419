"""Free-form configuration made flat, and Flink's list and map texts read back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operator_core.conf import flattening


@pytest.mark.parametrize(
    ("given_", "flat"),
    [
        ({}, {}),
        ({"a.b": "c"}, {"a.b": "c"}),
        ({"a": {"b": {"c": 1}}}, {"a.b.c": "1"}),
        ({"a": {"b.c": True}, "a.d": False}, {"a.b.c": "true", "a.d": "false"}),
        ({"a": 1.0, "b": 0.25, "c": 10**20}, {"a": "1.0", "b": "0.25", "c": "100000000000000000000"}),
        ({"a": ["x", 1, True]}, {"a": "x;1;true"}),
        ({"a": ["x;y", "it's", "", " z"]}, {"a": "'x;y';'it''s';'';' z'"}),
        ({"a": [], "b": {}, "c": None}, {}),
        ({"a": {"b": "first"}, "a.b": "second"}, {"a.b": "second"}),
        ({"a": ""}, {"a": ""}),
    ],
)
def test_configuration_becomes_flat(given_: dict[str, Any], flat: dict[str, str]) -> None:
    assert flattening.flatten(given_) == flat


KEYS = st.text(alphabet="abcxyz-", min_size=1, max_size=4)
TREES = st.recursive(
    st.text(max_size=6), lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3), max_leaves=10
)


@given(st.dictionaries(KEYS, TREES, max_size=4))
def test_every_text_is_found_under_its_path(tree: dict[str, Any]) -> None:
    flat = flattening.flatten(tree)
    for key, value in flat.items():
        place: Any = tree
        for part in key.split("."):
            place = place[part]
        assert place == value
    assert flattening.flatten(flat) == flat


@given(st.lists(st.text(alphabet="ab;,:'\" #", max_size=6), min_size=1, max_size=5))
def test_lists_are_read_back(items: list[str]) -> None:
    assert flattening.split_list(flattening.list_text(items)) == tuple(items)


TEXTS = st.text(alphabet="ab;,:'\"# ./", max_size=6)


@given(st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=4))
def test_maps_are_read_back(members: dict[str, str]) -> None:
    assert flattening.split_map(flattening.map_text(members)) == members


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", {}),
        ("a:b,c:d", {"a": "b", "c": "d"}),
        (" a : b , c:d ", {"a": "b", "c": "d"}),
        ("key:k1,operator:Exists", {"key": "k1", "operator": "Exists"}),
        ("path:/opt/secret:ro", {"path": "/opt/secret:ro"}),
        ("a:", {"a": ""}),
    ],
)
def test_maps_are_read_as_flink_does(text: str, members: dict[str, str]) -> None:
    assert flattening.split_map(text) == members


def test_an_entry_without_a_colon_is_told() -> None:
    with pytest.raises(ValueError, match="'b' is not key:value"):
        flattening.split_map("a:1,b")
