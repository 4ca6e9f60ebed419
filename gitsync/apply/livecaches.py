"""The live objects that apps use, by kind, from watches that start when a kind is first used.

One cache per kind for all apps. Objects that no app tracks are kept as a name only, the others with
the managed fields of `gitsync` and of who scales them: that is all a plan reads. Any change of a tracked object
wakes the app that tracks it, which is how drift is repaired and health is followed without polling.
"""

import threading
from collections.abc import Callable, Iterable, Mapping

from gitsync.model.identities import AppName, Identity
from gitsync.plan import diffing, identities, scaling
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.kube.requests import Resource

_DEPLOYMENTS, _SESSION_JOBS = requests.FLINK_DEPLOYMENTS, requests.FLINK_SESSION_JOBS
_NAME_FIELDS = ("name", "namespace", "uid", "resourceVersion", "generation", "deletionTimestamp")


def projected(obj: Object, trusted: frozenset[str] = frozenset()) -> Object:
    """What the plan and the health rules read of a live object; `trusted` are managers whose fields may differ."""
    meta = obj.get("metadata") or {}
    if identities.owner_of(obj) is None:
        kept = {key: meta[key] for key in _NAME_FIELDS if key in meta}
        return {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind"), "metadata": kept}
    entries = dig(meta, "managedFields", default=[])
    kept_entries = [read for entry in entries if (read := _read_of(obj, entry, trusted)) is not None]
    return {**obj, "metadata": {**meta, "managedFields": kept_entries}}


def _read_of(obj: Object, entry: Object, trusted: frozenset[str]) -> Object | None:
    """Our own fields, those of trusted managers, what was set through `/scale`, and who else scales the object."""
    manager = entry.get("manager")
    if manager == diffing.FIELD_MANAGER or manager in trusted or entry.get("subresource") == "scale":
        return entry
    return scaling.traced(obj, entry)


class LiveCaches:
    """Caches of the kinds in use. Safe to share between threads."""

    def __init__(self, client: Client, namespaces: tuple[str, ...], home: str, wake: Callable[[AppName], None]) -> None:
        """`home`: where SyncApps are; the agent may look at them nowhere else."""
        self._client = client
        self._home = home
        self._namespaces = namespaces
        self._wake = wake
        self._lock = threading.Lock()
        self._caches: dict[Resource, Cache] = {}
        self._trusted: frozenset[str] = frozenset()

    def trust(self, managers: frozenset[str]) -> None:
        """Keep the fields of these managers too; kinds watched without them are listed anew."""
        with self._lock:
            if managers <= self._trusted:
                return
            self._trusted |= managers
            stale = list(self._caches.values())
            self._caches.clear()
        for cache in stale:
            cache.stop()

    def follow(self, resources: Iterable[Resource]) -> tuple[Resource, ...]:
        """Start watching what is not watched yet; the kinds whose first list has not come."""
        with self._lock:
            wanted = [self._caches.get(resource) or self._started(resource) for resource in resources]
            self._caches.update({cache.resource: cache for cache in wanted})
        return tuple(cache.resource for cache in wanted if not cache.wait_synced(0.0))

    def problem(self, resource: Resource) -> str | None:
        """Why a kind cannot be listed or watched right now."""
        cache = self._caches.get(resource)
        return cache.problem if cache is not None else None

    def read(self, wanted: Mapping[Identity, Resource]) -> dict[Identity, Object]:
        """The live objects behind the identities; those that are not there are left out."""
        found: dict[Identity, Object] = {}
        for identity, resource in wanted.items():
            cache = self._caches.get(resource)
            live = cache.get(identity.namespace, identity.name) if cache is not None else None
            if live is not None:
                found[identity] = live
        return found

    def jobs(self) -> list[Object]:
        """The Flink jobs and clusters that are followed."""
        with self._lock:
            caches = [one for one in self._caches.values() if one.resource in (_DEPLOYMENTS, _SESSION_JOBS)]
        return [obj for cache in caches for obj in cache.items() if "spec" in obj]

    def observed(self, resource: Resource, answer: Object) -> None:
        """Remember the API server's answer to our own write."""
        cache = self._caches.get(resource)
        if cache is not None:
            cache.observed(answer)

    def watch(self, namespaces: tuple[str, ...]) -> None:
        """Look at these namespaces from now on (empty: all)."""
        with self._lock:
            self._namespaces = namespaces
            for cache in self._caches.values():
                if cache.resource.namespaced and cache.resource != requests.SYNC_APPS:
                    cache.follow(namespaces)

    def stop(self) -> None:
        """Stop all watches."""
        with self._lock:
            for cache in self._caches.values():
                cache.stop()

    def _started(self, resource: Resource) -> Cache:
        namespaces = self._namespaces if resource.namespaced else ()
        if resource == requests.SYNC_APPS:
            namespaces = (self._home,)
        trusted = self._trusted

        def project(obj: Object) -> Object:
            return projected(obj, trusted)

        cache = Cache(self._client, resource, namespaces=namespaces, project=project, on_change=self._changed)
        cache.start()
        return cache

    def _changed(self, _: str, obj: Object) -> None:
        owner = identities.owner_of(obj)
        if owner is not None:
            self._wake(owner)
