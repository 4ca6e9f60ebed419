"""An app `web` of a test's namespace that follows `web/`, and what it says: for tests of policies and options."""

from typing import Any

from syncing import Cluster, Repository, wait_for

from gitsync.model.syncapps import SyncApp
from gitsync.model.syncstatuses import ResourceState
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests


def config(name: str, value: str = "1", **annotations: str) -> str:
    """A ConfigMap; annotations by their name after `gitsync.io/`, with a dash for an underscore."""
    given = ", ".join(f'"gitsync.io/{key.replace("_", "-")}": "{text}"' for key, text in annotations.items())
    noted = f", annotations: {{{given}}}" if given else ""
    return f'apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}{noted}}}\ndata: {{a: "{value}"}}\n'


def make_app(
    cluster: Cluster, repository: Repository, *, policy: Object, finalizers: tuple[str, ...] = (), **spec: Any
) -> None:
    """The app; `policy` over a policy that prunes and heals by itself."""
    body: Object = {
        "apiVersion": "gitsync.io/v1alpha1",
        "kind": "SyncApp",
        "metadata": {"name": "web", "namespace": cluster.namespace, "finalizers": list(finalizers)},
        "spec": {
            "source": {"repoURL": str(repository.bare), "targetRevision": "main", "path": "web"},
            "destination": {"namespace": cluster.namespace},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}, **policy},
            **spec,
        },
    }
    cluster.client.send(requests.create(requests.SYNC_APPS, cluster.namespace, body))


def annotate(cluster: Cluster, **annotations: str | None) -> None:
    """Ask the app for something: an annotation `gitsync.io/…`, with a dash for an underscore."""
    given = {f"gitsync.io/{name.replace('_', '-')}": value for name, value in annotations.items()}
    body = {"metadata": {"annotations": given}}
    cluster.client.send(requests.merge_patch(requests.SYNC_APPS, cluster.namespace, "web", body))


def ready(cluster: Cluster) -> tuple[str, str]:
    """Status and message of the app's Ready, whatever its spec is worth."""
    conditions = dig(cluster.get(requests.SYNC_APPS, "web"), "status", "conditions", default=[])
    found = next((one for one in conditions if one["type"] == "Ready"), {"status": "Unknown", "message": ""})
    return found["status"], found["message"]


def told(cluster: Cluster, text: str) -> str:
    """The app's message once it says `text`."""
    try:
        return wait_for(f"the message {text!r}", lambda: ready(cluster)[1] if text in ready(cluster)[1] else None)
    except AssertionError as error:
        error.add_note(f"the app says: {ready(cluster)}")
        raise


def synced(cluster: Cluster, revision: str, state: str = "Synced") -> SyncApp:
    """The app once it has a revision."""

    def probe() -> SyncApp | None:
        app = cluster.app("web")
        sync = app.status.sync
        return app if sync is not None and (sync.status, sync.revision) == (state, revision) else None

    try:
        return wait_for("the app in sync", probe)
    except AssertionError as error:
        error.add_note(f"the app says: {cluster.app('web').status.to_json()}")
        raise


def row(app: SyncApp, name: str) -> ResourceState:
    """What the app says of the object of this name."""
    return next(one for one in app.status.resources if one.name == name)
