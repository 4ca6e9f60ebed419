"""Apps of an agent that each follow a source of their own, good or bad, and what they say of it."""

from syncing import Cluster

from gitsync.model.syncapps import parse
from operator_core.jsonvalues import Json, Object
from operator_core.kube import requests
from operator_core.kube.requests import SYNC_APPS


def config_map(name: str, value: str = "1") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: '{value}'}}\n"


def follow(cluster: Cluster, name: str, **source: Json) -> None:
    """An app that prunes and heals."""
    spec: Object = {
        "source": {"targetRevision": "main", **source},
        "destination": {"namespace": cluster.namespace},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    }
    body = {"apiVersion": "gitsync.io/v1alpha1", "kind": "SyncApp", "metadata": {"name": name}, "spec": spec}
    cluster.client.send(requests.create(SYNC_APPS, cluster.namespace, body))


def message_of(cluster: Cluster, name: str) -> str:
    """What an app that is not ready says; empty when it is."""
    app = parse(cluster.client.send(requests.get(SYNC_APPS, cluster.namespace, name)))
    ready = next((one for one in app.status.conditions if one.type == "Ready"), None)
    return ready.message if ready is not None and ready.status == "False" else ""


def is_synced(cluster: Cluster, name: str, sha: str) -> bool:
    app = parse(cluster.client.send(requests.get(SYNC_APPS, cluster.namespace, name)))
    return bool(app.status.sync and app.status.sync.revision == sha and not message_of(cluster, name))
