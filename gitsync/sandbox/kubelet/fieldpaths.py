"""Values that a pod may ask of itself: `fieldRef` and `resourceFieldRef`.

Pure. Which paths exist: Kubernetes documentation, "Downward API".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gitsync.sandbox.kubelet import quantities
from operator_core.jsonvalues import Object, dig

KEYED = re.compile(r"^metadata\.(labels|annotations)\['(.+)'\]$")


def field_value(manifest: Object, path: str, *, address: str, host_ip: str) -> str:
    """The value of a `fieldPath`; ValueError names a path that does not exist."""
    keyed = KEYED.match(path)
    if keyed:
        return str(dig(manifest, "metadata", keyed[1], keyed[2], default=""))
    if path in ("metadata.labels", "metadata.annotations"):
        return listing(dig(manifest, "metadata", path.split(".")[1], default={}) or {})
    computed = {
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": host_ip,
        "status.hostIPs": host_ip,
    }
    if path in computed:
        return computed[path]
    if path in ("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName"):
        return str(dig(manifest, *path.split("."), default=""))
    raise ValueError(f"fieldPath {path!r} is not one a pod can refer to")


def listing(values: Mapping[str, str]) -> str:
    """Labels or annotations as the downward API writes them: one `key="value"` a line, sorted."""
    return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted(values.items()))


def resource_value(container: Object, reference: Object, allocatable: Mapping[str, str]) -> str:
    """The value of a `resourceFieldRef` of `container`; an absent limit is the node's allocatable amount."""
    resource = str(reference["resource"])
    group, _, name = resource.partition(".")
    amount = dig(container, "resources", group, name, default=None)
    if amount is None and group == "requests":
        amount = dig(container, "resources", "limits", name, default=None) or "0"
    if amount is None:
        amount = allocatable.get(name, "0")
    divisor = str(reference.get("divisor") or "1")
    return str(quantities.divided(amount, "1" if divisor == "0" else divisor))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
