"""What the cluster looked like a moment ago, by kind, kept fresh by watches.

A pass reads here instead of asking the API server. Two promises: an object older than our own last
write is never returned (invariant e of the write-ahead protocol: `observed`), and objects are
shared, so readers must not change them. `project` drops what nobody reads (managed fields, big
maps) before anything is kept; a change of which nothing is kept is not told.
"""

import threading
from collections.abc import Callable

from operator_core.jsonvalues import Object, dig
from operator_core.kube.client import Client
from operator_core.kube.requests import Resource
from operator_core.kube.watching import Changed, Listed, Watcher

OnChange = Callable[[str, Object], None]
Name = tuple[str, str]


def without_managed_fields(obj: Object) -> Object:
    """The object without `metadata.managedFields`, which is often half of its size."""
    meta = obj.get("metadata")
    if isinstance(meta, dict) and "managedFields" in meta:
        obj = {**obj, "metadata": {key: value for key, value in meta.items() if key != "managedFields"}}
    return obj


def version_of(obj: Object) -> int:
    """The resourceVersion as a number; comparable within one kind since Kubernetes 1.35, and with etcd always."""
    text = str(dig(obj, "metadata", "resourceVersion", default="0"))
    return int(text) if text.isdigit() else 0


class Cache:
    """The objects of one kind in some namespaces (empty tuple: all)."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        *,
        namespaces: tuple[str, ...] = (),
        labels: str = "",
        project: Callable[[Object], Object] = without_managed_fields,
        on_change: OnChange | None = None,
    ) -> None:
        self.resource = resource
        self._client = client
        self._labels = labels
        self._project = project
        self._on_change = on_change
        self._lock = threading.Lock()
        self._objects: dict[Name, Object] = {}
        self._deleted: dict[Name, int] = {}
        self._listed: set[str | None] = set()
        self._synced = threading.Event()
        self._started = False
        self._watchers: dict[str | None, Watcher] = {scope: self._watcher(scope) for scope in namespaces or (None,)}

    def start(self) -> None:
        """Start watching; returns at once."""
        with self._lock:
            self._started = True
            watchers = tuple(self._watchers.values())
        for watcher in watchers:
            watcher.start()

    def stop(self) -> None:
        """Stop watching; what is cached stays readable."""
        with self._lock:
            watchers = tuple(self._watchers.values())
        for watcher in watchers:
            watcher.stop()

    def follow(self, namespaces: tuple[str, ...]) -> None:
        """Watch these namespaces from now on (empty: all); returns at once.

        What is out of sight then is dropped and told as DELETED; what the new ones have is told when it is listed.
        No change between is missed: the first list of a scope is compared with what is known.
        """
        with self._lock:
            wanted = dict.fromkeys(namespaces or (None,))
            left = [self._watchers.pop(scope) for scope in list(self._watchers) if scope not in wanted]
            joined = {scope: self._watcher(scope) for scope in wanted if scope not in self._watchers}
            self._watchers.update(joined)
            self._listed &= wanted.keys()
            lost = [obj for name, obj in self._objects.items() if None not in wanted and name[0] not in wanted]
            for obj in lost:
                del self._objects[_name(obj)]
            started, synced = self._started, len(self._listed) == len(self._watchers)
        if synced:
            self._synced.set()
        for watcher in left:
            watcher.stop()
        for watcher in joined.values() if started else ():
            watcher.start()
        self._tell([("DELETED", obj) for obj in lost])

    def watches(self, namespace: str) -> bool:
        """Whether the namespace is to be watched."""
        with self._lock:
            return None in self._watchers or namespace in self._watchers

    def covers(self, namespace: str) -> bool:
        """Whether the namespace is watched and its first list has come."""
        with self._lock:
            return None in self._listed or namespace in self._listed

    def _watcher(self, scope: str | None) -> Watcher:
        return Watcher(self._client, self.resource, scope, self._labels, lambda event: self._take(scope, event))

    def wait_synced(self, timeout: float) -> bool:
        """Whether the first complete list came within `timeout` seconds."""
        return self._synced.wait(timeout)

    @property
    def problem(self) -> str | None:
        """Why the cache may be stale: the last error of a watch that has not recovered."""
        with self._lock:
            watchers = tuple(self._watchers.values())
        return next((watcher.last_error for watcher in watchers if watcher.last_error), None)

    def get(self, namespace: str | None, name: str) -> Object | None:
        """The object, or None. Never older than what `observed` was told."""
        with self._lock:
            return self._objects.get((namespace or "", name))

    def items(self, namespace: str | None = None) -> list[Object]:
        """All objects, or those of one namespace."""
        with self._lock:
            return [obj for (where, _), obj in self._objects.items() if namespace is None or where == namespace]

    def observed(self, obj: Object) -> None:
        """Remember the API server's answer to our own write until the watch catches up."""
        kept = self._project(obj)
        with self._lock:
            self._store(kept)

    def forget(self, namespace: str | None, name: str, version: int = 0) -> None:
        """Remember that a live read found the object gone."""
        with self._lock:
            known = self._objects.pop((namespace or "", name), None)
            if known is not None:
                self._deleted[(namespace or "", name)] = max(version, version_of(known))

    def _take(self, scope: str | None, event: Listed | Changed) -> None:
        match event:
            case Listed():
                self._take_list(scope, event)
            case Changed():
                self._take_change(scope, event)

    def _take_list(self, scope: str | None, listed: Listed) -> None:
        fresh = [self._project(item) for item in listed.items]
        version = int(listed.version) if listed.version.isdigit() else 0
        told: list[tuple[str, Object]] = []
        with self._lock:
            if scope not in self._watchers:
                return
            names = {_name(obj) for obj in fresh}
            for name, known in list(self._objects.items()):
                gone = (scope is None or name[0] == scope) and name not in names and version_of(known) <= version
                if gone:
                    del self._objects[name]
                    told.append(("DELETED", known))
            for obj in fresh:
                before = self._objects.get(_name(obj))
                if self._store(obj) and (before is None or not _is_alike(before, obj)):
                    told.append(("MODIFIED" if before is not None else "ADDED", obj))
            self._listed.add(scope)
            synced = len(self._listed) == len(self._watchers)
        self._tell(told)
        if synced:
            self._synced.set()

    def _take_change(self, scope: str | None, event: Changed) -> None:
        obj = self._project(event.object)
        name = _name(obj)
        with self._lock:
            if scope not in self._watchers:
                return
            known = self._objects.get(name)
            if event.type == "DELETED":
                if known is not None and version_of(known) > version_of(obj) and not _same(known, obj):
                    return
                self._objects.pop(name, None)
                self._deleted[name] = version_of(obj)
            elif not self._store(obj) or (known is not None and _is_alike(known, obj)):
                return
        self._tell([(event.type, obj)])

    def _store(self, obj: Object) -> bool:
        name = _name(obj)
        known = self._objects.get(name)
        version = version_of(obj)
        if known is not None and version_of(known) >= version:
            return False
        if known is None and self._deleted.get(name, -1) >= version:
            return False
        self._objects[name] = obj
        self._deleted.pop(name, None)
        return True

    def _tell(self, changes: list[tuple[str, Object]]) -> None:
        if self._on_change is not None:
            for kind, obj in changes:
                self._on_change(kind, obj)


def _name(obj: Object) -> Name:
    return (dig(obj, "metadata", "namespace", default=""), dig(obj, "metadata", "name", default=""))


def _is_alike(first: Object, second: Object) -> bool:
    """Whether two objects of a name differ in nothing but their versions."""
    one, other = first["metadata"], second["metadata"]
    if one.get("uid") != other.get("uid"):
        return False
    plain = {**one, "resourceVersion": other.get("resourceVersion")}
    return {**first, "metadata": plain} == second


def _same(first: Object, second: Object) -> bool:
    return bool(dig(first, "metadata", "uid") == dig(second, "metadata", "uid"))
