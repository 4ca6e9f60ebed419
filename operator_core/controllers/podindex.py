"""The JobManager pods of every cluster, by namespace and cluster id (label `app`), and TaskManagers' that fail.

Fed by a watch, read by passes: finding a cluster's pods must not cost a walk over all pods. TaskManagers that are well
are many, and nobody asks for them. Holds no rule.
"""

import threading

from operator_core.decide import podfailures
from operator_core.jsonvalues import Object, dig

_Cluster = tuple[str, str]


class PodIndex:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pods: dict[_Cluster, dict[str, Object]] = {}
        self._workers: dict[_Cluster, dict[str, Object]] = {}

    def take(self, change: str, pod: Object) -> str | None:
        """Take in a change of a pod; the cluster it concerns."""
        cluster = dig(pod, "metadata", "labels", "app")
        if not cluster:
            return None
        key = (str(pod["metadata"]["namespace"]), str(cluster))
        name = str(pod["metadata"]["name"])
        index, kept = self._pods, change != "DELETED"
        if is_worker(pod):
            index, kept = self._workers, kept and podfailures.of_worker(pod) is not None
        with self._lock:
            pods = index.setdefault(key, {})
            known = pods.pop(name, None)
            if kept:
                pods[name] = pod
            if not pods:
                del index[key]
        return str(cluster) if kept or known is not None else None

    def of(self, namespace: str, cluster: str) -> tuple[Object, ...]:
        """The cluster's JobManager pods, by name."""
        with self._lock:
            pods = self._pods.get((namespace, cluster), {})
            return tuple(pods[name] for name in sorted(pods))

    def failing_workers_of(self, namespace: str, cluster: str) -> tuple[Object, ...]:
        """The cluster's TaskManager pods with which something is wrong, by name."""
        with self._lock:
            pods = self._workers.get((namespace, cluster), {})
            return tuple(pods[name] for name in sorted(pods))


def is_worker(pod: Object) -> bool:
    """Whether a pod is a TaskManager's."""
    return bool(dig(pod, "metadata", "labels", "component") == "taskmanager")
