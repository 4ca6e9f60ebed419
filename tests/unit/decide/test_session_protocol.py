"""Session jobs beside a session cluster as a state machine: real decisions and actions of both, against a model.

The agent dies between any two requests or while it submits, caches lag, requests fail before or after they took
effect, users edit cluster and jobs at the same time and delete jobs, the JobManager restarts or its Deployment is
deleted. The model asserts that no job runs twice at once and that none begins behind its newest snapshot; at the end,
when the faults stop, every job runs or is suspended, or is blocked with a way out, and that way works.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from protocol_agent import Crash, Faulty
from protocol_apiserver import ApiServer, LaggingCache
from protocol_sessions import Lane, SessionCluster

from operator_core.conf import defaults as layers
from operator_core.controllers import flinkdeployment, sessionjob
from operator_core.controllers.sessionworld import SessionWorld
from operator_core.controllers.world import World
from operator_core.errors import AgentError
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
HA = {"high-availability.type": "kubernetes", "high-availability.storageDir": "file:///data/ha"}
FAULTS = st.one_of(
    st.none(),
    st.tuples(
        st.integers(1, 7), st.sampled_from(["crash-before", "crash-after", "lost-before", "lost-after", "conflict"])
    ),
)
EDITS = st.sampled_from(
    ["parallelism", "nonce", "suspend", "resume", "savepoint", "last-state", "stateless", "invalid", "valid", "cluster"]
)
MISHAPS = st.sampled_from(["wait", "disk", "hang", "jobs", "jobmanager", "deployment", "no jar", "answer lost"])


class Sessions(RuleBasedStateMachine):
    """One session cluster, two jobs, one agent, users."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.server = ApiServer(self._stamp)
        self.api = Faulty(self.server.send, lambda: errors.Unreachable("injected"), self._touch)
        self.ids = itertools.count(1)
        self.numbers = itertools.count(1)
        self.job_manager_lost = False

    @initialize(ha=st.booleans(), mode=st.sampled_from(["savepoint", "last-state", "stateless"]))
    def create(self, ha: bool, mode: str) -> None:
        """A user creates the cluster and both jobs."""
        self.flink = SessionCluster(self.server, lambda: int(self.now.timestamp() * 1000), ha=ha)
        self.rest = Faulty(self.flink.send, lambda: FlinkUnreachable("injected"))
        self.rest.reset = self.flink.reset
        spec = {**CLUSTER, "flinkConfiguration": {**CLUSTER["flinkConfiguration"], **(HA if ha else {})}}
        self._born("flinkdeployments", "FlinkDeployment", "cluster", spec)
        for name in JOBS:
            job = {"entryClass": "x", "args": [name], "parallelism": 1, "upgradeMode": mode, "state": "running"}
            self._born("flinksessionjobs", "FlinkSessionJob", name, {"deploymentName": "cluster", "job": job})
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

    @rule(who=st.sampled_from(["cluster", *JOBS]), api=FAULTS, rest=FAULTS, fresh=st.booleans())
    def reconcile(self, who, api, rest, fresh) -> None:
        """One pass, perhaps with a fault, perhaps on old caches."""
        if fresh:
            self.watch()
        self.api.arm(api)
        self.rest.arm(rest if rest is None or rest[1] != "conflict" else None)
        try:
            if who == "cluster":
                flinkdeployment.reconcile(self.session.world, "ns", "cluster")
            else:
                sessionjob.reconcile(self.session, "ns", who)
        except AgentError:
            pass
        except Crash:
            self.restart_agent()
        self.api.arm(None)
        self.rest.arm(None)

    @rule(rounds=st.integers(1, 10), who=st.sampled_from(["cluster", *JOBS]), api=FAULTS, rest=FAULTS)
    def live(self, rounds, who, api, rest) -> None:
        """Everybody gets on for a while; the fault hits one of the passes."""
        for _ in range(rounds):
            self.progress()
            for one in ("cluster", *JOBS):
                self.reconcile(one, api if one == who else None, rest if one == who else None, True)
            self.lane.work()
            api = rest = None

    @rule(checkpoint=st.booleans())
    def progress(self, checkpoint: bool = False) -> None:
        """A second of Kubernetes and Flink; what a dead agent had sent arrives."""
        self.now += timedelta(seconds=1)
        for work in self.flink.in_flight:
            try:
                self.flink.submit(work)
            except AgentError:
                continue
        self.flink.in_flight = []
        self.flink.progress()
        self.flink.finish_triggers()
        if checkpoint:
            self.flink.checkpoint()
        self.server.collect(self.flink.pods_of)

    # users and bad luck

    @rule(who=st.sampled_from(JOBS), change=EDITS, also=st.one_of(st.none(), EDITS), passes=st.integers(0, 3))
    def edit(self, who, change, also, passes) -> None:
        """One commit changes a job, perhaps the cluster or the other job too; the agent acts before anybody else."""
        self._edit(who, change)
        if also is not None:
            self._edit(JOBS[1 - JOBS.index(who)], also)
        for _ in range(passes):
            for one in (who, "cluster"):
                self.reconcile(one, None, None, True)

    def _edit(self, who: str, change: str) -> None:
        number = next(self.numbers)
        if change == "cluster":
            self.server.edit_spec("cluster", lambda spec: spec.update(restartNonce=number))
        elif self.server.get("flinksessionjobs", who) is not None:
            self.server.edit_spec(who, lambda spec: _change(spec, change, number), "flinksessionjobs")
            self._note_loss(who)

    def _note_loss(self, who: str) -> None:
        job = self.server.get("flinksessionjobs", who)
        if job["spec"]["job"]["upgradeMode"] == "stateless":
            self.flink.loss_accepted.add(who)

    @rule(mishap=MISHAPS, api=FAULTS)
    def strike(self, mishap, api) -> None:
        """Something unlucky, or nothing but time."""
        match mishap:
            case "wait":
                self.now += timedelta(seconds=70)
            case "disk":
                self.flink.broken_savepoints = not self.flink.broken_savepoints
            case "hang":
                self.flink.down = not self.flink.down
            case "jobs":
                self.flink.fail_jobs()
            case "jobmanager":
                self.job_manager_lost = True
                self.flink.restart()
            case "deployment":
                self.job_manager_lost = True
                self._delete_deployment()
            case lane:
                self.lane.work(lane)

    def _delete_deployment(self) -> None:
        deployment = self.server.get("deployments", "cluster")
        if deployment is not None:
            deployment["metadata"].setdefault("deletionTimestamp", self._stamp())
            self.server.put("deployments", deployment)

    # the end

    def teardown(self) -> None:
        """The faults stop: everything comes to an end, and every dead end has a way out that works."""
        if not hasattr(self, "session"):
            return
        self.flink.broken_savepoints = self.flink.down = False
        for name in JOBS:
            self._edit(name, "valid")
        self._settle()
        blocked = [name for name in JOBS if not self._ended(name)]
        for name in blocked:
            told = {one["type"]: one for one in self._status(name).get("conditions", [])}
            assert told.get("UpgradeBlocked", {}).get("status") == "True" or self._failed(name), self._status(name)
            if not self.job_manager_lost:
                reason = told.get("UpgradeBlocked", {}).get("reason")
                assert reason not in ("Missing", "UpgradeFailed"), f"no edit may cost {name} its state: {told}"
            self.flink.loss_accepted.add(name)
            job = self.server.get("flinksessionjobs", name)
            job["metadata"].setdefault("annotations", {})["gitsync.io/accept-state-loss"] = f"r{next(self.numbers)}"
            self.server.put("flinksessionjobs", job)
            if self._failed(name):
                self._edit(name, "nonce")
        self._settle()
        for name in JOBS:
            assert self._ended(name), (name, self._status(name))
        self._delete_all()

    def _settle(self) -> None:
        for _ in range(60):
            self.live(1, "cluster", None, None)
            self.now += timedelta(seconds=15)
            if all(self._ended(name) for name in JOBS):
                return

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
        runs = status.get("jobStatus", {}).get("state") == "RUNNING"
        observed = status.get("observedGeneration") == job["metadata"]["generation"]
        return runs and observed and status["reconciliationStatus"]["state"] == "DEPLOYED"

    def _delete_all(self) -> None:
        """Jobs go, whatever their state; nothing of them runs on."""
        for name in JOBS:
            job = self.server.get("flinksessionjobs", name)
            job["metadata"]["deletionTimestamp"] = self._stamp()
            self.server.put("flinksessionjobs", job)
        for _ in range(40):
            self.live(1, "cluster", None, None)
            self.now += timedelta(seconds=10)
        assert not [name for name in JOBS if self.server.get("flinksessionjobs", name)], "a finalizer stays for ever"
        assert not [run for run in self.flink.runs.values() if run.lives], "a deleted job runs on"

    def _touch(self) -> None:
        """Somebody changes what no pass cares about."""
        for name in JOBS:
            job = self.server.get("flinksessionjobs", name)
            if job is not None:
                job["metadata"].setdefault("labels", {})["touched"] = str(next(self.numbers))
                self.server.put("flinksessionjobs", job)

    def _stamp(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _change(spec, change: str, number: int) -> None:
    job = spec["job"]
    match change:
        case "parallelism":
            job["parallelism"] = number + 1
        case "nonce":
            spec["restartNonce"] = number
        case "suspend" | "resume":
            job["state"] = "suspended" if change == "suspend" else "running"
        case "invalid":
            job["parallelism"] = 0
        case "valid":
            job["parallelism"] = max(1, job["parallelism"])
        case mode:
            job["upgradeMode"] = mode


class Clock:
    """The model's time, in the form the product wants it."""

    def __init__(self, machine: Sessions) -> None:
        self._machine = machine

    def now(self) -> datetime:
        return self._machine.now

    def monotonic(self) -> float:
        return self._machine.now.timestamp()


class TestSessionProtocol(Sessions.TestCase):
    """A short search on every run of the tests."""

    settings = settings(max_examples=10, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.full
class TestSessionProtocolAtLength(Sessions.TestCase):
    """The long search."""

    settings = settings(
        max_examples=1000, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
