"""Wires the Flink half: caches, queue, loop. Watches only enqueue keys; passes do the rest.

One key per resource at a time; changed and deleted objects before re-checks. A cluster that has not answered
for a while gets at most a quarter of the workers, so that it cannot delay the others.
"""

import logging
import secrets
import threading
from dataclasses import replace
from typing import Literal

from operator_core.conf import defaults as layers
from operator_core.conf import options
from operator_core.conf.defaults import Defaults
from operator_core.controllers import flinkdeployment, foreignoperators, sessionjob, statesnapshot
from operator_core.controllers.foreignoperators import ForeignOperators
from operator_core.controllers.podindex import PodIndex
from operator_core.controllers.sessionindex import SessionIndex
from operator_core.controllers.sessionworld import SessionWorld
from operator_core.controllers.snapshotindex import SnapshotIndex
from operator_core.controllers.submissionlane import SubmissionLane
from operator_core.controllers.transitions import Transitions
from operator_core.controllers.world import World
from operator_core.decide import statesnapshots
from operator_core.errors import AgentError, Stalled
from operator_core.flink.jarsources import JarSources
from operator_core.flink.rest import DirectTransport, ProxyTransport, Rest, Transport
from operator_core.flink.tlscontexts import Files, TlsContexts
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.kube.events import Recorder
from operator_core.outcomes import After, Done, Outcome
from operator_core.runtime.clock import Clock
from operator_core.runtime.failpoints import reach
from operator_core.runtime.lanes import Lane
from operator_core.runtime.loops import Loop
from operator_core.runtime.queues import Key, Queue

log = logging.getLogger(__name__)

KIND = "FlinkDeployment"
SESSION_JOB = "FlinkSessionJob"
_UNLISTED_SECONDS = 0.5
CLUSTER_LABELS = "type in (flink-native-kubernetes,flink-standalone-kubernetes)"


class Operator:
    """The Flink half of the agent. `rest` says how Flink's REST is reached from where the agent runs."""

    def __init__(
        self,
        client: Client,
        *,
        clock: Clock,
        namespaces: tuple[str, ...] = (),
        defaults: Defaults = layers.NONE,
        rest: Literal["direct", "proxy"] | Transport = "direct",
        workers: int = 8,
        tls_files: Files | None = None,
    ) -> None:
        self._queue = Queue(clock)
        self.transitions = Transitions(clock)
        self._sessions = SessionIndex()
        self._pods = PodIndex()
        contexts = TlsContexts(lambda *place: client.send(requests.get(requests.SECRETS, *place)), clock, tls_files)
        transport: Transport
        if isinstance(rest, str):
            direct = rest == "direct"
            transport = DirectTransport(check=client.check, contexts=contexts) if direct else ProxyTransport(client)
        else:
            transport = rest
        self.rest = self._rest = Rest(transport, clock)
        self._slow = Lane(workers // 4, self._queue.add)
        recorder = Recorder(client, clock, component="gitsync")
        self._foreign = ForeignOperators(client, clock, recorder, namespaces, self._enqueue_all)
        self._foreign.lease_name = options.get(defaults.given, options.LEASE_NAME)
        self.resources = Cache(
            client,
            requests.FLINK_DEPLOYMENTS,
            namespaces=namespaces,
            project=self._foreign.project,
            on_change=self._resource_changed,
        )
        self.session_jobs = Cache(
            client,
            requests.FLINK_SESSION_JOBS,
            namespaces=namespaces,
            project=self._foreign.project,
            on_change=self._session_job_changed,
        )
        self._lane = SubmissionLane(clock, transport, JarSources(), self._enqueue_session_job)
        self.deployments = Cache(
            client,
            requests.DEPLOYMENTS,
            namespaces=namespaces,
            labels=CLUSTER_LABELS,
            project=project_deployment,
            on_change=self._child_changed,
        )
        self._pod_cache = Cache(
            client,
            requests.PODS,
            namespaces=namespaces,
            labels=f"{CLUSTER_LABELS},component=jobmanager",
            project=project_pod,
            on_change=self._pod_changed,
        )
        self._ingresses = Cache(
            client,
            requests.INGRESSES,
            namespaces=namespaces,
            labels="component=ingress",
            project=project_ingress,
            on_change=self._child_changed,
        )
        self.snapshots = SnapshotIndex(client, namespaces=namespaces, on_change=self._snapshot_changed)
        self.world = World(
            api=client,
            resources=self.resources,
            deployments=self.deployments,
            pods=self._pods.of,
            flink=self._rest,
            events=recorder,
            clock=clock,
            new_id=lambda: secrets.token_hex(16),
            defaults=defaults,
            reach=reach,
            snapshots=self.snapshots,
            ingresses=self._ingresses,
        )
        self.loop = self._loop = Loop("operator", self._queue, self._reconcile, workers=workers, on_error=self._failed)

    def start(self) -> None:
        """Start watching; passes begin once everything was listed. Returns at once."""
        self._foreign.start()
        for cache in self._caches:
            cache.start()
        self.snapshots.start()
        threading.Thread(target=self._begin, name="operator-start", daemon=True).start()

    def stop(self, timeout: float = 10.0) -> bool:
        """End passes and watches; True when every worker ended in time."""
        self._stopped = True
        self._foreign.stop()
        ended = self._loop.stop(timeout)
        self._lane.stop(timeout)
        for cache in self._caches:
            cache.stop()
        self.snapshots.stop()
        return ended

    def configure(self, defaults: Defaults) -> None:
        """Take other defaults from the next pass on. What runs is not restarted for them: as in the Java operator
        they reach a job when it is next deployed, and the operator's own options hold at once."""
        self.world = replace(self.world, defaults=defaults)
        self._foreign.lease_name = options.get(defaults.given, options.LEASE_NAME)
        self._enqueue_all()

    def watch(self, namespaces: tuple[str, ...]) -> None:
        """Look after these namespaces from now on (empty: all); what is in others is left as it is."""
        self._foreign.namespaces = namespaces
        for cache in self._caches:
            cache.follow(namespaces)
        self.snapshots.follow(namespaces)

    def wait_synced(self, timeout: float) -> bool:
        """Whether all caches were filled within `timeout` seconds each."""
        return all(cache.wait_synced(timeout) for cache in self._caches) and self.snapshots.wait_settled(timeout)

    def enqueue(self, namespace: str, name: str) -> None:
        """Have a FlinkDeployment looked at soon."""
        self._queue.add(Key(KIND, namespace, name))

    @property
    def depth(self) -> int:
        """How many keys wait."""
        return self._queue.depth()

    @property
    def _caches(self) -> tuple[Cache, ...]:
        return (self.resources, self.session_jobs, self.deployments, self._pod_cache, self._ingresses)

    _stopped = False

    def _begin(self) -> None:
        while not self._stopped:
            if self.wait_synced(5.0):
                self._lane.start()
                self._loop.start()
                return
            problems = [cache.problem for cache in self._caches if cache.problem]
            log.warning("waiting for the first lists: %s", "; ".join(problems) or "no answer yet")

    def _reconcile(self, key: Key) -> Outcome:
        if not self.resources.watches(key.namespace):
            return Done()
        if not self._foreign.is_known or not all(cache.covers(key.namespace) for cache in self._caches):
            return After(_UNLISTED_SECONDS)
        resource = self._resource_of(key)
        refusal = self._foreign.refusal(resource) if resource is not None else None
        if resource is not None and refusal is not None:
            self._foreign.tell(resource, refusal)
            return After(foreignoperators.LOOK_SECONDS)
        if not self._rest.suspicious(key.namespace, self._cluster_of(key)):
            self._slow.forget(key)
            return self._pass(key)
        if not self._slow.enter(key):
            return Done()
        try:
            return self._pass(key)
        finally:
            self._slow.leave(key)

    def _enqueue_all(self) -> None:
        for resource in self.resources.items():
            self.enqueue(resource["metadata"]["namespace"], resource["metadata"]["name"])
        for job in self.session_jobs.items():
            self._enqueue_session_job(job["metadata"]["namespace"], job["metadata"]["name"])

    def _enqueue_session_job(self, namespace: str, name: str) -> None:
        self._queue.add(Key(SESSION_JOB, namespace, name))

    def _enqueue_cluster(self, namespace: str, cluster: str) -> None:
        """A FlinkDeployment, and the session jobs that it has when it is a session cluster."""
        self.enqueue(namespace, cluster)
        for job in self._sessions.of(namespace, cluster):
            self._enqueue_session_job(namespace, job)

    def _pass(self, key: Key) -> Outcome:
        """A pass that changed a job wakes the snapshots that wait for it, and the other way round.

        Watches do not tell of our own writes again.
        """
        session = SessionWorld(self.world, self.session_jobs, self._lane)
        if key.kind == statesnapshot.KIND:
            before = self.snapshots.get(key.namespace, key.name)
            outcome = statesnapshot.reconcile(session, key.namespace, key.name)
            after = self.snapshots.get(key.namespace, key.name)
            if after is not None and after is not before:
                self._wake_job(after)
            return outcome
        known = self._resource_of(key)
        if key.kind == SESSION_JOB:
            outcome = sessionjob.reconcile(session, key.namespace, key.name)
        else:
            outcome = flinkdeployment.reconcile(self.world, key.namespace, key.name)
        if self._resource_of(key) is not known:
            self._wake_snapshots(key)
            self._wake_other_side(key)
        return outcome

    def _wake_other_side(self, key: Key) -> None:
        """A session cluster waits for its jobs, and they for it."""
        if key.kind == KIND:
            for job in self._sessions.of(key.namespace, key.name):
                self._enqueue_session_job(key.namespace, job)
        elif (cluster := self._sessions.cluster_of(key.namespace, key.name)) is not None:
            self.enqueue(key.namespace, cluster)

    def _resource_of(self, key: Key) -> Object | None:
        match key.kind:
            case statesnapshot.KIND:
                return self.snapshots.get(key.namespace, key.name)
            case kind if kind == SESSION_JOB:
                return self.session_jobs.get(key.namespace, key.name)
            case _:
                return self.resources.get(key.namespace, key.name)

    def _cluster_of(self, key: Key) -> str:
        """The Flink cluster that a pass may have to ask."""
        if key.kind == SESSION_JOB:
            return self._sessions.cluster_of(key.namespace, key.name) or key.name
        if key.kind != statesnapshot.KIND:
            return key.name
        job = dig(self.snapshots.get(key.namespace, key.name), "spec", "jobReference", default={})
        name = str(job.get("name") or key.name)
        return (self._sessions.cluster_of(key.namespace, name) if job.get("kind") == SESSION_JOB else None) or name

    def _failed(self, key: Key, error: Exception) -> None:
        if isinstance(error, AgentError):
            log.warning("%s/%s: %s", key.namespace, key.name, error.message)
        else:
            log.error("%s/%s: %s", key.namespace, key.name, error, exc_info=error)
        resource = self._resource_of(key)
        if resource is not None and isinstance(error, Stalled):
            self.world.events.event(resource, "Warning", error.reason, error.message, component="Operator")

    def _resource_changed(self, change: str, obj: Object) -> None:
        if change == "DELETED":
            self._foreign.forget(obj)
            self.transitions.forget(obj)
        else:
            self.transitions.observe(KIND, obj)
        namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
        self._enqueue_cluster(namespace, name)
        self._wake_snapshots(Key(KIND, namespace, name))

    def _session_job_changed(self, change: str, obj: Object) -> None:
        if change == "DELETED":
            self._foreign.forget(obj)
        namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
        cluster = self._sessions.take(change, obj)
        self._enqueue_session_job(namespace, name)
        self._wake_snapshots(Key(SESSION_JOB, namespace, name))
        if cluster:
            self.enqueue(namespace, cluster)

    def _wake_snapshots(self, job: Key) -> None:
        for snapshot in self.snapshots.of(job.kind, job.namespace, job.name) or ():
            if dig(snapshot, "status", "state") not in statesnapshots.FINISHED:
                self._queue.add(Key(statesnapshot.KIND, job.namespace, snapshot["metadata"]["name"]))

    def _snapshot_changed(self, _: str, obj: Object) -> None:
        self._queue.add(Key(statesnapshot.KIND, obj["metadata"]["namespace"], obj["metadata"]["name"]))
        self._wake_job(obj)

    def _wake_job(self, snapshot: Object) -> None:
        namespace, job = snapshot["metadata"]["namespace"], dig(snapshot, "spec", "jobReference", default={})
        key = Key(str(job.get("kind")), namespace, str(job.get("name")))
        if key.kind in (KIND, SESSION_JOB) and self._resource_of(key) is not None:
            self._queue.add(key)

    def _child_changed(self, _: str, obj: Object) -> None:
        meta = obj["metadata"]
        self._enqueue_cluster(meta["namespace"], dig(meta, "labels", "app", default=meta["name"]))

    def _pod_changed(self, change: str, obj: Object) -> None:
        cluster = self._pods.take(change, obj)
        if cluster:
            self._enqueue_cluster(obj["metadata"]["namespace"], cluster)


def project_deployment(obj: Object) -> Object:
    """A Deployment without its pod template, which nobody reads."""
    meta, spec = obj["metadata"], obj.get("spec") or {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {key: value for key, value in meta.items() if key != "managedFields"},
        "spec": {"replicas": spec.get("replicas", 1)},
        "status": obj.get("status") or {},
    }


def project_ingress(obj: Object) -> Object:
    """An Ingress as its users see it."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": meta, "spec": obj.get("spec") or {}}


def project_pod(obj: Object) -> Object:
    """A pod's identity and state."""
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "labels", "creationTimestamp", "deletionTimestamp")
    states = ("phase", "conditions", "containerStatuses", "initContainerStatuses", "startTime")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"nodeName": dig(obj, "spec", "nodeName")},
        "status": {key: value for key, value in (obj.get("status") or {}).items() if key in states},
    }
