"""Fields that no schema knows, in objects whose sync options say Validate=false.

A server-side apply refuses such a field whatever `fieldValidation` says, and names it by its path: one per map and
answer, so an apply is repeated until none is left (structured-merge-diff: `.spec.ports[port=80,protocol="TCP"].x:
field not declared in schema`). A name may hold dots, so a path is read beside the object that it is about. Pure.
"""

import json
import re
from collections.abc import Iterable

from gitsync.plan import diffing
from operator_core.jsonvalues import Json, Object

MOST = 100
"""How many times an apply is repeated without the fields that were named."""
_NAMED = re.compile(r"(\.\S.*?): field not declared in schema")
_VALUE = r'(?:"(?:[^"\\]|\\.)*"|[^,\]"]+)'
_KEYS = re.compile(rf"\[(\w[\w.-]*={_VALUE}(?:,\w[\w.-]*={_VALUE})*)\]")
_KEY = re.compile(rf"(\w[\w.-]*)=({_VALUE})")
_INDEX = re.compile(r"\[(\d+)\]")


def named(answer: bytes) -> tuple[str, ...]:
    """The paths of unknown fields in the API server's answer to an apply."""
    try:
        text = str(json.loads(answer).get("message", ""))
    except (ValueError, AttributeError):
        return ()
    return tuple(path for line in text.splitlines() for path in _NAMED.findall(line.rpartition("): ")[2]))


def left_out(body: Object, paths: Iterable[str]) -> Object:
    """A copy of `body` without the fields at `paths`; equal to it where it has none of them."""
    for path in paths:
        rest = _without(body, path)
        body = rest if isinstance(rest, dict) else body
    return body


def _without(value: Json, path: str) -> Json:
    if isinstance(value, dict):
        for key in sorted(value, key=len, reverse=True):
            rest = path.removeprefix(f".{key}")
            if rest == path or rest[:1] not in ("", ".", "["):
                continue
            if not rest:
                return {name: below for name, below in value.items() if name != key}
            return {**value, key: _without(value[key], rest)}
    if isinstance(value, list):
        return _without_in_item(value, path)
    return value


def _without_in_item(items: list[Json], path: str) -> Json:
    index, keys = _INDEX.match(path), _KEYS.match(path)
    found = index or keys
    if found is None:
        return items
    rest = path[found.end() :]
    wanted = {name: json.loads(text) for name, text in _KEY.findall(keys.group(1))} if keys else {}
    return [
        _without(item, rest)
        if (index and number == int(index.group(1)))
        or (keys and isinstance(item, dict) and diffing.has_keys(item, wanted))
        else item
        for number, item in enumerate(items)
    ]
