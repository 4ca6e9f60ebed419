"""What variables of a container hold, those from Secrets and ConfigMaps included; as a kubelet would set them.

`env` goes before `envFrom`, a later entry before an earlier one; a variable from a field of the pod has no value here.
Knows nothing of what the variables are for, reads objects only through what it is given.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from operator_core.jsonvalues import Object, dig

Source = Literal["Secret", "ConfigMap"]
Read = Callable[[Source, str], Mapping[str, str] | None]
"""The texts in a Secret or ConfigMap of the pod's namespace by their keys; None where there is none."""

_REFERENCES: tuple[tuple[Source, str, str], ...] = (
    ("Secret", "secretKeyRef", "secretRef"),
    ("ConfigMap", "configMapKeyRef", "configMapRef"),
)


def values(container: Object, names: Iterable[str], read: Read) -> dict[str, str]:
    """The values of those of the variables `names` that are set and not empty. Raises what `read` raises."""
    found = {name: _value(container, name, read) for name in names}
    return {name: value for name, value in found.items() if value}


def texts(body: Object) -> dict[str, str]:
    """What a Secret or ConfigMap holds, as text; a value that is none is left out."""
    if body.get("kind") != "Secret":
        return {key: str(value) for key, value in (body.get("data") or {}).items()}
    decoded = {key: _decoded(str(value)) for key, value in (body.get("data") or {}).items()}
    return {key: value for key, value in decoded.items() if value is not None}


def _value(container: Object, name: str, read: Read) -> str | None:
    own = [entry for entry in container.get("env") or [] if entry.get("name") == name]
    if own:
        return _of_entry(own[-1], read)
    for source in reversed(container.get("envFrom") or []):
        prefix = str(source.get("prefix") or "")
        for kind, _, whole in _REFERENCES:
            referred = dig(source, whole, "name")
            if not referred or not name.startswith(prefix):
                continue
            value = (read(kind, str(referred)) or {}).get(name.removeprefix(prefix))
            if value is not None:
                return value
    return None


def _of_entry(entry: Object, read: Read) -> str | None:
    for kind, one, _ in _REFERENCES:
        if reference := dig(entry, "valueFrom", one):
            return (read(kind, str(reference.get("name"))) or {}).get(str(reference.get("key")))
    return str(entry["value"]) if entry.get("value") is not None else None


def _decoded(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
