"""Wires the Flink half: what is watched, whom a change wakes, queue, loop. Watches only add keys; passes do the rest.

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
from operator_core.controllers.sessionworld import SessionWorld
from operator_core.controllers.storelane import StoreLane
from operator_core.controllers.submissionlane import SubmissionLane
from operator_core.controllers.transitions import Transitions
from operator_core.controllers.wakes import Wakes
from operator_core.controllers.watched import Watched
from operator_core.controllers.world import World
from operator_core.errors import AgentError, Stalled
from operator_core.flink.jarsources import JarSources
from operator_core.flink.rest import DirectTransport, ProxyTransport, Rest, Transport
from operator_core.flink.tlscontexts import Files, TlsContexts
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.kube.events import Recorder
from operator_core.model import flinkdeployments, flinksessionjobs, flinkstatesnapshots, labelselectors
from operator_core.model.labelselectors import LabelSelector
from operator_core.outcomes import After, Done, Outcome
from operator_core.runtime.clock import Clock
from operator_core.runtime.failpoints import reach
from operator_core.runtime.lanes import Lane
from operator_core.runtime.loops import Loop
from operator_core.runtime.queues import Key, Queue

log = logging.getLogger(__name__)

_UNLISTED_SECONDS = 0.5


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
        self._foreign = ForeignOperators(client, clock, recorder, namespaces, lambda: self._wakes.all())
        self._foreign.lease_name = options.get(defaults.given, options.LEASE_NAME)
        self._selector = _selector(defaults)
        self._watched = Watched(client, namespaces=namespaces, project=self._foreign.project, told=self._changed)
        self._wakes = Wakes(self._queue, self._watched)
        self._lane = SubmissionLane(clock, transport, JarSources(), self._wakes.session_job)
        self._stores = StoreLane(clock, client, self._wakes.deployment)
        self.world = World(
            api=client,
            resources=self._watched.resources,
            deployments=self._watched.deployments,
            pods=self._wakes.pods.of,
            worker_pods=self._wakes.pods.failing_workers_of,
            flink=self._rest,
            events=recorder,
            clock=clock,
            new_id=lambda: secrets.token_hex(16),
            defaults=defaults,
            reach=reach,
            snapshots=self._watched.snapshots,
            ingresses=self._watched.ingresses,
            stores=self._stores,
        )
        self.loop = self._loop = Loop("operator", self._queue, self._reconcile, workers=workers, on_error=self._failed)

    def start(self) -> None:
        """Start watching; passes begin once everything was listed. Returns at once."""
        self._foreign.start()
        self._watched.start()
        threading.Thread(target=self._begin, name="operator-start", daemon=True).start()

    def stop(self, timeout: float = 10.0) -> bool:
        """End passes and watches; True when every worker ended in time."""
        self._stopped = True
        self._foreign.stop()
        ended = self._loop.stop(timeout)
        self._lane.stop(timeout)
        self._stores.stop(timeout)
        self._watched.stop()
        return ended

    def configure(self, defaults: Defaults) -> None:
        """Take other defaults from the next pass on. What runs is not restarted for them: as in the Java operator
        they reach a job when it is next deployed, and the operator's own options hold at once."""
        self._selector = _selector(defaults)
        self.world = replace(self.world, defaults=defaults)
        self._foreign.lease_name = options.get(defaults.given, options.LEASE_NAME)
        self._wakes.all()

    def watch(self, namespaces: tuple[str, ...]) -> None:
        """Look after these namespaces from now on (empty: all); what is in others is left as it is."""
        self._foreign.namespaces = namespaces
        self._watched.follow(namespaces)

    def wait_synced(self, timeout: float) -> bool:
        """Whether all caches were filled within `timeout` seconds each."""
        return self._watched.wait_synced(timeout)

    def enqueue(self, namespace: str, name: str) -> None:
        """Have a FlinkDeployment looked at soon."""
        self._wakes.deployment(namespace, name)

    @property
    def resources(self) -> Cache:
        """The FlinkDeployments."""
        return self._watched.resources

    @property
    def session_jobs(self) -> Cache:
        """The FlinkSessionJobs."""
        return self._watched.session_jobs

    @property
    def depth(self) -> int:
        """How many keys wait."""
        return self._queue.depth()

    _stopped = False

    def _begin(self) -> None:
        while not self._stopped:
            if self.wait_synced(5.0):
                self._lane.start()
                self._stores.start()
                self._loop.start()
                return
            log.warning("waiting for the first lists: %s", "; ".join(self._watched.problems) or "no answer yet")

    def _reconcile(self, key: Key) -> Outcome:
        if not self.resources.watches(key.namespace):
            return Done()
        if not self._foreign.is_known or not self._watched.covers(key.namespace):
            return After(_UNLISTED_SECONDS)
        resource = self._watched.get(key)
        if resource is not None and not self._selector.selects(dig(resource, "metadata", "labels", default={})):
            return Done()
        refusal = self._foreign.refusal(resource) if resource is not None else None
        if resource is not None and refusal is not None:
            self._foreign.tell(resource, refusal)
            return After(foreignoperators.LOOK_SECONDS)
        if not self._rest.suspicious(key.namespace, self._wakes.cluster_of(key)):
            self._slow.forget(key)
            return self._pass(key)
        if not self._slow.enter(key):
            return Done()
        try:
            return self._pass(key)
        finally:
            self._slow.leave(key)

    def _pass(self, key: Key) -> Outcome:
        """A pass, and a wake of those who wait for what it changed: watches do not tell of our own writes again."""
        session = SessionWorld(self.world, self.session_jobs, self._lane)
        known = self._watched.get(key)
        match key.kind:
            case flinkstatesnapshots.KIND:
                outcome = statesnapshot.reconcile(session, key.namespace, key.name)
            case flinksessionjobs.KIND:
                outcome = sessionjob.reconcile(session, key.namespace, key.name)
            case _:
                outcome = flinkdeployment.reconcile(self.world, key.namespace, key.name)
        now = self._watched.get(key)
        if now is known:
            return outcome
        if key.kind != flinkstatesnapshots.KIND:
            self._wakes.beside(key)
        elif now is not None:
            self._wakes.job_of(now)
        return outcome

    def _failed(self, key: Key, error: Exception) -> None:
        if isinstance(error, AgentError):
            log.warning("%s/%s: %s", key.namespace, key.name, error.message)
        else:
            log.error("%s/%s: %s", key.namespace, key.name, error, exc_info=error)
        resource = self._watched.get(key)
        if resource is not None and isinstance(error, Stalled):
            self.world.events.event(resource, "Warning", error.reason, error.message, component="Operator")

    def _changed(self, kind: str, change: str, obj: Object) -> None:
        if kind in (flinkdeployments.KIND, flinksessionjobs.KIND) and change == "DELETED":
            self._foreign.forget(obj)
        if kind in (flinkdeployments.KIND, flinksessionjobs.KIND):
            if change == "DELETED":
                self.transitions.forget(obj)
            else:
                self.transitions.observe(kind, obj)
        self._wakes.changed(kind, change, obj)


def _selector(defaults: Defaults) -> LabelSelector:
    """Which resources are looked after. Raises Stalled where the option's text is no selector."""
    return labelselectors.parse(options.get(defaults.given, options.LABEL_SELECTOR) or "")
