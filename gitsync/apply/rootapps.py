"""The app that the settings ask for, and the namespace it lives in.

What `--repo`, `--revision` and `--path` say becomes an ordinary SyncApp named `root` by server-side
apply, so that everything else has one kind of app to deal with. Decides nothing about syncing.
"""

from gitsync.model import syncapps
from gitsync.settings import Settings
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Request

ROOT = "root"
FIELD_MANAGER = "gitsync"
_INSTALL = "run `gitsync install`, or start the agent with --install-crds"


def manifest(settings: Settings) -> Object | None:
    """The root app's manifest; None when the settings name no repository."""
    if settings.repo is None:
        return None
    extra = {"appPerDirectory": True} if settings.app_per_directory else {}
    return {
        "apiVersion": syncapps.API_VERSION,
        "kind": syncapps.KIND,
        "metadata": {"name": ROOT, "namespace": settings.namespace},
        "spec": {
            **extra,
            "source": {
                "repoURL": settings.repo,
                "targetRevision": settings.revision,
                "path": settings.path,
                "directory": {"recurse": settings.recurse, "detect": True},
            },
            "destination": {"namespace": settings.destination_namespace},
            "syncPolicy": {
                "automated": {"prune": settings.prune, "selfHeal": True},
                "syncOptions": ["CreateNamespace=true"],
            },
        },
    }


def ensure(client: Client, settings: Settings) -> None:
    """Make the root app say what the settings say. Raises kube errors, Stalled where the kind is missing or too old."""
    root = manifest(settings)
    if root is None:
        return
    request = requests.apply(requests.SYNC_APPS, root, field_manager=FIELD_MANAGER)
    try:
        _send(client, request)
    except errors.NotFound:
        ensure_namespace(client, settings.namespace)
        try:
            _send(client, request)
        except errors.NotFound as error:
            raise Stalled(Reason.UnknownKind, f"the cluster does not know SyncApps: {_INSTALL}") from error


def _send(client: Client, request: Request) -> None:
    """Raises Stalled where the definition is an older agent's and misses a field."""
    try:
        client.send(request)
    except errors.Invalid as error:
        if errors.TYPED_PATCH not in error.message:
            raise
        detail = error.message.rpartition("): ")[2]
        text = f"the cluster's definition of SyncApps is not of this version of gitsync ({detail}): {_INSTALL}"
        raise Stalled(Reason.UnknownKind, text) from error


def ensure_namespace(client: Client, name: str) -> None:
    """Make the agent's namespace if it is not there and may be made."""
    try:
        client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": name}}))
    except (errors.AlreadyExists, errors.Forbidden):
        # Without the right to make it, it has to be there already; the next write says if it is not.
        return
