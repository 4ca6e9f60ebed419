"""What the agent would do to the cluster now, planned from whole live objects read one by one.

The same rules as a pass of the agent; a command has no watches, so it asks the API server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitsync.apply.jqpaths import JqPaths
from gitsync.model import syncapps
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Plan
from gitsync.model.rendersets import RenderSet
from gitsync.model.syncapps import SyncApp
from gitsync.model.syncstatuses import InventoryEntry
from gitsync.passes import comparing
from gitsync.plan import identities, planning, policies, preparing
from gitsync.plan.planning import AppFacts, Cluster
from gitsync.plan.preparing import Place
from gitsync.plan.pruning import PrunePolicy
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.discovery import Discovery
from operator_core.kube.requests import Resource

_PRUNES = PrunePolicy(prune=True, allow_empty=False, guards_state=True)


@dataclass(frozen=True, slots=True)
class LivePlan:
    """A plan and the live objects it was made from."""

    plan: Plan
    live: Mapping[Identity, Object]


def make(client: Client, name: AppName, rendered: RenderSet, revision: str, namespace: str) -> LivePlan:
    """The plan of an app that need not exist yet, for what was rendered at `revision`; with pruning."""
    try:
        app = syncapps.parse(client.send(requests.get(requests.SYNC_APPS, name.namespace, name.name)))
    except errors.NotFound:
        return _make(client, AppFacts(name, (), _PRUNES), rendered, revision, namespace, None)
    return _make(client, AppFacts(name, app.status.inventory, _PRUNES), rendered, revision, namespace, app)


def of_app(client: Client, app: SyncApp, rendered: RenderSet, revision: str, *, prune: bool = False) -> LivePlan:
    """The plan of an app as it allows to prune; `prune`: as it would be carried out on a request to delete."""
    policy = policies.prune_policy(app, revision, guards_state=True, asked=prune)
    facts = AppFacts(AppName(app.namespace, app.name), app.status.inventory, policy)
    return _make(client, facts, rendered, revision, app.spec.destination.namespace, app)


def _make(
    client: Client, app: AppFacts, rendered: RenderSet, revision: str, namespace: str, known_app: SyncApp | None
) -> LivePlan:
    discovery = Discovery(client)
    kinds = {key: discovery.find(*key) for key in preparing.kinds_used(rendered.objects)}
    place = replace(policies.place(known_app), namespace=namespace) if known_app is not None else Place(namespace)
    prepared = preparing.prepare(rendered.objects, kinds, app.name, place)
    known = _resources(discovery, app.inventory)
    places = {one.identity: one.resource for one in prepared.desired if one.identity not in prepared.waiting}
    live = _read(client, {**known, **places})
    ignored = comparing.ignored_in(known_app, live, JqPaths()) if known_app is not None else {}
    cluster = Cluster(live, known, _taken(client, app.name, live), {}, ignored)
    return LivePlan(planning.plan(revision, prepared, app, cluster), live)


def _resources(discovery: Discovery, inventory: tuple[InventoryEntry, ...]) -> dict[Identity, Resource]:
    found: dict[Identity, Resource] = {}
    for entry in inventory:
        identity = identities.parse_identity(entry.id)
        if identity is not None:
            version = f"{identity.group}/{entry.version}" if identity.group else entry.version
            resource = discovery.find(version, identity.kind)
            if resource is not None:
                found[identity] = resource
    return found


def _read(client: Client, wanted: Mapping[Identity, Resource]) -> dict[Identity, Object]:
    found: dict[Identity, Object] = {}
    for identity, resource in wanted.items():
        try:
            found[identity] = client.send(requests.get(resource, identity.namespace or None, identity.name))
        except errors.NotFound:
            continue
    return found


def _taken(client: Client, name: AppName, live: Mapping[Identity, Object]) -> dict[Identity, AppName]:
    """Objects that another app tracks and has in its inventory."""
    owners = {identity: owner for identity, obj in live.items() if (owner := identities.owner_of(obj)) is not None}
    inventories: dict[AppName, frozenset[str]] = {}
    for owner in set(owners.values()) - {name}:
        try:
            other = syncapps.parse(client.send(requests.get(requests.SYNC_APPS, owner.namespace, owner.name)))
        except errors.NotFound:
            continue
        inventories[owner] = frozenset(entry.id for entry in other.status.inventory)
    return {identity: owner for identity, owner in owners.items() if str(identity) in inventories.get(owner, ())}
