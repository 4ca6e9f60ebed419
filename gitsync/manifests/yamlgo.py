"""YAML and JSON streams read as Kubernetes reads them: same values, same refusals, with places.

Pure. Scalars follow `goscalars`; anchors and merge keys work as in Go's yaml.v2; several JSON
objects may follow each other in one stream; of a key given twice the last counts, and a warning
says so. What a document expands to is bounded, so a few lines of nested aliases cannot exhaust memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import yaml
import yaml.reader

from gitsync.manifests import goscalars, jsonstreams
from gitsync.manifests.jsonstreams import Document, Warned, YamlError
from operator_core.jsonvalues import Json, Object

DEEPEST = 200
"""Nesting beyond this is refused; Kubernetes' own schemas stay below 30."""
MOST_NODES = 500_000
"""Nodes one document may expand to, counted after aliases; a 10 MB manifest has about as many."""
_MERGE = "tag:yaml.org,2002:merge"


def load_all(text: str) -> list[Document]:
    """Every document of a stream; raises YamlError at the first one that is not sound."""
    return list(load_each(text))


def load_each(text: str) -> Iterator[Document]:
    """Documents one by one, so that a caller knows what was sound before the YamlError."""
    if text.lstrip().startswith("{"):
        rest = yield from jsonstreams.leading(text)
        if rest == len(text):
            return
        yield from _yaml_stream(text[rest:], text.count("\n", 0, rest))
    else:
        yield from _yaml_stream(text, 0)


def _yaml_stream(text: str, lines_before: int) -> Iterator[Document]:
    """Documents of `text`, which stands `lines_before` lines into its file."""
    try:
        for document in _yaml_documents(text):
            yield document if not lines_before else _moved(document, lines_before)
    except YamlError as error:
        raise YamlError(error.line + lines_before, error.column, error.message) from error


def _moved(document: Document, lines: int) -> Document:
    warnings = tuple(replace(warned, line=warned.line + lines) for warned in document.warnings)
    return replace(document, line=document.line + lines, warnings=warnings)


def _yaml_documents(text: str) -> Iterator[Document]:
    parser = yaml.CSafeLoader(text)
    try:
        while parser.check_event():
            event = parser.get_event()
            if isinstance(event, yaml.DocumentStartEvent):
                builder = _Builder(parser)
                line, _ = _place(parser.peek_event())
                value = builder.node(0).json()
                yield Document(value, line, tuple(builder.warnings))
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise YamlError(line, column, f"control characters are not allowed: {error.reason}") from error
    except UnicodeEncodeError as error:
        raise YamlError(text.count("\n", 0, error.start) + 1, 1, "not valid Unicode text") from error
    finally:
        parser.dispose()


def _syntax_error(error: yaml.MarkedYAMLError) -> YamlError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    message = error.problem or "not YAML"
    if error.context:
        since = f" that starts at line {error.context_mark.line + 1}" if error.context_mark is not None else ""
        message = f"{message} ({error.context}{since})"
    return YamlError(line, column, message)


@dataclass(slots=True)
class _Node:
    """A built value with the place it stands at and how many values it expands to.

    Scalars are kept as Go resolves them, because a key and a value of one text can differ.
    """

    content: Json
    place: tuple[int, int]
    size: int = 1
    is_scalar: bool = False
    is_merge_key: bool = False

    def json(self) -> Json:
        """The value as JSON carries it; raises YamlError for infinite numbers."""
        if not self.is_scalar:
            return self.content
        try:
            return goscalars.json_value(self.content)
        except goscalars.ScalarError as error:
            raise _at(self.place, str(error)) from error

    def key(self) -> str:
        """The name it gives to a member of a map; raises YamlError for what cannot be one."""
        if not self.is_scalar:
            raise _at(self.place, "a key must be text, a number or a boolean, not a map or a list")
        try:
            return goscalars.key(self.content)
        except goscalars.ScalarError as error:
            raise _at(self.place, str(error)) from error


@dataclass(slots=True)
class _Builder:
    """Builds one document from the parser's events."""

    parser: yaml.CSafeLoader
    anchors: dict[str, _Node] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    nodes: int = 0

    def node(self, depth: int) -> _Node:
        """The next node of the stream, whatever it is."""
        event = self.parser.get_event()
        if depth > DEEPEST:
            raise _at(_place(event), f"nested more than {DEEPEST} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._count(1, _place(event))
        if isinstance(event, yaml.ScalarEvent):
            node = _scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(depth, _place(event))
        else:
            node = self._mapping(depth, _place(event))
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _count(self, nodes: int, place: tuple[int, int]) -> None:
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            raise _at(place, f"the document expands to more than {MOST_NODES} values (aliases of aliases?)")

    def _alias(self, event: yaml.AliasEvent) -> _Node:
        known = self.anchors.get(event.anchor or "")
        if known is None:
            # Not named: a password that begins with an asterisk is read as one.
            why = "the anchor after '*' is unknown here or contains itself; quote it if text is meant"
            raise _at(_place(event), why)
        self._count(known.size, _place(event))
        return _Node(known.content, _place(event), known.size, known.is_scalar)

    def _sequence(self, depth: int, place: tuple[int, int]) -> _Node:
        built = _Node([], place)
        while not isinstance(self.parser.peek_event(), yaml.SequenceEndEvent):
            item = self.node(depth + 1)
            built.content.append(item.json())
            built.size += item.size
        self.parser.get_event()
        return built

    def _mapping(self, depth: int, place: tuple[int, int]) -> _Node:
        built = _Node({}, place)
        own: set[str] = set()
        while not isinstance(self.parser.peek_event(), yaml.MappingEndEvent):
            key, value = self.node(depth + 1), self.node(depth + 1)
            built.size += key.size + value.size
            if key.is_merge_key:
                _merge(built.content, value)
                continue
            name = key.key()
            if name in own:
                self._warn(key.place, f"the key {name!r} is given twice; the last one counts")
            own.add(name)
            built.content[name] = value.json()
        self.parser.get_event()
        return built

    def _warn(self, place: tuple[int, int], message: str) -> None:
        self.warnings.append(Warned(*place, message))


def _merge(target: Object, node: _Node) -> None:
    """`<<` sets what its map holds where it stands, as yaml.v2 does: keys after it win, keys before it lose.

    Of a list of maps the earlier one wins.
    """
    sources = node.content if isinstance(node.content, list) else [node.content]
    if not all(isinstance(source, dict) for source in sources):
        raise _at(node.place, "'<<' takes a map or a list of maps")
    for source in reversed(sources):
        target.update(source)


def _scalar(event: yaml.ScalarEvent) -> _Node:
    # The tag "!" says "not resolved": text, also without quotes.
    plain = bool(event.implicit[0]) and event.tag != "!"
    if event.value == "<<" and (plain or event.tag == _MERGE):
        return _Node("<<", _place(event), is_scalar=True, is_merge_key=True)
    try:
        value = goscalars.resolve(event.value, None if plain else event.tag, plain)
    except goscalars.ScalarError as error:
        raise _at(_place(event), str(error)) from error
    return _Node(value, _place(event), is_scalar=True)


def _at(place: tuple[int, int], message: str) -> YamlError:
    return YamlError(*place, message)


def _place(event: yaml.Event | None) -> tuple[int, int]:
    """Line and column of an event, both counted from 1."""
    mark = event.start_mark if event is not None else None
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
