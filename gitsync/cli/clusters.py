"""What the commands read from a cluster: SyncApps and the Flink resources they name."""

import contextlib

from gitsync.model import syncapps
from gitsync.model.identities import Identity
from gitsync.model.syncapps import SyncApp
from gitsync.plan import phases
from gitsync.report import overview
from gitsync.report.overview import AppRow
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Resource

_KINDS = {"FlinkDeployment": requests.FLINK_DEPLOYMENTS, "FlinkSessionJob": requests.FLINK_SESSION_JOBS}


def app_rows(client: Client, namespace: str, name: str | None) -> list[AppRow]:
    """The rows of all apps, or of one. Raises Stalled when there is no such app or no such kind."""
    apps = [syncapps.parse(obj) for obj in _apps(client, namespace, name)]
    jobs = _jobs(client, apps)
    return [overview.app_row(app, jobs) for app in apps]


def _apps(client: Client, namespace: str, name: str | None) -> list[Object]:
    try:
        if name is not None:
            return [client.send(requests.get(requests.SYNC_APPS, namespace, name))]
        return everything(client, requests.SYNC_APPS, namespace)
    except errors.NotFound as error:
        if name is not None and name in error.message:
            text = f"there is no SyncApp {name} in the namespace {namespace}; `gitsync status` lists them"
            raise Stalled(Reason.NotFound, text) from error
        raise Stalled(Reason.UnknownKind, "the cluster does not know SyncApps: run `gitsync install`") from error


def everything(client: Client, resource: Resource, namespace: str | None) -> list[Object]:
    """All pages of a list, in the order of names."""
    found: list[Object] = []
    token = ""
    while True:
        page = client.send(requests.listing(resource, namespace, continue_=token))
        found += [
            {"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in page.get("items") or []
        ]
        token = (page.get("metadata") or {}).get("continue") or ""
        if not token:
            return sorted(found, key=syncapps.key_of)


def _jobs(client: Client, apps: list[SyncApp]) -> dict[Identity, Object]:
    """The live Flink jobs that the apps name: one list per kind and namespace."""
    named = {
        Identity(r.group, r.kind, r.namespace or "", r.name): (r.kind, r.namespace or "")
        for app in apps
        for r in app.status.resources
    }
    places = {place for identity, place in named.items() if phases.is_job(identity)}
    found: dict[Identity, Object] = {}
    for kind, namespace in sorted(places):
        with contextlib.suppress(errors.NotFound):
            for obj in everything(client, _KINDS[kind], namespace):
                found[Identity("flink.apache.org", kind, namespace, obj["metadata"]["name"])] = obj
    return found
