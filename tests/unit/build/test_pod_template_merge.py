"""The common template and a role's one become one: by index, or by name where asked."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operator_core.model import podtemplates

COMMON = {"env": [{"name": "A", "value": "common"}, {"name": "B", "value": "common"}], "x": {"y": 1, "z": 2}}
OWN = {"env": [{"name": "B", "value": "own"}, {"name": "C", "value": "own"}], "x": {"z": 3}}


def test_objects_merge_by_key_and_lists_by_index() -> None:
    assert podtemplates.merge(COMMON, OWN, by_name=False) == {
        "env": [{"name": "B", "value": "own"}, {"name": "C", "value": "own"}],
        "x": {"y": 1, "z": 3},
    }


def test_lists_merge_by_name_where_asked() -> None:
    assert podtemplates.merge(COMMON, OWN, by_name=True)["env"] == [
        {"name": "A", "value": "common"},
        {"name": "B", "value": "own"},
        {"name": "C", "value": "own"},
    ]


@pytest.mark.parametrize(
    ("base", "specific", "merged"),
    [
        ([1, 2, 3], [9], [9, 2, 3]),
        ([1], [9, 8], [9, 8]),
        ([{"key": "a"}], [{"operator": "Exists"}], [{"key": "a", "operator": "Exists"}]),
        # two mounts of one volume: names do not tell them apart
        (
            [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}],
            [{"name": "v", "readOnly": True}],
            [{"name": "v", "mountPath": "/a", "readOnly": True}, {"name": "v", "mountPath": "/b"}],
        ),
        ({"a": 1}, "text", "text"),
        ("text", {"a": 1}, {"a": 1}),
    ],
)
def test_lists_without_telling_names_merge_by_index(base: Any, specific: Any, merged: Any) -> None:
    assert podtemplates.merge(base, specific, by_name=True) == merged


NAMED = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abcd"), "value": st.integers(0, 9)}),
    max_size=4,
    unique_by=lambda element: element["name"],
)
JSON = st.recursive(
    st.integers(0, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "name"]), inner, max_size=3),
    max_leaves=12,
)


@given(NAMED, NAMED)
def test_by_name_is_a_union_in_which_the_role_wins(base: list[Any], specific: list[Any]) -> None:
    merged = podtemplates.merge(base, specific, by_name=True)
    values = {element["name"]: element["value"] for element in base} | {e["name"]: e["value"] for e in specific}
    assert {element["name"]: element["value"] for element in merged} == values
    assert len(merged) == len(values)
    assert [element["name"] for element in merged][: len(base)] == [element["name"] for element in base]


@given(JSON, JSON, st.booleans())
def test_nothing_given_is_changed_or_shared(base: Any, specific: Any, by_name: bool) -> None:
    before = copy.deepcopy((base, specific))
    first = podtemplates.merge(base, specific, by_name=by_name)
    _spoil(first)
    assert (base, specific) == before


@given(JSON, st.booleans())
def test_merging_with_itself_or_nothing_changes_nothing(value: Any, by_name: bool) -> None:
    assert podtemplates.merge(value, value, by_name=by_name) == value
    if isinstance(value, dict):
        assert podtemplates.merge(value, {}, by_name=by_name) == value
        assert podtemplates.merge({}, value, by_name=by_name) == value


def test_a_pod_of_an_early_release_keeps_its_template_only() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": "b"}}, "spec": {"volumes": []}}
    assert podtemplates.merged(pod, None, by_name=False) == {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"volumes": []},
    }


def test_the_main_container_is_found_or_added() -> None:
    template = {"spec": {"containers": [{"name": "side"}, {"name": "flink-main-container", "image": "x"}]}}
    assert podtemplates.main_container(template)["image"] == "x"
    empty: dict[str, Any] = {}
    podtemplates.main_container(empty)["image"] = "y"
    assert empty == {"spec": {"containers": [{"name": "flink-main-container", "image": "y"}]}}


def _spoil(value: Any) -> None:
    if isinstance(value, dict):
        for item in value.values():
            _spoil(item)
        value["spoiled"] = True
    elif isinstance(value, list):
        for item in value:
            _spoil(item)
        value.append("spoiled")
