"""Which session jobs name a session cluster, so that a change of the cluster wakes its jobs without a walk over all.

Fed by a watch. Holds no rule.
"""

import threading

from operator_core.jsonvalues import Object, dig

_Cluster = tuple[str, str]


class SessionIndex:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[_Cluster, set[str]] = {}
        self._clusters: dict[tuple[str, str], str] = {}

    def take(self, change: str, job: Object) -> str | None:
        """Take in a change of a session job; the cluster it names."""
        namespace, name = str(job["metadata"]["namespace"]), str(job["metadata"]["name"])
        cluster = dig(job, "spec", "deploymentName")
        with self._lock:
            before = self._clusters.pop((namespace, name), None)
            if before is not None:
                jobs = self._jobs.get((namespace, before), set())
                jobs.discard(name)
                if not jobs:
                    self._jobs.pop((namespace, before), None)
            if cluster and change != "DELETED":
                self._clusters[(namespace, name)] = str(cluster)
                self._jobs.setdefault((namespace, str(cluster)), set()).add(name)
        return str(cluster) if cluster else before

    def of(self, namespace: str, cluster: str) -> tuple[str, ...]:
        """The names of the jobs of a cluster."""
        with self._lock:
            return tuple(sorted(self._jobs.get((namespace, cluster), ())))

    def cluster_of(self, namespace: str, job: str) -> str | None:
        """The cluster that a job names."""
        with self._lock:
            return self._clusters.get((namespace, job))
