"""What the commands read from a cluster: SyncApps and the Flink resources they name."""

import contextlib

from gitsync.model import syncapps
from gitsync.model.identities import Identity
from gitsync.model.syncapps import SyncApp
from gitsync.plan import phases
from gitsync.report import overview
from gitsync.report.overview import AppRow
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, leases, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Resource
from operator_core.runtime.clock import SystemClock

_KINDS = {"FlinkDeployment": requests.FLINK_DEPLOYMENTS, "FlinkSessionJob": requests.FLINK_SESSION_JOBS}


def app_rows(client: Client, namespace: str, name: str | None) -> list[AppRow]:
    """The rows of all apps, or of one. Raises Stalled when there is no such app or no such kind."""
    found = apps(client, namespace, name)
    jobs = _jobs(client, found)
    now = SystemClock().now()
    return [overview.app_row(app, jobs, now) for app in found]


def apps(client: Client, namespace: str, name: str | None) -> list[SyncApp]:
    """All apps, or one. Raises Stalled when there is no such app or no such kind."""
    return [syncapps.parse(obj) for obj in _apps(client, namespace, name)]


def app(client: Client, namespace: str, name: str) -> SyncApp:
    """One app. Raises Stalled when there is no such app or no such kind."""
    return apps(client, namespace, name)[0]


def agents(client: Client, namespace: str) -> list[Object] | None:
    """Which agent acts for each half, as its lease says; None where leases may not be read."""
    found: list[Object] = []
    for half in ("sync", "operator"):
        try:
            lease = client.send(requests.get(requests.LEASES, namespace, f"gitsync-{half}"))
        except errors.NotFound:
            continue
        except errors.Forbidden:
            return None
        holder = leases.holder_of(lease)
        if holder:
            renewed = dig(lease, "spec", "renewTime", default="")
            found.append({"half": half, "holder": leases.shown(holder), "renewed": renewed})
    return found


def jobs_of(found: list[SyncApp]) -> list[Identity]:
    """The Flink jobs that apps name."""
    named = [Identity(r.group, r.kind, r.namespace or "", r.name) for app in found for r in app.status.resources]
    return [identity for identity in named if phases.is_job(identity)]


def job(client: Client, namespace: str, name: str, kind: str | None = None) -> Identity:
    """The one Flink job of a name or `namespace/name` among the apps. Raises Stalled when none or several have it."""
    where, _, short = name.rpartition("/")
    known = jobs_of(apps(client, namespace, None))
    same = {one for one in known if one.name == short and where in ("", one.namespace) and kind in (None, one.kind)}
    if len(same) == 1:
        return same.pop()
    names = ", ".join(sorted({f"{one.namespace}/{one.name}" for one in known})) or "none"
    if not same:
        raise Stalled(Reason.NotFound, f"no app has a Flink job {name!r}; there are: {names}")
    raise Stalled(Reason.NotFound, f"several namespaces have a Flink job {name!r}; name one of: {names}")


def _apps(client: Client, namespace: str, name: str | None) -> list[Object]:
    try:
        if name is not None:
            return [client.send(requests.get(requests.SYNC_APPS, namespace, name))]
        return everything(client, requests.SYNC_APPS, namespace)
    except errors.NotFound as error:
        raise missing(error, namespace, name) from error


def missing(error: errors.NotFound, namespace: str, name: str | None) -> Stalled:
    """What an answer 404 about SyncApps means: there is no such app, or no such kind."""
    if name is not None and name in error.message:
        text = f"there is no SyncApp {name} in the namespace {namespace}; `gitsync status` lists them"
        return Stalled(Reason.NotFound, text)
    return Stalled(Reason.UnknownKind, "the cluster does not know SyncApps: run `gitsync install`")


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


def _jobs(client: Client, found_apps: list[SyncApp]) -> dict[Identity, Object]:
    """The live Flink jobs that the apps name: one list per kind and namespace."""
    places = {(identity.kind, identity.namespace) for identity in jobs_of(found_apps)}
    found: dict[Identity, Object] = {}
    for kind, namespace in sorted(places):
        with contextlib.suppress(errors.NotFound):
            for obj in everything(client, _KINDS[kind], namespace):
                found[Identity("flink.apache.org", kind, namespace, obj["metadata"]["name"])] = obj
    return found
