"""Which fields of an object somebody else scales: Git does not fight over them, and needs no rule for that.

Managed fields name who set a field through `/scale` (Kubernetes, "Server-Side Apply"). A scale to zero leaves no
such trace, since a Scale drops a zero, and neither do the ones after it: nobody owns the field any more. So a field
that is scaled by, holds another value than the schema's default and has no owner at all was set through `/scale`.
"""

from collections.abc import Iterable

from gitsync.plan import diffing, identities
from operator_core.jsonvalues import Json, Object, dig

Pointer = tuple[str, ...]
"""A JSON pointer's tokens."""
_REPLICAS: dict[tuple[str, str], tuple[Pointer, Json]] = {
    ("apps", "Deployment"): (("spec", "replicas"), 1),
    ("apps", "StatefulSet"): (("spec", "replicas"), 1),
    ("flink.apache.org", "FlinkDeployment"): (("spec", "taskManager", "replicas"), None),
}
"""Where a kind's `/scale` writes, and the default that the API server puts there (None: none)."""


def pointers(live: Object) -> list[Pointer]:
    """Fields of the spec that were last set through `/scale` by somebody else."""
    found: list[Pointer] = []
    for entry in dig(live, "metadata", "managedFields", default=[]):
        if entry.get("subresource") == "scale" and entry.get("manager") != diffing.FIELD_MANAGER:
            found.extend(_leaves(entry.get("fieldsV1") or {}, ()))
    return [one for one in found if one[:1] == ("spec",)]


def unowned(live: Object) -> list[Pointer]:
    """The field that was set through `/scale` and has no owner, in an object that we applied.

    It has to stay without one: once it is ours, nothing tells it from what Git asked for.
    """
    path, default = _known(live)
    if path is None or diffing.owned_fields(live) is None or diffing.value_at(live, path) in (None, default):
        return []
    entries = dig(live, "metadata", "managedFields", default=[])
    return [] if any(diffing.owns(entry.get("fieldsV1") or {}, path) for entry in entries) else [path]


def filled(body: Object, live: Object) -> Object:
    """A manifest that leaves such a field out, with what it stays: the object as it will be."""
    for path in unowned(live):
        body = _filled(body, path, diffing.value_at(live, path))
    return body


def _filled(body: Object, path: Pointer, value: Json) -> Object:
    first, *rest = path
    below = body.get(first) or {}
    return {**body, first: _filled(below, tuple(rest), value) if rest else value}


def traced(live: Object, entry: Object) -> Object | None:
    """The part of a managed-fields entry that says who scales the object; None where it says nothing of that."""
    path, _ = _known(live)
    fields = entry.get("fieldsV1") or {}
    if path is None or entry.get("subresource") == "status" or not diffing.owns(fields, path):
        return None
    owned: Object = {}
    for name in reversed(path):
        owned = {f"f:{name}": owned}
    return {**entry, "fieldsV1": owned}


def _known(live: Object) -> tuple[Pointer | None, Json]:
    kind = identities.group_of(str(live.get("apiVersion", ""))), str(live.get("kind", ""))
    return _REPLICAS.get(kind, (None, None))


def _leaves(fields: Object, above: Pointer) -> Iterable[Pointer]:
    for mark, below in fields.items():
        if not mark.startswith("f:"):
            continue
        pointer = (*above, mark[2:])
        if below:
            yield from _leaves(below, pointer)
        else:
            yield pointer
