"""One value changes, every other byte stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.manifests import edits, yamlgo
from operator_core.errors import Stalled

TEXT = """\
# the orders job
apiVersion: flink.apache.org/v1beta1   # stays
kind: FlinkDeployment
metadata:
    name:   orders
spec:
    image: 'registry/orders:1'   # {"note": "quoted"}

    job: {parallelism: 2, args: [a, "b c"]}   # flow
---
kind: Second
spec:
  job:
    jarURI: local:///opt/job.jar
    args:
    - --topic   # which
    - orders
  image: registry/orders:1
"""


@pytest.mark.parametrize(
    ("document", "path", "value", "old", "new"),
    [
        (0, ("spec", "image"), "registry/orders:2", "'registry/orders:1'", "'registry/orders:2'"),
        (0, ("spec", "job", "parallelism"), 4, "parallelism: 2", "parallelism: 4"),
        (0, ("spec", "job", "args"), ["x"], '[a, "b c"]', '["x"]'),
        (1, ("spec", "image"), "registry/orders:2", "  image: registry/orders:1\n", "  image: registry/orders:2\n"),
        (1, ("spec", "job", "jarURI"), "https://a/b.jar", "local:///opt/job.jar", "https://a/b.jar"),
        (1, ("spec", "job", "args"), ["--topic", "new: one"], "- orders", '- "new: one"'),
        (1, ("spec", "job", "args"), ["a"], "- --topic   # which\n    - orders", "- a"),
        (
            1,
            ("spec", "job", "args"),
            ["true", "b", "c"],
            "- --topic   # which\n    - orders",
            '- "true"\n    - b\n    - c',
        ),
    ],
)
def test_only_the_value_changes(document: int, path: edits.Path, value: object, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert edits.replaced(TEXT, document, path, value) == TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("spec", "nothing"), "x", "the file has no spec.nothing to change"),
        (("spec", "job"), "x", "spec.job is of another kind"),
        (("spec", "job", "args", 7), "x", r"no spec.job.args\[7\]"),
    ],
)
def test_what_is_not_there_is_named(path: edits.Path, value: object, message: str) -> None:
    with pytest.raises(Stalled, match=message):
        edits.replaced(TEXT, 0, path, value)


def test_a_value_that_an_anchor_shares_is_not_changed() -> None:
    text = "a: &tag one\nb: *tag\n"
    with pytest.raises(Stalled, match="cannot be changed alone"):
        edits.replaced(text, 0, ("b",), "two")


def test_line_ends_and_marks_stay() -> None:
    text = "\ufeffspec:\r\n  image: a:1\r\n  x: 1\r\n"
    assert edits.replaced(text, 0, ("spec", "image"), "a:2") == text.replace("a:1", "a:2")


def test_a_file_that_is_no_yaml_says_so() -> None:
    with pytest.raises(Stalled, match="the file is not YAML"):
        edits.replaced("a: [", 0, ("a",), "b")


@pytest.mark.parametrize(("line", "number"), [(1, 0), (4, 0), (11, 1), (17, 1)])
def test_a_line_tells_its_document(line: int, number: int) -> None:
    assert edits.document_at(TEXT, line) == number


def test_an_item_is_found_by_a_key() -> None:
    text = "images:\n- name: a\n- name: b\n  newTag: '1'\n"
    assert edits.index_of(text, 0, ("images",), "name", "b") == 1
    assert edits.index_of(text, 0, ("images",), "name", "c") is None
    assert edits.replaced(text, 0, ("images", 1, "newTag"), "2") == text.replace("'1'", "'2'")


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=20))
def test_any_text_is_written_so_that_it_is_read_again(value: str) -> None:
    for old in ("a: old # c\n", "a: 'old' # c\n", 'a: "old" # c\n'):
        edited = edits.replaced(old, 0, ("a",), value)
        assert edited.endswith(" # c\n")
        assert yamlgo.load_all(edited)[0].value == {"a": value}
