"""One file's content, judged alone."""

import json

import pytest

from gitsync.render import documents

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"


def objects(content: bytes, is_json: bool = False) -> list[object]:
    parsed = documents.parse(content, is_json=is_json)
    assert parsed.errors == ()
    return [json.loads(found.text)["metadata"]["name"] for found in parsed.objects]


def errors(content: str, is_json: bool = False) -> list[str]:
    return [f"{e.line}: {e.message}" for e in documents.parse(content.encode(), is_json=is_json).errors]


@pytest.mark.parametrize(
    "content",
    [
        MAP.encode(),
        b"\xef\xbb\xbf" + MAP.encode(),
        b"\xff\xfe" + MAP.encode("utf-16-le"),
        b"\xfe\xff" + MAP.encode("utf-16-be"),
        MAP.replace("\n", "\r\n").encode(),
        ("\ufeff" + MAP).encode("utf-16"),
    ],
)
def test_byte_order_marks_and_line_ends(content: bytes) -> None:
    if content.startswith(b"\xff\xfe\xff\xfe"):
        content = content[2:]
    assert objects(content) == ["a"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# words\n", b"---\n---\n", b"# +argocd:skip-file-rendering\n[[["])
def test_files_with_nothing_to_say(content: bytes) -> None:
    assert documents.parse(content, is_json=False) == documents.Parsed()


def test_a_json_file_may_be_empty_and_holds_one_object() -> None:
    assert documents.parse(b" \n", is_json=True).errors == ()
    assert objects(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}', is_json=True) == ["a"]
    assert errors("{", is_json=True)[0].startswith("1: not JSON")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("apiVersion: v1\nmetadata: {name: a}\n", "1: 'kind' is missing"),
        ("apiVersion: v1\nkind: [x]\nmetadata: {name: a}\n", "1: 'kind' must be text"),
        ("kind: ConfigMap\nmetadata: {name: a}\n", "1: ConfigMap: 'apiVersion' is missing"),
        ("apiVersion: 1\nkind: ConfigMap\nmetadata: {name: a}\n", "1: ConfigMap: 'apiVersion' must be text"),
        ("apiVersion: a/b/c\nkind: A\nmetadata: {name: a}\n", "1: A: 'apiVersion' 'a/b/c' is not a group and version"),
        ("apiVersion: v1\nkind: A\n", "1: A: 'metadata' is missing"),
        ("apiVersion: v1\nkind: A\nmetadata: x\n", "1: A: 'metadata' must be a map"),
        ("apiVersion: v1\nkind: A\nmetadata: {}\n", "1: A: 'metadata.name' is missing"),
        ("apiVersion: v1\nkind: A\nmetadata: {name: 12}\n", "1: A: 'metadata.name' must be text: quote it"),
        ("apiVersion: v1\nkind: A\nmetadata: {name: a, namespace: 1}\n", "1: A a: 'metadata.namespace' must be text"),
        ("apiVersion: v1\nkind: A\nmetadata: {name: a, labels: [x]}\n", "1: A a: 'metadata.labels' must be a map"),
        (
            "# x\napiVersion: v1\nkind: A\nmetadata: {name: a, annotations: {k: 1}}\n",
            "2: A a: the value of 'metadata.annotations.k' must be text: quote it",
        ),
        ("apiVersion: v1\nkind: List\nitems: {}\n", "1: List: 'items' must be a list"),
        ("apiVersion: v1\nkind: List\nitems: [{metadata: {}}]\n", "1: List: an item is no Kubernetes object"),
        ("apiVersion: v1\nkind: List\nitems: [x]\n", "1: List: an item is no Kubernetes object"),
    ],
)
def test_objects_that_cannot_be_sent(content: str, message: str) -> None:
    (only,) = errors(content)
    assert only.startswith(message)


def test_names_may_be_generated() -> None:
    content = "apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\n"
    assert len(documents.parse(content.encode(), is_json=False).objects) == 1


def test_after_an_object_anything_else_is_an_error() -> None:
    assert errors(f"{MAP}---\n- x\n---\nfoo: 1\n") == [
        "6: this document is no Kubernetes object: 'kind' is missing",
        "8: this document is no Kubernetes object: 'kind' is missing",
    ]
    assert errors(f"{MAP}---\nb: [\n") == [
        "7: did not find expected node content (while parsing a flow node that starts at line 7)"
    ]
    assert errors("foo: 1\n") == []
    assert errors("# apiVersion: kind: metadata:\nfoo: 1\n") == [
        "2: this document is no Kubernetes object: 'kind' is missing"
    ]


def test_a_list_may_be_nested_and_typed() -> None:
    inner = (
        '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "A", "metadata": {"name": "x"}}]}'
    )
    content = f'{{"apiVersion": "v1", "kind": "List", "items": [{inner}]}}'
    assert objects(content.encode(), is_json=True) == ["x"]
