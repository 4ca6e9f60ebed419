"""How an object in the cluster differs from what Git wants, told by managed fields.

Server-side apply records which fields each manager set (Kubernetes documentation, "Server-Side
Apply", and the FieldsV1 format of structured-merge-diff: `f:` a field, `k:` a list item by its keys,
`v:` a set member, `.` the thing itself, no children = owned whole). So a difference is one of

    changed   our field has another value now
    missing   we want a field that we do not own yet: new in Git, or dropped by the API server
    removed   we own a field that Git has no longer
    unmanaged we never applied the object

Fields of other managers that Git does not mention never count. Pure; values never leave this module.
"""

import json
from dataclasses import dataclass

from gitsync.model.differences import Difference, Kind, Path
from gitsync.model.syncapps import REVISION
from gitsync.plan import normalizing
from operator_core.jsonvalues import Json, Object, dig

FIELD_MANAGER = "gitsync"
_PATHS_SHOWN = 5
_ABOVE_FIELDS = frozenset({"apiVersion", "kind"})
_IDENTIFYING = frozenset({"name", "namespace"})
_KEY_DEFAULTS = {"protocol": "TCP"}
_REVISION_PATH = ("metadata", "annotations", REVISION)
"""Says when the content changed last; never part of the content."""


def told(differences: tuple[Difference, ...]) -> str:
    """Which fields differ, by path, for people."""
    if any(not difference.path for difference in differences):
        return "in the cluster, but not applied from Git yet"
    more = len(differences) - _PATHS_SHOWN
    shown = ", ".join(difference.shown for difference in differences[:_PATHS_SHOWN])
    return f"differs at {shown}" + (f" and {more} more" if more > 0 else "")


def owned_fields(live: Object, manager: str = FIELD_MANAGER) -> Object | None:
    """FieldsV1 of what `manager` applied, or None when it never applied this object in this version."""
    for entry in dig(live, "metadata", "managedFields", default=[]):
        ours = entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource")
        if ours and entry.get("apiVersion") == live.get("apiVersion"):
            fields = entry.get("fieldsV1")
            return fields if isinstance(fields, dict) else {}
    return None


def compare(wanted: Object, live: Object, *, ignored: frozenset[Path] = frozenset()) -> tuple[Difference, ...]:
    """Every difference between `wanted` (applicable form) and the live object, except at `ignored` paths."""
    owned = owned_fields(live)
    if owned is None:
        return (Difference((), Kind.unmanaged),)
    fields = {key: value for key, value in wanted.items() if key not in _ABOVE_FIELDS and key != "metadata"}
    meta = {key: value for key, value in wanted.get("metadata", {}).items() if key not in _IDENTIFYING}
    if meta or "f:metadata" in owned:
        fields["metadata"] = meta
    found: list[Difference] = []
    _fields(fields, live, owned, (), found)
    return tuple(
        difference for difference in found if difference.path not in ignored and difference.path != _REVISION_PATH
    )


@dataclass(frozen=True, slots=True)
class Accepted:
    """Where the API server keeps another value than we sent, for one content: no drift while it stays so."""

    digest: str
    values: tuple[tuple[Path, str], ...]

    def paths(self, digest: str, live: Object) -> frozenset[Path]:
        """The paths at which `live` still has what the API server answered to the content `digest`."""
        if digest != self.digest:
            return frozenset()
        return frozenset(path for path, value in self.values if _canonical(value_at(live, path)) == value)


def accepted(wanted: Object, digest: str, answer: Object) -> Accepted:
    """What differs between what was applied and the answer to it."""
    left = compare(wanted, answer)
    return Accepted(digest, tuple((one.path, _canonical(value_at(answer, one.path))) for one in left))


def value_at(obj: Json, path: Path) -> Json:
    """The live value at a difference's path; None where there is none."""
    for step in path:
        if step.startswith("[") and isinstance(obj, list):
            obj = _item_by_step(obj, step)
        elif isinstance(obj, dict):
            obj = obj.get(step)
        else:
            return None
    return obj


def owns(fields: Json, path: Path) -> bool:
    """Whether a manager whose fields (FieldsV1) these are owns something at `path`."""
    for number, step in enumerate(path):
        if not isinstance(fields, dict):
            return False
        if number and not any(mark != "." for mark in fields):
            return True
        fields = fields.get(f"f:{step}") if not step.startswith("[") else _node_of_item(fields, step)
    return fields is not None


def _node_of_item(fields: Object, step: str) -> Json:
    return next((node for mark, node in fields.items() if mark[:2] in ("k:", "v:") and _step(mark) == step), None)


def _canonical(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def _fields(wanted: Object, live: Json, owned: Object, path: Path, found: list[Difference]) -> None:
    below = live if isinstance(live, dict) else {}
    for key, value in wanted.items():
        node = owned.get(f"f:{key}")
        _value(value, below.get(key), node, (*path, key), found)
    for mark in owned:
        name = mark[2:]
        if mark.startswith("f:") and name not in wanted and not _is_nothing(below.get(name), owned[mark]):
            found.append(Difference((*path, name), Kind.removed))


def _is_nothing(live: Json, node: Json) -> bool:
    """An owned field that the API server itself dropped is nothing to remove."""
    return live is None and not node


def _value(wanted: Json, live: Json, node: Json, path: Path, found: list[Difference]) -> None:
    if node is None:
        found.append(Difference(path, Kind.missing))
    elif not any(mark != "." for mark in node):
        if not normalizing.same(wanted, live, path):
            found.append(Difference(path, Kind.changed))
    elif isinstance(wanted, dict):
        _fields(wanted, live, node, path, found)
    elif isinstance(wanted, list):
        _items(wanted, live if isinstance(live, list) else [], node, path, found)
    else:
        found.append(Difference(path, Kind.changed))


def _items(wanted: list[Json], live: list[Json], node: Object, path: Path, found: list[Difference]) -> None:
    left = {mark for mark in node if mark[:2] in ("k:", "v:")}
    for item in wanted:
        mark = _mark_of(item, left)
        if mark is None:
            found.append(Difference((*path, _step_of_item(item)), Kind.missing))
            continue
        left.discard(mark)
        step = _step(mark)
        live_item = _item_by_step(live, step)
        if mark.startswith("k:") and isinstance(item, dict) and isinstance(live_item, dict):
            keys = json.loads(mark[2:])
            below = {key: value for key, value in node[mark].items() if key != "."}
            rest = {key: value for key, value in item.items() if f"f:{key}" in below or key not in keys}
            _fields(rest, live_item, below, (*path, step), found)
        elif live_item is None:
            found.append(Difference((*path, step), Kind.changed))
    found.extend(Difference((*path, _step(mark)), Kind.removed) for mark in sorted(left))


def _mark_of(item: Json, marks: set[str]) -> str | None:
    for mark in sorted(marks):
        value = json.loads(mark[2:])
        if mark.startswith("v:") and value == item and type(value) is type(item):
            return mark
        if mark.startswith("k:") and isinstance(item, dict) and has_keys(item, value):
            return mark
    return None


def has_keys(item: Object, keys: Object) -> bool:
    """Whether a list item is the one with these keys; a key's default need not be written."""
    return all(item.get(key, _KEY_DEFAULTS.get(key)) == expected for key, expected in keys.items())


def _step(mark: str) -> str:
    """`k:{"name":"x"}` as the step `[name=x]`, `v:"x"` as `[="x"]`."""
    value = json.loads(mark[2:])
    if mark.startswith("v:"):
        return f"[={json.dumps(value)}]"
    return (
        "["
        + ",".join(
            f"{key}={json.dumps(part)}" if not isinstance(part, str) else f"{key}={part}" for key, part in value.items()
        )
        + "]"
    )


def _step_of_item(item: Json) -> str:
    if isinstance(item, dict):
        name = next(
            (
                f"{key}={item[key]}"
                for key in ("name", "port", "containerPort", "mountPath", "key", "type")
                if key in item
            ),
            "new",
        )
        return f"[{name}]"
    return "[new]"


def _item_by_step(items: list[Json], step: str) -> Json:
    return next((item for item in items if is_item(item, step)), None)


def is_item(item: Json, step: str) -> bool:
    """Whether a list item is the one that a step such as `[name=x]` names."""
    inner = step[1:-1]
    if inner.startswith("="):
        return json.dumps(item) == inner[1:]
    pairs = [part.partition("=") for part in inner.split(",")]
    return isinstance(item, dict) and all(_shown(item.get(key)) == value for key, _, value in pairs)


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
