"""Which differences an app does not want to count, and how such fields are applied: as they are in the cluster.

The rules are an Application's `ignoreDifferences` (Argo CD documentation, "Diff Customization"): JSON pointers,
jq paths and names of field managers, for kinds by glob. Whoever set a field through `/scale` is trusted without a
rule (Kubernetes, "Server-Side Apply": replicas and autoscalers). A field that does not count is not forced either:
what is applied holds the live value. Pure; jq runs elsewhere and hands in the paths it selects.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gitsync.model.differences import Difference, Path
from gitsync.model.identities import Identity
from gitsync.model.syncpolicies import IgnoreDifference
from gitsync.plan import diffing, scaling
from operator_core.jsonvalues import Json, Object, dig

Pointer = tuple[str, ...]
"""A JSON pointer's tokens: member names, and indexes of list items as digits."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """What of one object does not count."""

    pointers: tuple[Pointer, ...] = ()
    managers: frozenset[str] = frozenset()


NOTHING = Ignored()


def of(rules: Iterable[IgnoreDifference], identity: Identity) -> tuple[IgnoreDifference, ...]:
    """The rules that are about an object."""
    return tuple(rule for rule in rules if _is_about(rule, identity))


def ignored(rules: Iterable[IgnoreDifference], selected: Iterable[Pointer] = ()) -> Ignored:
    """What the rules say; `selected` are the paths that their jq expressions select in the object."""
    found = tuple(rules)
    pointers = tuple(tokens(pointer) for rule in found for pointer in rule.json_pointers)
    managers = frozenset(name for rule in found for name in rule.managed_fields_managers)
    return Ignored((*pointers, *selected), managers)


def _is_about(rule: IgnoreDifference, identity: Identity) -> bool:
    return (
        fnmatchcase(identity.group, rule.group)
        and fnmatchcase(identity.kind, rule.kind)
        and rule.name in ("", identity.name)
        and rule.namespace in ("", identity.namespace)
    )


def tokens(pointer: str) -> Pointer:
    """The tokens of a JSON pointer (RFC 6901). Raises ValueError for text that is none."""
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON pointer: it must begin with a slash, like /spec/replicas")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))


def respected(wanted: Object, live: Object, which: Ignored) -> Object:
    """`wanted` with the live value of every field that does not count; fields the live object lacks are left out."""
    paths = [pointer for pointer in which.pointers if pointer and pointer[0] != "status"]
    paths += _scaled(wanted, live)
    unowned = scaling.unowned(live)
    trusted = _fields_of(live, which.managers)
    if not paths and not trusted and not unowned:
        return wanted
    copy: Object = deepcopy(wanted)
    for pointer in paths:
        _take_over(copy, live, pointer)
    for pointer in unowned:
        _take_over(copy, {}, pointer)
    for one in diffing.compare(copy, live) if trusted else ():
        if one.path and any(diffing.owns(fields, one.path) for fields in trusted):
            _take_over_at(copy, live, one.path)
    return copy


def counted(
    differences: tuple[Difference, ...], wanted: Object, live: Object, which: Ignored
) -> tuple[Difference, ...]:
    """The differences that count."""
    trusted = _fields_of(live, which.managers)
    pointers = (*which.pointers, *_scaled(wanted, live), *scaling.unowned(live))
    return tuple(
        one
        for one in differences
        if not one.path
        or not (
            any(diffing.owns(fields, one.path) for fields in trusted)
            or any(_covers(pointer, one.path, wanted, live) for pointer in pointers)
        )
    )


def _fields_of(live: Object, managers: frozenset[str]) -> list[Object]:
    """FieldsV1 of every trusted manager."""
    entries = dig(live, "metadata", "managedFields", default=[])
    return [entry.get("fieldsV1") or {} for entry in entries if entry.get("manager") in managers]


def _scaled(wanted: Object, live: Object) -> list[Pointer]:
    """Where somebody else scales the object: fields of the spec that were last set through `/scale`."""
    return [pointer for pointer in scaling.pointers(live) if _at(wanted, pointer) is not None]


def _at(obj: Json, pointer: Pointer) -> Json:
    for token in pointer:
        if isinstance(obj, dict):
            obj = obj.get(token)
        elif isinstance(obj, list) and token.isdigit() and int(token) < len(obj):
            obj = obj[int(token)]
        else:
            return None
    return obj


def _take_over(copy: Json, live: Json, pointer: Pointer) -> None:
    """Make the field at `pointer` what it is in the live object."""
    *above, last = pointer
    for token in above:
        below = _at(live, (token,))
        if isinstance(copy, dict) and token not in copy and isinstance(below, dict):
            copy[token] = {}
        copy, live = _at(copy, (token,)), below
    value = _at(live, (last,))
    if isinstance(copy, dict):
        if value is None:
            copy.pop(last, None)
        else:
            copy[last] = deepcopy(value)
    elif isinstance(copy, list) and last.isdigit() and int(last) < len(copy) and value is not None:
        copy[int(last)] = deepcopy(value)


def _take_over_at(copy: Json, live: Json, path: Path) -> None:
    """Make the field at `path`, whose list items are named by their keys, what it is in the live object."""
    value = diffing.value_at(live, path)
    *above, last = path
    for step in above:
        copy = diffing.value_at(copy, (step,))
    if isinstance(copy, dict) and not last.startswith("["):
        if value is None:
            copy.pop(last, None)
        else:
            copy[last] = deepcopy(value)
    elif isinstance(copy, list):
        copy[:] = [item for item in copy if not diffing.is_item(item, last)]
        copy.extend([deepcopy(value)] if value is not None else [])


def _covers(pointer: Pointer, path: Path, wanted: Json, live: Json) -> bool:
    """Whether the field at `pointer` is the one at `path` or holds it."""
    if len(pointer) > len(path):
        return False
    for token, step in zip(pointer, path, strict=False):
        if step.startswith("["):
            if not any(_is_item(items, token, step) for items in (wanted, live)):
                return False
        elif token != step:
            return False
        wanted, live = _at(wanted, (token,)), _at(live, (token,))
    return True


def _is_item(items: Json, token: str, step: str) -> bool:
    if not isinstance(items, list) or not token.isdigit() or int(token) >= len(items):
        return False
    return diffing.is_item(items[int(token)], step)


def managers_of(rules: Iterable[IgnoreDifference]) -> frozenset[str]:
    """Every field manager that some rule trusts."""
    return frozenset(name for rule in rules for name in rule.managed_fields_managers)


def jq_of(rules: Iterable[IgnoreDifference]) -> tuple[str, ...]:
    """The jq expressions of rules, in order."""
    return tuple(expression for rule in rules for expression in rule.jq_path_expressions)


def pointers_from(paths: Iterable[Iterable[Json]]) -> tuple[Pointer, ...]:
    """jq's paths (arrays of names and indexes) as pointers."""
    return tuple(tuple(str(step) for step in path) for path in paths)


Selections = Mapping[Identity, Ignored]
"""What does not count, per object; an object that is not in it counts whole."""
