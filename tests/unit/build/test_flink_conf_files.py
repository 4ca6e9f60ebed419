"""Flink's configuration as a file, read back as Flink reads it."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from operator_core.build import flinkconffiles
from operator_core.build.flinkconf import FlinkConf
from operator_core.conf import flattening
from operator_core.model import flinkversions


def conf(version: str, arguments: tuple[str, ...] | None = None, **texts: str) -> FlinkConf:
    return FlinkConf(texts, arguments, flinkversions.parse(version))


def flattened(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """As Flink's YAML reader flattens a file: lists stay lists."""
    result: dict[str, Any] = {}
    for key, item in value.items():
        result |= flattened(item, f"{prefix}{key}.") if isinstance(item, dict) else {f"{prefix}{key}": item}
    return result


def test_before_2_0_it_is_flat_and_sorted() -> None:
    made = conf("v1_20", ("--a", "x;y", ""), **{"b.c": "1", "a": "text with: colon"})
    assert flinkconffiles.render(made) == (
        "flink-conf.yaml",
        "$internal.application.program-args: --a;'x;y';''\na: text with: colon\nb.c: 1\n",
    )


def test_from_2_0_on_it_is_nested_with_quoted_texts() -> None:
    made = conf("v2_0", ("--a", "1"), **{"b.c": "1", "b.d.e": "true", "x": "1e3"})
    name, content = flinkconffiles.render(made)
    assert name == "config.yaml"
    assert content == (
        "$internal:\n  application:\n    program-args:\n    - '--a'\n    - '1'\n"
        "b:\n  c: '1'\n  d:\n    e: 'true'\nx: '1e3'\n"
    )


def test_a_session_cluster_has_no_arguments() -> None:
    for version in ("v1_20", "v2_0"):
        assert "program-args" not in flinkconffiles.render(conf(version, None, a="b"))[1]


def test_a_key_that_is_also_a_prefix_stays_dotted() -> None:
    values = {"high-availability": "kubernetes", "high-availability.storageDir": "s3://ha", "a.b.c": "1", "a.b": "2"}
    tree = flinkconffiles.nested(values)
    assert tree == {
        "high-availability": "kubernetes",
        "high-availability.storageDir": "s3://ha",
        "a": {"b": "2", "b.c": "1"},
    }
    assert flattened(tree) == values


@pytest.mark.parametrize("value", ["a # b", "#fff", "two\nlines"])
@pytest.mark.parametrize(
    ("version", "name"), [("v1_18", "flink-conf.yaml"), ("v1_19", "config.yaml"), ("v1_20", "config.yaml")]
)
def test_what_the_flat_file_would_cut_goes_into_the_nested_one(value: str, version: str, name: str) -> None:
    for made in (conf(version, (value,), a="b"), conf(version, (), a=value)):
        assert flinkconffiles.render(made)[0] == name


def test_nothing_else_changes_the_file_of_1_20() -> None:
    assert flinkconffiles.render(conf("v1_20", ("two words",), a="x: y;z"))[0] == "flink-conf.yaml"


KEYS = st.lists(st.sampled_from(["a", "b", "$internal", "c-d"]), min_size=1, max_size=4).map(".".join)
TEXTS = st.text(
    alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12
) | st.sampled_from(
    [
        "",
        "null",
        "~",
        "true",
        "yes",
        "1e3",
        "0o17",
        "12:30",
        "two\nlines",
        " x ",
        "'",
        '"',
        "- a",
        "{a: b}",
        "a: b",
        "# c",
    ]
)


@given(st.dictionaries(KEYS, TEXTS, max_size=8), st.lists(TEXTS, max_size=3))
def test_the_nested_file_is_read_back(texts: dict[str, str], arguments: list[str]) -> None:
    _, content = flinkconffiles.render(FlinkConf(texts, tuple(arguments), flinkversions.parse("v2_0")))
    read = flattened(yaml.safe_load(content))
    assert read.pop("$internal.application.program-args") == arguments
    assert read == texts


FLAT_TEXTS = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=12)


@given(st.dictionaries(KEYS, FLAT_TEXTS.filter(bool), max_size=8), st.lists(FLAT_TEXTS, min_size=1, max_size=3))
def test_the_flat_file_is_read_back(texts: dict[str, str], arguments: list[str]) -> None:
    _, content = flinkconffiles.render(FlinkConf(texts, tuple(arguments), flinkversions.parse("v1_20")))
    read = dict(line.split(": ", 1) for line in content.splitlines())
    assert flattening.split_list(read.pop("$internal.application.program-args")) == tuple(arguments)
    assert read == texts
