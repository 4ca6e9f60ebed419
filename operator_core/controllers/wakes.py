"""Whom a change concerns: from what changed to the keys that are looked at.

A cluster's objects wake the cluster and its session jobs, a session cluster and its jobs each other, a snapshot the job
it names and the other way round. Only adds keys; what is done about them is for passes to say.
"""

from operator_core.controllers.podindex import PodIndex
from operator_core.controllers.sessionindex import SessionIndex
from operator_core.controllers.watched import Watched
from operator_core.decide import renames, statesnapshots
from operator_core.jsonvalues import Object, dig
from operator_core.model import flinkdeployments, flinksessionjobs, flinkstatesnapshots
from operator_core.runtime.queues import Key, Queue


class Wakes:
    """Safe to share between threads."""

    def __init__(self, queue: Queue, watched: Watched) -> None:
        self.pods = PodIndex()
        self._sessions = SessionIndex()
        self._queue = queue
        self._watched = watched

    def changed(self, kind: str, change: str, obj: Object) -> None:
        """A watch tells of a change."""
        match kind:
            case flinkdeployments.KIND:
                self._deployment_changed(obj)
                self._renamed(kind, change, obj)
            case flinksessionjobs.KIND:
                self._session_job_changed(change, obj)
                self._renamed(kind, change, obj)
            case flinkstatesnapshots.KIND:
                self._queue.add(Key(kind, obj["metadata"]["namespace"], obj["metadata"]["name"]))
                self.job_of(obj)
            case "Pod":
                cluster = self.pods.take(change, obj)
                if cluster:
                    self._cluster(obj["metadata"]["namespace"], cluster)
            case _:
                meta = obj["metadata"]
                self._cluster(meta["namespace"], dig(meta, "labels", "app", default=meta["name"]))

    def all(self) -> None:
        """Every FlinkDeployment and every session job."""
        for resource in self._watched.resources.items():
            self.deployment(resource["metadata"]["namespace"], resource["metadata"]["name"])
        for job in self._watched.session_jobs.items():
            self.session_job(job["metadata"]["namespace"], job["metadata"]["name"])

    def deployment(self, namespace: str, name: str) -> None:
        """A FlinkDeployment."""
        self._queue.add(Key(flinkdeployments.KIND, namespace, name))

    def session_job(self, namespace: str, name: str) -> None:
        """A FlinkSessionJob."""
        self._queue.add(Key(flinksessionjobs.KIND, namespace, name))

    def beside(self, job: Key) -> None:
        """Who waits for a job: its snapshots, and a session cluster for its jobs as they for it."""
        self._snapshots_of(job)
        if job.kind == flinkdeployments.KIND:
            self._jobs_of(job.namespace, job.name)
        elif (cluster := self._sessions.cluster_of(job.namespace, job.name)) is not None:
            self.deployment(job.namespace, cluster)

    def job_of(self, snapshot: Object) -> None:
        """The job that a snapshot names."""
        namespace, job = snapshot["metadata"]["namespace"], dig(snapshot, "spec", "jobReference", default={})
        key = Key(str(job.get("kind")), namespace, str(job.get("name")))
        if key.kind in (flinkdeployments.KIND, flinksessionjobs.KIND) and self._watched.get(key) is not None:
            self._queue.add(key)

    def cluster_of(self, key: Key) -> str:
        """The Flink cluster that a pass may have to ask."""
        if key.kind == flinksessionjobs.KIND:
            return self._sessions.cluster_of(key.namespace, key.name) or key.name
        if key.kind != flinkstatesnapshots.KIND:
            return key.name
        job = dig(self._watched.get(key), "spec", "jobReference", default={})
        name = str(job.get("name") or key.name)
        of_session = job.get("kind") == flinksessionjobs.KIND
        return (self._sessions.cluster_of(key.namespace, name) if of_session else None) or name

    def _deployment_changed(self, obj: Object) -> None:
        namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
        self._cluster(namespace, name)
        self._snapshots_of(Key(flinkdeployments.KIND, namespace, name))

    def _session_job_changed(self, change: str, obj: Object) -> None:
        namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
        cluster = self._sessions.take(change, obj)
        self.session_job(namespace, name)
        self._snapshots_of(Key(flinksessionjobs.KIND, namespace, name))
        if cluster:
            self.deployment(namespace, cluster)

    def _renamed(self, kind: str, change: str, obj: Object) -> None:
        """Whoever goes on with the state of what is gone now, or is going."""
        meta = obj["metadata"]
        if change != "DELETED" and "deletionTimestamp" not in meta:
            return
        for other in self._watched.of_kind(kind).items():
            same = other["metadata"]["namespace"] == meta["namespace"]
            if same and renames.name_before(other) == meta["name"]:
                self._queue.add(Key(kind, meta["namespace"], other["metadata"]["name"]))

    def _cluster(self, namespace: str, cluster: str) -> None:
        """A FlinkDeployment, and the session jobs that it has when it is a session cluster."""
        self.deployment(namespace, cluster)
        self._jobs_of(namespace, cluster)

    def _jobs_of(self, namespace: str, cluster: str) -> None:
        for job in self._sessions.of(namespace, cluster):
            self.session_job(namespace, job)

    def _snapshots_of(self, job: Key) -> None:
        for snapshot in self._watched.snapshots.of(job.kind, job.namespace, job.name) or ():
            over = dig(snapshot, "status", "state") in statesnapshots.FINISHED
            if not over or dig(snapshot, "metadata", "deletionTimestamp"):
                self._queue.add(Key(flinkstatesnapshots.KIND, job.namespace, snapshot["metadata"]["name"]))
