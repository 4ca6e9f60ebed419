"""The FlinkStateSnapshots of the watched namespaces, found by the job they name.

Clusters without the kind are served too: until its first list the kind counts as not there, and nothing waits for
it. Holds no rule.
"""

import threading
from collections.abc import Callable

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client

_Job = tuple[str, str, str]


class SnapshotIndex:
    """Safe to share between threads. `on_change` gets every changed snapshot."""

    def __init__(
        self, client: Client, *, namespaces: tuple[str, ...], on_change: Callable[[str, Object], None]
    ) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[_Job, set[str]] = {}
        self._told = on_change
        self._cache = Cache(client, requests.FLINK_STATE_SNAPSHOTS, namespaces=namespaces, on_change=self._take)

    def start(self) -> None:
        """Start watching; returns at once."""
        self._cache.start()

    def stop(self) -> None:
        """Stop watching."""
        self._cache.stop()

    def follow(self, namespaces: tuple[str, ...]) -> None:
        """Watch these namespaces from now on (empty: all)."""
        self._cache.follow(namespaces)

    def wait_settled(self, timeout: float) -> bool:
        """Whether within `timeout` seconds the snapshots were listed, or the kind found missing."""
        return self._cache.wait_synced(timeout) or self._cache.problem is not None

    @property
    def served(self) -> bool:
        """Whether the cluster has the kind."""
        return self._cache.wait_synced(0)

    def get(self, namespace: str, name: str) -> Object | None:
        """The snapshot, or None."""
        return self._cache.get(namespace, name)

    def of(self, kind: str, namespace: str, name: str) -> tuple[Object, ...] | None:
        """The snapshots that name a job, oldest name first; None where the cluster does not have the kind."""
        if not self.served:
            return None
        with self._lock:
            names = sorted(self._jobs.get((kind, namespace, name), ()))
        found = (self._cache.get(namespace, each) for each in names)
        return tuple(each for each in found if each is not None)

    def changed(self, obj: Object) -> None:
        """We made it or began to delete it: the watch will not tell of that again."""
        self.observed(obj)
        self._told("MODIFIED", obj)

    def observed(self, obj: Object) -> None:
        """An answer to our own write or live read."""
        self._index("MODIFIED", obj)
        self._cache.observed(obj)

    def forget(self, namespace: str, name: str) -> None:
        """A live read, or the answer to a deletion, says that it is gone."""
        self._cache.forget(namespace, name)

    def _take(self, change: str, obj: Object) -> None:
        self._index(change, obj)
        self._told(change, obj)

    def _index(self, change: str, obj: Object) -> None:
        reference = dig(obj, "spec", "jobReference", default={})
        if not reference.get("kind") or not reference.get("name"):
            return
        meta = obj["metadata"]
        job = (str(reference["kind"]), str(meta["namespace"]), str(reference["name"]))
        with self._lock:
            names = self._jobs.setdefault(job, set())
            if change == "DELETED":
                names.discard(str(meta["name"]))
            else:
                names.add(str(meta["name"]))
            if not names:
                del self._jobs[job]
