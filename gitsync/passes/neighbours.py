"""What other apps want of an app's objects, and what they have: nothing of theirs is taken or deleted.

Asks the cache of SyncApps and what each app's newest render wants; never the API server.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitsync.apply.claims import Claims, Place
from gitsync.desired import aims
from gitsync.model import syncapps
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Plan
from gitsync.model.syncapps import SyncApp
from gitsync.plan import identities, pruning
from gitsync.plan.pruning import Others
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object
from operator_core.kube.caches import Cache
from operator_core.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The apps beside one. Safe to share between threads."""

    clock: Clock
    apps: Cache
    claims: Claims

    def claims_on(self, name: AppName, app: SyncApp, left: Iterable[Identity]) -> Others:
        """What other apps want of what is left over of this one."""
        ours = tuple(left)
        if not ours:
            return pruning.NOBODY
        places: dict[AppName, tuple[Place, ...]] = {}
        for obj in self.apps.items():
            with contextlib.suppress(Stalled):
                other = syncapps.parse(obj)
                if not other.deleting:
                    ref = syncapps.followed(other, self.clock.now())
                    places[AppName(other.namespace, other.name)] = aims.followed(other, ref)
        claimed = self.claims.claimed(name, ours, places)
        own = {one.lookup_url for one in app.spec.all_sources}
        return Others(claimed, self.claims.unknown(name, own, places))

    def takers(self, name: AppName, app: SyncApp, plan: Plan) -> frozenset[AppName]:
        """The apps that wait for objects which are in the inventory and will not be."""
        staying = {entry.id for entry in plan.inventory}
        parsed = (identities.parse_identity(entry.id) for entry in app.status.inventory if entry.id not in staying)
        left = [identity for identity in parsed if identity is not None]
        return frozenset(self.claims_on(name, app, left).claimed.values())

    def taken(self, name: AppName, live: Mapping[Identity, Object]) -> dict[Identity, AppName]:
        """Objects that another app tracks and has in its inventory."""
        found: dict[Identity, AppName] = {}
        for identity, obj in live.items():
            owner = identities.owner_of(obj)
            if owner is None or owner == name:
                continue
            other = self.apps.get(owner.namespace, owner.name)
            inventory = ((other or {}).get("status") or {}).get("inventory") or []
            if any(entry.get("id") == str(identity) for entry in inventory):
                found[identity] = owner
        return found
