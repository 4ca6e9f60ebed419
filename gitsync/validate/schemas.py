"""An object held against an OpenAPI schema as the API server holds it, with strict field validation.

Pure. Understands what structural schemas of CustomResourceDefinitions and Kubernetes' own published
JSON schemas use; a keyword it does not know passes. Rules: apiextensions.k8s.io/v1 JSONSchemaProps,
"Field validation" of the API reference (unknown fields are refused with fieldValidation=Strict).
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gitsync.validate.findings import Steps, shown
from operator_core.jsonvalues import Json, Object

_KEEPS = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_ALWAYS_KNOWN = frozenset({"apiVersion", "kind", "metadata"})
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map",
}
_CHECKS: Mapping[str, Callable[[Json], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A field that does not fit. `is_unknown`: it is not in the schema; all else is still readable."""

    field: Steps
    message: str
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema and the definitions its references name."""

    root: Object
    definitions: Mapping[str, Object]


def problems(value: Json, schema: Schema) -> Iterator[Problem]:
    """Every field that does not fit, with a sentence that says what is expected; null is "not given"."""
    yield from _value(value, schema.root, (), schema)


def _value(value: Json, node: Object, path: Steps, schema: Schema) -> Iterator[Problem]:
    node = _resolved(node, schema)
    if value is None or not node:
        return
    wrong = _type_problem(value, node) or _form_problem(value, node)
    if wrong:
        yield Problem(path, f"{shown(path) or 'the object'} {wrong}")
    elif isinstance(value, dict):
        yield from _members(value, node, path, schema)
    elif isinstance(value, list) and isinstance(node.get("items"), dict):
        for number, item in enumerate(value):
            yield from _value(item, node["items"], (*path, number), schema)


def _resolved(node: Object, schema: Schema) -> Object:
    for _ in range(10):
        reference = node.get("$ref")
        if not isinstance(reference, str):
            return node
        node = schema.definitions.get(reference.rpartition("/")[2], {})
    return {}


def _type_problem(value: Json, node: Object) -> str:
    allowed = _types(node)
    if not allowed or any(_CHECKS[name](value) for name in allowed if name in _CHECKS):
        return ""
    wanted = " or ".join(_WORDS.get(name, name) for name in allowed)
    quote = ": quote it" if "string" in allowed and isinstance(value, bool | int | float) else ""
    return f"must be {wanted} and is {_kind(value)}{quote}"


def _types(node: Object) -> tuple[str, ...]:
    if node.get(_INT_OR_STRING) or node.get("format") == "int-or-string":
        return ("integer", "string")
    found: list[str] = []
    for one in [node, *(node.get("oneOf") or []), *(node.get("anyOf") or [])]:
        names = one.get("type") if isinstance(one, dict) else None
        found += [names] if isinstance(names, str) else names or []
    return tuple(dict.fromkeys(name for name in found if name != "null"))


def _kind(value: Json) -> str:
    for name, is_one in _CHECKS.items():
        if is_one(value):
            return _WORDS[name]
    return "null"


def _form_problem(value: Json, node: Object) -> str:
    choices = node.get("enum")
    if isinstance(choices, list) and value not in choices:
        near = difflib.get_close_matches(str(value), [str(one) for one in choices], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"must be one of {', '.join(str(one) for one in choices if one is not None)}{hint}"
    if isinstance(value, str) and isinstance(node.get("pattern"), str) and not _matches(node["pattern"], value):
        return f"must match {node['pattern']}"
    if isinstance(value, str) and len(value) < node.get("minLength", 0):
        return "must not be empty"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < node.get("minimum", value):
            return f"must be at least {node['minimum']}"
        if value > node.get("maximum", value):
            return f"must be at most {node['maximum']}"
    return ""


def _matches(pattern: str, value: str) -> bool:
    """Whether a text fits; a pattern only Go can read passes, the API server will judge it."""
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True


def _members(value: Object, node: Object, path: Steps, schema: Schema) -> Iterator[Problem]:
    known = node.get("properties") or {}
    rest = node.get("additionalProperties")
    for name in node.get("required") or []:
        if value.get(name) is None:
            yield Problem(path, f"{shown((*path, name))} is missing")
    for name, item in value.items():
        if name in known:
            yield from _value(item, known[name], (*path, name), schema)
        elif isinstance(rest, dict):
            yield from _value(item, rest, (*path, name), schema)
        elif _is_closed(node, known, rest) and not (not path and name in _ALWAYS_KNOWN):
            yield Problem((*path, name), f"{shown((*path, name))} is unknown{_near(name, known)}", True)


def _is_closed(node: Object, known: Object, rest: Json) -> bool:
    if node.get(_KEEPS) or rest is True:
        return False
    return rest is False or bool(known)


def _near(name: str, known: Object) -> str:
    by_small = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), list(by_small), n=1, cutoff=0.7)
    return f"; did you mean {by_small[near[0]]}?" if near else "; remove it, or put it where it belongs"
