"""The JobManager pods of every cluster, by namespace and cluster id (label `app`).

Fed by a watch, read by passes: finding a cluster's pods must not cost a walk over all pods. Holds no rule.
"""

import threading

from operator_core.jsonvalues import Object, dig

_Cluster = tuple[str, str]


class PodIndex:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pods: dict[_Cluster, dict[str, Object]] = {}

    def take(self, change: str, pod: Object) -> str | None:
        """Take in a change of a pod; the cluster it belongs to."""
        cluster = dig(pod, "metadata", "labels", "app")
        if not cluster:
            return None
        key = (str(pod["metadata"]["namespace"]), str(cluster))
        name = str(pod["metadata"]["name"])
        with self._lock:
            pods = self._pods.setdefault(key, {})
            if change == "DELETED":
                pods.pop(name, None)
            else:
                pods[name] = pod
            if not pods:
                del self._pods[key]
        return str(cluster)

    def of(self, namespace: str, cluster: str) -> tuple[Object, ...]:
        """The cluster's JobManager pods, by name."""
        with self._lock:
            pods = self._pods.get((namespace, cluster), {})
            return tuple(pods[name] for name in sorted(pods))
