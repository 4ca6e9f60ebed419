"""The caches of all that the Flink half watches: its own kinds, and what Kubernetes makes of them.

Started, stopped and led to other namespaces together. Every change is told on with its kind; whom it concerns is not
known here.
"""

from collections.abc import Callable
from functools import partial

from operator_core.controllers import projections
from operator_core.controllers.snapshotindex import SnapshotIndex
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.kube.requests import Resource
from operator_core.runtime.queues import Key

CLUSTER_LABELS = "type in (flink-native-kubernetes,flink-standalone-kubernetes)"
Told = Callable[[str, str, Object], None]
"""Gets the kind, the change (ADDED, MODIFIED, DELETED) and the object."""


class Watched:
    """Safe to share between threads. `project` says what is kept of FlinkDeployments and FlinkSessionJobs."""

    def __init__(
        self, client: Client, *, namespaces: tuple[str, ...], project: Callable[[Object], Object], told: Told
    ) -> None:
        def cache(resource: Resource, keep: Callable[[Object], Object], labels: str = "") -> Cache:
            on_change = partial(told, resource.kind)
            return Cache(client, resource, namespaces=namespaces, labels=labels, project=keep, on_change=on_change)

        self.resources = cache(requests.FLINK_DEPLOYMENTS, project)
        self.session_jobs = cache(requests.FLINK_SESSION_JOBS, project)
        self.deployments = cache(requests.DEPLOYMENTS, projections.deployment, CLUSTER_LABELS)
        self._pods = cache(requests.PODS, projections.pod, f"{CLUSTER_LABELS},component in (jobmanager,taskmanager)")
        self.ingresses = cache(requests.INGRESSES, projections.ingress, "component=ingress")
        self.snapshots = SnapshotIndex(
            client, namespaces=namespaces, on_change=partial(told, requests.FLINK_STATE_SNAPSHOTS.kind)
        )

    def start(self) -> None:
        """Start watching; returns at once."""
        for cache in self._caches:
            cache.start()
        self.snapshots.start()

    def stop(self) -> None:
        """Stop watching."""
        for cache in self._caches:
            cache.stop()
        self.snapshots.stop()

    def follow(self, namespaces: tuple[str, ...]) -> None:
        """Watch these namespaces from now on (empty: all)."""
        for cache in self._caches:
            cache.follow(namespaces)
        self.snapshots.follow(namespaces)

    def wait_synced(self, timeout: float) -> bool:
        """Whether all caches were filled within `timeout` seconds each."""
        return all(cache.wait_synced(timeout) for cache in self._caches) and self.snapshots.wait_settled(timeout)

    def covers(self, namespace: str) -> bool:
        """Whether everything that is there in the namespace was listed."""
        return all(cache.covers(namespace) for cache in self._caches)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why caches may be stale."""
        return tuple(cache.problem for cache in self._caches if cache.problem)

    def get(self, key: Key) -> Object | None:
        """The FlinkDeployment, FlinkSessionJob or FlinkStateSnapshot that a key names, or None."""
        if key.kind == requests.FLINK_STATE_SNAPSHOTS.kind:
            return self.snapshots.get(key.namespace, key.name)
        return self.of_kind(key.kind).get(key.namespace, key.name)

    def of_kind(self, kind: str) -> Cache:
        """The FlinkSessionJobs, or the FlinkDeployments."""
        return self.session_jobs if kind == requests.FLINK_SESSION_JOBS.kind else self.resources

    @property
    def _caches(self) -> tuple[Cache, ...]:
        return (self.resources, self.session_jobs, self.deployments, self._pods, self.ingresses)
