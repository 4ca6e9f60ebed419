"""The objects one manifest file holds, judged by its content alone.

Pure. Which broken files count as broken manifests and which are somebody else's YAML follows Argo CD:
after a good document any bad one is an error; without one, the file counts when it looks like a
manifest. Lists are flattened; objects come out as JSON text, so that no reader can change another's.
"""

import codecs
import json
import re
from dataclasses import dataclass, field

from gitsync.manifests import jsonstreams, yamlgo
from gitsync.manifests.jsonstreams import YamlError
from operator_core.jsonvalues import Json, Object

SKIP_MARKER = b"+argocd:skip-file-rendering"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
LFS_PROBLEM = "this is a Git LFS pointer and not the file it stands for: store manifests without LFS"
_LOOKS_LIKE_A_MANIFEST = ("apiVersion:", "kind:", "metadata:")
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GROUP_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Found:
    """An object as JSON text and the line its document starts at."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something to tell about a place of the file; line and column start at 1, 0 where there is none."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's content."""

    objects: tuple[Found, ...] = ()
    warnings: tuple[Wrong, ...] = ()
    errors: tuple[Wrong, ...] = ()


@dataclass(slots=True)
class _Reading:
    objects: list[Found] = field(default_factory=list)
    warnings: list[Wrong] = field(default_factory=list)
    errors: list[Wrong] = field(default_factory=list)
    strangers: list[int] = field(default_factory=list)


def is_lfs_pointer(content: bytes) -> bool:
    """Whether a file is what Git LFS leaves in its place; its content is in no commit."""
    return content.startswith(_LFS_POINTER)


def parse(content: bytes, *, is_json: bool) -> Parsed:
    """All objects of a file, or what is wrong with it."""
    if SKIP_MARKER in content:
        return Parsed()
    if is_lfs_pointer(content):
        return Parsed(errors=(Wrong(1, 0, LFS_PROBLEM),))
    try:
        text = _decoded(content)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Parsed(errors=(Wrong(line, 0, f"not UTF-8 text (byte {error.start})"),))
    reading = _Reading()
    try:
        documents = [jsonstreams.load_json(text)] if is_json and text.strip() else yamlgo.load_each(text)
        for document in documents:
            reading.warnings += [Wrong(warned.line, warned.column, warned.message) for warned in document.warnings]
            if document.value is not None:
                _take(document.value, document.line, reading)
    except YamlError as error:
        if reading.objects or is_json or all(sign in text for sign in _LOOKS_LIKE_A_MANIFEST):
            reading.errors.append(Wrong(error.line, error.column, error.message))
        else:
            note = f"left out: neither a manifest nor valid YAML ({error.message})"
            reading.warnings.append(Wrong(error.line, error.column, note))
    return _judged(reading, text)


def _judged(reading: _Reading, text: str) -> Parsed:
    """Documents that are no objects are an error beside objects, and in what looks like a manifest."""
    if reading.strangers:
        is_manifest = reading.objects or reading.errors or all(sign in text for sign in _LOOKS_LIKE_A_MANIFEST)
        wrong = [
            Wrong(line, 0, "this document is no Kubernetes object: 'kind' is missing") for line in reading.strangers
        ]
        if is_manifest:
            reading.errors += wrong
        else:
            reading.warnings.append(Wrong(0, 0, "left out: it holds no Kubernetes object"))
    return Parsed(tuple(reading.objects), tuple(reading.warnings), tuple(sorted(reading.errors, key=lambda w: w.line)))


def _decoded(content: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    return content.decode("utf-8")


def _take(value: Json, line: int, reading: _Reading) -> None:
    if not isinstance(value, dict):
        reading.strangers.append(line)
        return
    kind = value.get("kind")
    if kind is None and not ("apiVersion" in value and "metadata" in value):
        reading.strangers.append(line)
        return
    if isinstance(kind, str) and kind.endswith("List") and "items" in value:
        _take_list(value, kind, line, reading)
        return
    problem = _problem(value)
    if problem:
        reading.errors.append(Wrong(line, 0, problem))
        return
    reading.objects.append(Found(json.dumps(value, ensure_ascii=False, separators=(",", ":")), line))


def _take_list(value: Object, kind: str, line: int, reading: _Reading) -> None:
    items = value["items"]
    if items is None and "spec" not in value and "status" not in value:
        return
    if not isinstance(items, list):
        reading.errors.append(Wrong(line, 0, f"{kind}: 'items' must be a list"))
        return
    for item in items:
        if isinstance(item, dict) and kind != "List" and "kind" not in item:
            # A typed list may leave out what its own kind says, as the API server's lists do.
            item = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List"), **item}
        if not isinstance(item, dict) or "kind" not in item:
            reading.errors.append(Wrong(line, 0, f"{kind}: an item is no Kubernetes object: 'kind' is missing"))
        else:
            _take(item, line, reading)


def _problem(value: Object) -> str:
    """Why an object cannot be sent to the API server; empty when it can."""
    kind, version, metadata = value.get("kind"), value.get("apiVersion"), value.get("metadata")
    if not isinstance(kind, str) or not kind:
        return "'kind' is missing" if not kind else "'kind' must be text"
    if not isinstance(version, str) or not version:
        return f"{kind}: 'apiVersion' is missing" if not version else f"{kind}: 'apiVersion' must be text"
    if not _GROUP_VERSION.fullmatch(version):
        return f"{kind}: 'apiVersion' {version!r} is not a group and version such as apps/v1"
    if not isinstance(metadata, dict):
        return f"{kind}: 'metadata' is missing" if metadata is None else f"{kind}: 'metadata' must be a map"
    return _problem_of_metadata(kind, metadata)


def _problem_of_metadata(kind: str, metadata: Object) -> str:
    name = metadata.get("name") or metadata.get("generateName")
    if not isinstance(name, str):
        return f"{kind}: 'metadata.name' " + ("is missing" if not name else "must be text: quote it")
    namespace = metadata.get("namespace")
    if namespace is not None and not isinstance(namespace, str):
        return f"{kind} {name}: 'metadata.namespace' must be text: quote it"
    for field_name in ("labels", "annotations"):
        pairs = metadata.get(field_name)
        if pairs is None:
            continue
        if not isinstance(pairs, dict):
            return f"{kind} {name}: 'metadata.{field_name}' must be a map"
        for key, text in pairs.items():
            if text is not None and not isinstance(text, str):
                return f"{kind} {name}: the value of 'metadata.{field_name}.{key}' must be text: quote it"
    return ""
