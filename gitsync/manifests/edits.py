"""Changing one value in YAML that people wrote: everything else of the text stays byte for byte.

The place of a value comes from ruamel.yaml's round-trip parser; the text between its marks is replaced, so comments,
order, indentation and quotes around it are never written anew. What was edited is read again and must differ in that
value alone. Pure.
"""

import io
import json
import re

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gitsync.manifests import yamlgo
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Json

Path = tuple[str | int, ...]
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@+-]*[A-Za-z0-9_./@+-]|[A-Za-z0-9]")


def replaced(text: str, document: int, path: Path, value: Json) -> str:
    """`text` with `value` (a scalar or a list of texts) at `path` of the document (from 0).

    Raises Stalled(Invalid) where there is no such value to replace, or it cannot be told apart from others.
    """
    node = _node(_documents(text)[document], path)
    if isinstance(node, SequenceNode) and isinstance(value, list):
        edited = _with_list(text, node, value)
    elif isinstance(node, ScalarNode) and not isinstance(value, dict | list):
        edited = _with_text(text, node, _scalar(value, node))
    else:
        raise Stalled(Reason.Invalid, f"{shown(path)} is of another kind than {json.dumps(value)}")
    _check(text, edited, document, path, value)
    return edited


def document_at(text: str, line: int) -> int:
    """The number (from 0) of the document that has a line (from 1)."""
    starts = [node.start_mark.line for node in _documents(text)]
    return max((number for number, start in enumerate(starts) if start < line), default=0)


def index_of(text: str, document: int, path: Path, key: str, value: str) -> int | None:
    """The index in the list at `path` of the map whose `key` is `value`; None where there is none."""
    found: Json = _values(text)[document]
    for step in path:
        found = found.get(step) if isinstance(found, dict) and isinstance(step, str) else None
    if not isinstance(found, list):
        return None
    return next((n for n, item in enumerate(found) if isinstance(item, dict) and item.get(key) == value), None)


def shown(path: Path) -> str:
    """A path for people: `spec.job.args[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _documents(text: str) -> list[Node]:
    try:
        return [node for node in YAML(typ="rt").compose_all(io.StringIO(text)) if node is not None]
    except YAMLError as error:
        raise Stalled(Reason.Invalid, f"the file is not YAML: {str(error).splitlines()[0]}") from error


def _values(text: str) -> list[Json]:
    return [value for value in YAML(typ="safe", pure=True).load_all(io.StringIO(text)) if value is not None]


def _node(node: Node, path: Path) -> Node:
    for number, step in enumerate(path):
        below = None
        if isinstance(node, MappingNode):
            below = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            below = node.value[step]
        if below is None:
            raise Stalled(Reason.Invalid, f"the file has no {shown(path[: number + 1])} to change")
        node = below
    return node


def _with_text(text: str, node: Node, new: str) -> str:
    return text[: node.start_mark.index] + new + text[node.end_mark.index :]


def _scalar(value: Json, node: ScalarNode) -> str:
    """The value as text, quoted as the old one was where it has to be quoted at all."""
    if not isinstance(value, str):
        return json.dumps(value)
    if node.style == "'" and "'" not in value and value.isprintable():
        return f"'{value}'"
    plain = node.style is None and _PLAIN.fullmatch(value) and _read(value) == value
    return value if plain else json.dumps(value, ensure_ascii=not value.isprintable())


def _read(text: str) -> Json:
    """What Kubernetes reads, whose YAML has more words for true and false than ruamel's."""
    return yamlgo.load_all(text)[0].value


def _with_list(text: str, node: SequenceNode, value: list[Json]) -> str:
    old: list[Node] = node.value
    if node.flow_style or not old:
        return _with_text(text, node, json.dumps(value, ensure_ascii=False))
    if len(old) == len(value) and all(isinstance(item, ScalarNode) for item in old):
        for item, new in reversed(list(zip(old, value, strict=True))):
            if item.value != new:
                text = _with_text(text, item, _scalar(new, item))
        return text
    indent = " " * node.start_mark.column
    items = [_scalar(one, ScalarNode(tag="", value="")) for one in value]
    block = f"\n{indent}- ".join(items)
    end = old[-1].end_mark.index
    return text[: node.start_mark.index] + (f"- {block}" if items else "[]") + text[end:]


def _check(before: str, after: str, document: int, path: Path, value: Json) -> None:
    """Nothing but the value may have changed: anchors, tags and odd styles can make a splice mean more."""
    shared = f"{shown(path)} cannot be changed alone: it is shared or written in a way of its own"
    try:
        expected, found = _values(before), _values(after)
    except YAMLError as error:
        raise Stalled(Reason.Invalid, shared) from error
    holder: Json = expected[document]
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    if expected != found:
        raise Stalled(Reason.Invalid, shared)
