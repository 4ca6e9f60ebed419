"""Take over an object that another tool applied before, so that a field removed from Git disappears.

Server-side apply removes a field only when nobody else owns it. What kubectl, Argo CD, Flux or Helm
own of an object that Git now describes is therefore moved to `gitsync` first, as client-go's
`csaupgrade` does for kubectl; the apply that follows changes what has to change, marks of the former
tool included, in one write. Fields of controllers (scale, status, anything else) stay theirs.
"""

import json

from gitsync.model.plans import Desired
from gitsync.plan.diffing import FIELD_MANAGER
from operator_core.jsonvalues import Json, Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client

FORMER_MANAGERS = frozenset(
    {
        "argocd-controller",
        "argocd-application-controller",
        "flux",
        "helm",
        "helm-controller",
        "kubectl",
        "kubectl-client-side-apply",
        "kubectl-create",
        "kubectl-edit",
        "kubectl-patch",
        "kubectl-replace",
        "kustomize-controller",
    }
)


def migrated(managed: list[Object]) -> list[Object] | None:
    """The managed fields with those of former managers given to `gitsync`; None when there are none."""
    former = [entry for entry in managed if entry.get("manager") in FORMER_MANAGERS and not entry.get("subresource")]
    if not former:
        return None
    versions = {str(entry.get("apiVersion")) for entry in former}
    moved: dict[str, Object] = {}
    for entry in managed:
        version = str(entry.get("apiVersion"))
        ours = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        if entry in former or (ours and version in versions):
            moved[version] = _union(moved.get(version, {}), entry.get("fieldsV1") or {})
    left = [entry for entry in managed if entry not in former]
    left = [e for e in left if not (e.get("manager") == FIELD_MANAGER and str(e.get("apiVersion")) in moved)]
    for version, fields in moved.items():
        left.append(
            {
                "manager": FIELD_MANAGER,
                "operation": "Apply",
                "apiVersion": version,
                "fieldsType": "FieldsV1",
                "fieldsV1": fields,
            }
        )
    return left


def take_over(client: Client, desired: Desired) -> None:
    """Move former managers' fields to `gitsync` where there are any. Raises kube errors."""
    identity, resource = desired.identity, desired.resource
    namespace = identity.namespace or None
    try:
        live = client.send(requests.get(resource, namespace, identity.name))
    except errors.NotFound:
        return
    managed = migrated(dig(live, "metadata", "managedFields", default=[]))
    if managed is None:
        return
    operations: list[Object] = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/metadata/managedFields", "value": managed},
    ]
    client.send(requests.json_patch(resource, namespace, identity.name, operations))


def _union(first: Json, second: Json) -> Object:
    result: Object = json.loads(json.dumps(first))
    for key, below in second.items():
        result[key] = _union(result.get(key, {}), below)
    return result
