"""Where in a file a field of an object is written.

Pure. Reads a YAML or JSON text again for its marks, only when there is something to tell about it.
A field that is not written (it is missing, or came from elsewhere) stands where its nearest written
parent does.
"""

from collections.abc import Iterator

import yaml

from gitsync.validate.findings import Steps
from operator_core.jsonvalues import Object, dig


class Places:
    """The marks of one file's text; a text that is not sound YAML has none."""

    def __init__(self, text: str) -> None:
        self._roots: list[yaml.Node] = []
        try:
            self._roots = [root for root in yaml.compose_all(text, Loader=yaml.CSafeLoader) if root is not None]
        except (yaml.YAMLError, UnicodeEncodeError, RecursionError):
            return

    def find(self, line: int, body: Object, field: Steps) -> tuple[int, int]:
        """Line and column of a field of the object whose document starts at `line`; (line, 0) without marks."""
        root = next((one for one in self._roots if one.start_mark.line + 1 == line), None)
        if root is None:
            return line, 0
        node = next(_objects(root, body), root)
        place = node.start_mark
        for step in field:
            key, value = _step(node, step)
            if value is None:
                break
            place, node = key.start_mark if key is not None else value.start_mark, value
        return place.line + 1, place.column + 1


def _objects(root: yaml.Node, body: Object) -> Iterator[yaml.Node]:
    """The item of a flattened list that is `body`; nothing for a document that is the object itself."""
    _, items = _step(root, "items")
    if not isinstance(items, yaml.SequenceNode) or "items" in body:
        return
    for item in items.value:
        _, meta = _step(item, "metadata")
        _, name = _step(meta, "name")
        _, kind = _step(item, "kind")
        same_kind = not isinstance(kind, yaml.ScalarNode) or kind.value == body.get("kind")
        if same_kind and isinstance(name, yaml.ScalarNode) and name.value == dig(body, "metadata", "name"):
            yield item


def _step(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node | None]:
    """The key's and the value's node below `node`; None where there is none."""
    if isinstance(node, yaml.MappingNode):
        merged: list[yaml.Node] = []
        for key, value in reversed(node.value):
            if key.value == str(step):
                return key, value
            if key.value == "<<":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
        for source in merged:
            key, value = _step(source, step)
            if value is not None:
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and -len(node.value) <= step < len(node.value):
        return None, node.value[step]
    return None, None
