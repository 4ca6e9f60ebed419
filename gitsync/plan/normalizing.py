"""A manifest in the form that is applied and compared, and when two values of it are the same.

What Git may hold but an apply must not (status, fields the server owns, nulls) is dropped; a
Secret's `stringData` becomes `data`, because the API server stores it so. Quantities compare by
what they mean (`0.1` and `100m`), numbers as JSON numbers (1 and 1.0).
"""

import base64
import hashlib
import json
import re
from decimal import Decimal

from gitsync.model.syncapps import REVISION
from operator_core.jsonvalues import Json, Object

_SERVER_FIELDS = (
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_QUANTITY_PARENTS = frozenset(
    {"requests", "limits", "capacity", "hard", "used", "min", "max", "default", "defaultRequest", "overhead"}
)
_QUANTITY_FIELDS = frozenset({"sizeLimit", "divisor", "averageValue", "storage"})
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|(m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?")
_FILLED_IN: dict[str, tuple[Json, ...]] = {
    "apiVersion": ("v1",),
    "defaultMode": (420,),
    "divisor": ("0",),
    "expirationSeconds": (3600,),
    "kind": ("PersistentVolumeClaim",),
    "protocol": ("TCP",),
    "status": ({"phase": "Pending"},),
    "volumeMode": ("Filesystem",),
}
"""Defaults inside values that are owned whole, where managed fields cannot tell them from ours."""
_SCALES = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3")}
_SCALES |= {suffix: Decimal(1000) ** power for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), 1)}
_SCALES |= {suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)}


def applicable(body: Object) -> Object:
    """A copy of `body` without nulls, status and server-owned metadata; Secrets with base64 `data` only."""
    copy: Object = without_nulls({key: value for key, value in body.items() if key != "status"})
    meta = copy.get("metadata")
    if isinstance(meta, dict):
        for field in _SERVER_FIELDS:
            meta.pop(field, None)
    if copy.get("kind") == "Secret" and copy.get("apiVersion") == "v1" and isinstance(copy.get("stringData"), dict):
        plain = copy.pop("stringData")
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        copy["data"] = {**(copy.get("data") or {}), **encoded}
    return copy


def without_nulls(value: Json) -> Json:
    """A deep copy without null members: in a manifest null means "not set"."""
    if isinstance(value, dict):
        return {key: without_nulls(below) for key, below in value.items() if below is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _is_default(field: str, value: Json) -> bool:
    return value in _FILLED_IN.get(field, ())


def digest(body: Object) -> str:
    """Sixteen hex digits of the content, the revision annotation left out."""
    meta = body.get("metadata") or {}
    annotations = {key: value for key, value in (meta.get("annotations") or {}).items() if key != REVISION}
    content = {**body, "metadata": {**meta, "annotations": annotations}}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def quantity(value: Json) -> Decimal | None:
    """A Kubernetes quantity as a number (API reference, Quantity), or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Decimal(str(value))
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    number, exponent, suffix = match.groups()
    return Decimal(number + (exponent or "")) * (_SCALES[suffix] if suffix else 1)


def is_quantity(path: tuple[str, ...]) -> bool:
    """Whether the field at `path` holds a quantity in the built-in kinds and in pod templates."""
    return bool(path) and (path[-1] in _QUANTITY_FIELDS or (len(path) > 1 and path[-2] in _QUANTITY_PARENTS))


def same(wanted: Json, live: Json, path: tuple[str, ...] = ()) -> bool:
    """Whether two whole values mean the same at `path`; a default that the API server fills in means nothing."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        if any(key not in wanted and not _is_default(key, value) for key, value in live.items()):
            return False
        return all(key in live and same(value, live[key], (*path, key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(live, list):
        return len(wanted) == len(live) and all(same(a, b, path) for a, b in zip(wanted, live, strict=True))
    if isinstance(wanted, bool) or isinstance(live, bool):
        return wanted is live
    if wanted == live:
        return True
    if not is_quantity(path):
        return False
    first, second = quantity(wanted), quantity(live)
    return first is not None and first == second
