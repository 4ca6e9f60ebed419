"""YAML against the answers of Kubernetes' own decoder.

`kubernetes_answers.jsonl` holds what k8s.io/apimachinery v0.37.2 (`NewYAMLOrJSONDecoder`) made of
each text: the documents as JSON, and the error that ended the stream.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.manifests import goscalars, jsonstreams, yamlgo
from gitsync.manifests.jsonstreams import YamlError
from operator_core.jsonvalues import Json

ANSWERS = [json.loads(line) for line in Path(__file__).with_name("kubernetes_answers.jsonl").read_text().splitlines()]


def as_sent(value: Json) -> Json:
    """Go's numbers as the API server reads them: a whole float is an integer."""
    if isinstance(value, dict):
        return {key: as_sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_sent(item) for item in value]
    return goscalars.json_value(value)


@pytest.mark.parametrize("answer", ANSWERS, ids=[repr(answer["text"])[:60] for answer in ANSWERS])
def test_every_text_is_read_as_kubernetes_reads_it(answer: Json) -> None:
    found, failed = [], False
    try:
        for document in yamlgo.load_each(answer["text"]):
            if document.value is not None:
                found.append(document.value)
    except YamlError:
        failed = True
    assert json.dumps(found, sort_keys=True) == json.dumps(as_sent(answer["documents"]), sort_keys=True)
    assert failed == bool(answer["error"])


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: [1, 2\n", 2, 1, "did not find expected ',' or ']'"),
        ("a: 1\nb:\n  - x\n c: 2\n", 4, 2, "did not find expected key"),
        ("a:\n\tb: 1\n", 2, 1, "cannot start any token"),
        ("x: y\na: \x01\n", 2, 4, "control characters are not allowed"),
        ("a:\n  b: .inf\n", 2, 6, "JSON knows no infinite or undefined number"),
        ("a:\n  ? [1]\n  : 2\n", 2, 5, "a key must be text"),
        (
            "ok: 1\n---\nb: *nobody\n",
            3,
            4,
            "the anchor after '*' is unknown here or contains itself; quote it if text is meant",
        ),
        ("a: !!int x\n", 1, 4, "the value cannot be decoded as !!int"),
        ('{"a": 1}\n{"b": }\n', 2, 7, "not JSON: Expecting value"),
        ('{"a": 1}\n---\nb: [\n', 4, 1, "did not find expected node content"),
        ("b:\n  <<: 1\n", 2, 7, "'<<' takes a map or a list of maps"),
    ],
)
def test_errors_name_the_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(YamlError) as caught:
        yamlgo.load_all(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert message in caught.value.message


def test_documents_know_their_line() -> None:
    documents = yamlgo.load_all("# first\na: 1\n---\n# more\n\n- x\n---\n---\nb: 2\n")
    assert [(document.value, document.line) for document in documents] == [
        ({"a": 1}, 2),
        (["x"], 6),
        (None, 8),
        ({"b": 2}, 9),
    ]


def test_keys_given_twice_are_told_and_the_last_counts() -> None:
    (document,) = yamlgo.load_all("a: 1\nb:\n  y: 1\n  true: 2\na: 3\n")
    assert document.value == {"a": 3, "b": {"true": 2}}
    assert [(warned.line, warned.column) for warned in document.warnings] == [(4, 3), (5, 1)]
    assert document.warnings[1].message == "the key 'a' is given twice; the last one counts"
    (document,) = yamlgo.load_all('{"a": 1, "a": 2}')
    assert document.value == {"a": 2}
    assert len(document.warnings) == 1


def test_json_files_hold_one_object() -> None:
    assert jsonstreams.load_json(' {"a": 1.0}\n').value == {"a": 1}
    for text, line in (('{"a": 1}\n{"b": 2}', 2), ("", 1), ("{,}", 1), ("a: 1", 1), ('{"a": NaN}', 1)):
        with pytest.raises(YamlError) as caught:
            jsonstreams.load_json(text)
        assert caught.value.line == line


def test_nested_aliases_do_not_exhaust_memory() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    with pytest.raises(YamlError, match="expands to more than 500000 values"):
        yamlgo.load_all(text)


@pytest.mark.parametrize("text", ["[" * 300 + "]" * 300, "a: " + "{b: " * 300 + "}" * 300])
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(YamlError, match="nested more than 200 levels deep"):
        yamlgo.load_all(text)


def test_deep_json_is_refused() -> None:
    with pytest.raises(YamlError):
        yamlgo.load_all('{"a":' * 100_000 + "1" + "}" * 100_000)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        documents = yamlgo.load_all(text)
    except YamlError as error:
        assert error.line >= 1
        assert error.column >= 1
        return
    for document in documents:
        json.dumps(document.value, allow_nan=False)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), below, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), _json, max_size=4))
def test_json_is_read_as_it_is(value: Json) -> None:
    assert [document.value for document in yamlgo.load_all(json.dumps(value))] == [value]
