"""A session cluster, two jobs on it, their agent and all around, for the state machine of session jobs.

What there is and how it stands; what happens to it is in the state machine's rules.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from datetime import UTC, datetime

from hypothesis.stateful import RuleBasedStateMachine
from protocol_agent import Faulty
from protocol_apiserver import ApiServer, LaggingCache
from protocol_lane import Lane
from protocol_sessions import BROKEN, SessionCluster

from operator_core.conf import defaults as layers
from operator_core.controllers.sessionworld import SessionWorld
from operator_core.controllers.world import World
from operator_core.flink.errors import FlinkUnreachable
from operator_core.kube import errors

JOBS = ("a", "b")
CLUSTER = {
    "image": "flink:1.20",
    "flinkVersion": "v1_20",
    "serviceAccount": "flink",
    "flinkConfiguration": {"state.checkpoints.dir": "file:///data/cp", "state.savepoints.dir": "file:///data/sp"},
    "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
    "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
}
WISHES = {
    "kubernetes.operator.job.restart.failed": "true",
    "kubernetes.operator.deployment.rollback.enabled": "true",
}
"""Options of the operator that the jobs may have."""
HA = {"high-availability.type": "kubernetes", "high-availability.storageDir": "file:///data/ha"}


class SessionScene(RuleBasedStateMachine):
    """Caches are filled once cluster and jobs were created."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.server = ApiServer(self._stamp)
        self.api = Faulty(self.server.send, lambda: errors.Unreachable("injected"), self._touch)
        self.ids = itertools.count(1)
        self.numbers = itertools.count(1)
        self.job_manager_lost = False

    def build(self, ha: bool, mode: str, wishes: Collection[str] = ()) -> None:
        """A user creates the cluster and both jobs."""
        self.flink = SessionCluster(self.server, lambda: int(self.now.timestamp() * 1000), ha=ha)
        self.flink.loss_accepted = set(JOBS) if mode == "stateless" else set()
        self.rest = Faulty(self.flink.send, lambda: FlinkUnreachable("injected"))
        self.rest.reset = self.flink.reset
        spec = {**CLUSTER, "flinkConfiguration": {**CLUSTER["flinkConfiguration"], **(HA if ha else {})}}
        self._born("flinkdeployments", "FlinkDeployment", "cluster", spec)
        for name in JOBS:
            job = {"entryClass": "x", "args": [name], "parallelism": 1, "upgradeMode": mode, "state": "running"}
            own = {wish: WISHES[wish] for wish in wishes}
            wanted = {"deploymentName": "cluster", "job": job, "flinkConfiguration": own}
            self._born("flinksessionjobs", "FlinkSessionJob", name, wanted)
        kinds = ("flinkdeployments", "deployments", "flinksessionjobs")
        self.caches = [LaggingCache(self.server, kind) for kind in kinds]
        self.lane = Lane(self.flink, lambda: self.now)
        self.pods = ()
        self.restart_agent()

    def _born(self, kind: str, name: str, resource: str, spec) -> None:
        head = {"apiVersion": "flink.apache.org/v1beta1", "kind": name, "metadata": {"name": resource}}
        self.server.born(kind, {**head, "spec": spec})

    # the agent

    def restart_agent(self) -> None:
        """A new process: nothing is remembered, caches are filled."""
        self.lane.die()
        self.lane = Lane(self.flink, lambda: self.now)
        self.watch()
        world = World(
            api=self.api,
            resources=self.caches[0],
            deployments=self.caches[1],
            pods=lambda namespace, name: self.pods,
            flink=self.rest,
            events=self,
            clock=Clock(self),
            new_id=lambda: f"{next(self.ids):032x}",
            defaults=layers.NONE,
            reach=lambda name: None,
        )
        self.session = SessionWorld(world, self.caches[2], self.lane)

    def event(self, *_, **__) -> None:
        """Nobody listens."""

    def watch(self) -> None:
        """The watches deliver."""
        for cache in self.caches:
            cache.catch_up()
        self.pods = self.flink.pods()

    def _delete_deployment(self) -> None:
        deployment = self.server.get("deployments", "cluster")
        if deployment is not None:
            deployment["metadata"].setdefault("deletionTimestamp", self._stamp())
            self.server.put("deployments", deployment)

    def _status(self, name: str):
        return self.server.get("flinksessionjobs", name).get("status", {})

    def _failed(self, name: str) -> bool:
        return self._status(name).get("jobStatus", {}).get("state") == "FAILED"

    def _ended(self, name: str) -> bool:
        job = self.server.get("flinksessionjobs", name)
        status = job.get("status", {})
        if job["spec"]["job"]["state"] == "suspended":
            never = "lastReconciledSpec" not in status.get("reconciliationStatus", {})
            lives = [run for run in self.flink.runs.values() if run.owner == name and run.lives]
            return not lives and (never or status.get("lifecycleState") == "SUSPENDED")
        runs = status.get("jobStatus", {}).get("state") in ("RUNNING", "FINISHED")
        observed = status.get("observedGeneration") == job["metadata"]["generation"]
        return runs and observed and status["reconciliationStatus"]["state"] == "DEPLOYED"

    def _annotate(self, name: str, key: str, value: str) -> None:
        job = self.server.get("flinksessionjobs", name)
        job["metadata"].setdefault("annotations", {})[key] = value
        self.server.put("flinksessionjobs", job)

    def _touch(self) -> None:
        """Somebody changes what no pass cares about."""
        for name in JOBS:
            job = self.server.get("flinksessionjobs", name)
            if job is not None:
                job["metadata"].setdefault("labels", {})["touched"] = str(next(self.numbers))
                self.server.put("flinksessionjobs", job)

    def _stamp(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")


def change_spec(spec, change: str, number: int) -> None:
    """One edit of a session job's spec."""
    job = spec["job"]
    match change:
        case "parallelism":
            job["parallelism"] = number + 1
        case "nonce":
            spec["restartNonce"] = number
        case "suspend" | "resume":
            job["state"] = "suspended" if change == "suspend" else "running"
        case "broken":
            job["entryClass"] = BROKEN
        case "mended":
            job["entryClass"] = "x"
        case "invalid":
            job["parallelism"] = 0
        case "valid":
            job["parallelism"] = max(1, job["parallelism"])
        case mode:
            job["upgradeMode"] = mode


class Clock:
    """The model's time, in the form the product wants it."""

    def __init__(self, machine: SessionScene) -> None:
        self._machine = machine

    def now(self) -> datetime:
        return self._machine.now

    def monotonic(self) -> float:
        return self._machine.now.timestamp()
