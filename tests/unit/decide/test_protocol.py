"""The write-ahead protocol as a state machine: real decisions and actions against a model of the world.

The agent dies between any two requests, caches lag, requests fail before or after they took effect, users edit
and delete at any time, JobManagers restart. What must hold is asserted by the model itself (no two JobManagers
live, no deployment starts behind the newest snapshot, deletions carry a uid) and at the end: when the
faults stop, every resource comes to an end state or is blocked with a way out, and that way works.
"""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta

import protocol_workers
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from protocol_agent import FAULTS, Crash, Faulty, ModelClock
from protocol_apiserver import ApiServer, LaggingCache
from protocol_flink import Clusters
from protocol_users import BASE, CHANGES, NEEDS_HA, WISHES
from protocol_users import edit as edit_spec

from operator_core.conf import defaults as layers
from operator_core.controllers import flinkdeployment
from operator_core.controllers.world import World
from operator_core.decide import verdicts
from operator_core.errors import AgentError
from operator_core.flink.errors import FlinkUnreachable
from operator_core.kube import errors
from operator_core.model import lastspecs
from operator_core.outcomes import Done

MISHAPS = st.sampled_from(
    [
        "wait",
        "disk",
        "hang",
        "answer",
        "forget",
        "job",
        "jobmanager",
        "jobmanager",
        "deployment",
        "workers",
        "touch",
        "clock",
        "metadata",
    ]
)


class Protocol(RuleBasedStateMachine):
    """One FlinkDeployment, its agent, its cluster, its users."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.server = ApiServer(self._stamp)
        self.flink = Clusters(self.server, lambda: int(self.now.timestamp() * 1000))
        self.flink.bad_images = {"bad:1"}
        self.server.refused_images = {"refused:1"}
        self.api = Faulty(self.server.send, lambda: errors.Unreachable("injected"), self._touch)
        self.rest = Faulty(self.flink.send, self._flink_unreachable)
        self.rest.reset = self.flink.reset
        self.api.log = self.flink.listed
        self.clock = ModelClock(self)
        self.ids = itertools.count(1)
        self.events: list[tuple[str, str]] = []
        self.requests = itertools.count(1)

    @initialize(
        ha=st.booleans(),
        mode=st.sampled_from(["savepoint", "last-state", "stateless"]),
        standalone=st.booleans(),
        wishes=st.sets(st.sampled_from(sorted(WISHES))),
    )
    def create(self, ha: bool, mode: str, standalone: bool, wishes: set[str]) -> None:
        """A user creates the resource, with some of the operator's options."""
        spec = {**BASE, "flinkConfiguration": dict(BASE["flinkConfiguration"]), "job": dict(BASE["job"])}
        if ha:
            spec["flinkConfiguration"] |= {
                "high-availability.type": "kubernetes",
                "high-availability.storageDir": "file:///data/ha",
            }
        spec["flinkConfiguration"] |= {key: WISHES[key] for key in wishes if ha or key not in NEEDS_HA}
        if standalone:
            spec["mode"] = "standalone"
        self.ha = ha
        spec["job"]["upgradeMode"] = mode
        self.flink.loss_accepted = mode == "stateless"
        meta = {"name": "app"}
        body = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", "metadata": meta, "spec": spec}
        self.server.born("flinkdeployments", body)
        self.resources = LaggingCache(self.server, "flinkdeployments")
        self.deployments = LaggingCache(self.server, "deployments")
        self.pods = ()
        self.restart_agent()

    # the agent

    def restart_agent(self) -> None:
        """A new process: nothing is remembered, caches are filled."""
        self.watch()
        self.world = World(
            api=self.api,
            resources=self.resources,
            deployments=self.deployments,
            pods=lambda namespace, name: self.pods,
            flink=self.rest,
            events=self,
            clock=self.clock,
            new_id=lambda: hashlib.md5(str(next(self.ids)).encode()).hexdigest(),
            defaults=layers.NONE,
            reach=lambda name: None,
        )

    def event(self, obj, type_, reason, message, *, key=None, component=None, annotations=None) -> None:
        """Events are only counted."""
        self.events.append((reason, message))

    @rule(api=FAULTS, rest=FAULTS, fresh=st.booleans())
    def reconcile(self, api, rest, fresh) -> None:
        """One pass, perhaps with a fault, perhaps on old caches."""
        if fresh:
            self.watch()
        self.api.arm(api)
        self.rest.arm(rest if rest is None or rest[1] != "conflict" else None)
        try:
            flinkdeployment.reconcile(self.world, "ns", "app")
        except AgentError:
            pass
        except Crash:
            self.restart_agent()
        self._kubernetes_conditions()

    @rule(rounds=st.integers(1, 12), api=FAULTS, rest=FAULTS, checkpoints=st.booleans())
    def live(self, rounds, api, rest, checkpoints) -> None:
        """Everybody gets on for a while; the fault hits one of the passes."""
        for _ in range(rounds):
            self.progress(1)
            self.finish()
            if checkpoints:
                self.flink.checkpoint()
            self.reconcile(api, rest, True)
            api = rest = None

    @rule(change=CHANGES, api=FAULTS, rest=FAULTS, mishap=st.one_of(st.none(), MISHAPS), passes=st.integers(1, 4))
    def change(self, change, api, rest, mishap, passes) -> None:
        """A user edits the spec, the agent acts before anybody else gets on, and then bad luck may strike."""
        self.edit(change)
        self.reconcile(api, rest, True)
        if mishap is not None:
            self.strike(mishap)
        for _ in range(passes - 1):
            self.reconcile(None, None, True)

    def watch(self) -> None:
        """Watches deliver what happened."""
        self.resources.catch_up()
        self.deployments.catch_up()
        self.pods = self.flink.pods()

    # the world

    @rule(amount=st.integers(1, 5))
    def progress(self, amount) -> None:
        """Kubernetes and Flink get on by one step each."""
        self._pass_time(3)
        self.flink.sync()
        self._kubernetes_conditions()
        self.flink.boot()
        self.flink.process(amount)

    @rule()
    def checkpoint(self) -> None:
        """A checkpoint completes."""
        self.flink.checkpoint()

    @rule()
    def finish(self) -> None:
        """Triggers, cancellations and terminations complete."""
        self._pass_time(1)
        self.flink.finish_triggers()
        self.flink.end_cancellations()
        self.flink.terminate()
        self._end_listing()
        self.server.collect(self.flink.has_pods)

    @rule(kind=MISHAPS)
    def strike(self, kind) -> None:
        """Something unlucky, or nothing but time."""
        match kind:
            case "wait":
                self._pass_time(40)
            case "disk":
                self.flink.broken_savepoints = not self.flink.broken_savepoints
            case "hang" | "answer":
                self.flink.down = kind == "hang"
            case "forget":
                self._pass_time(300)
                self.flink.forget_triggers()
            case "job":
                self.flink.fail_job()
            case "jobmanager":
                self._pass_time(2)
                self.flink.restart_process(state_settled=self._state_settled())
            case "metadata":
                self.flink.lose_metadata()
            case "clock":
                self.clock.skew = next(self.requests) % 3 * 600 - 600
            case _:
                self._strike_objects(kind)

    def _strike_objects(self, kind) -> None:
        match kind:
            case "deployment":
                self._delete_deployment("app")
            case "workers":
                self._delete_deployment(protocol_workers.NAME)
            case "touch":
                self._touch()

    def _delete_deployment(self, name: str) -> None:
        """Somebody deletes a Deployment of a job that stands."""
        deployment = self.server.get("deployments", name)
        status = self._status().get("reconciliationStatus", {})
        if deployment is not None and status.get("state") == "DEPLOYED":
            deployment["metadata"].setdefault("deletionTimestamp", self._stamp())
            self.server.put("deployments", deployment)

    def _end_listing(self) -> None:
        """A pod that lists states has run."""
        pod = self.server.get("pods", "app-state-listing")
        if pod is not None:
            pod["status"] = {"phase": "Succeeded"}
            self.server.put("pods", pod)

    # the users

    @rule(change=CHANGES)
    def edit(self, change) -> None:
        """A user edits the spec."""
        if self.server.get("flinkdeployments", "app") is None:
            return
        if change == "latest":
            self._annotate("gitsync.io/restore-from", f"r{next(self.requests)} latest")
        else:
            self.server.edit_spec("app", lambda spec: edit_spec(spec, change, next(self.requests)))
            self._note_loss()

    def teardown(self) -> None:
        """The faults stop: everything must come to an end, and a dead end must have a way out that works."""
        if not hasattr(self, "world"):
            return
        self.flink.broken_savepoints = self.flink.down = False
        if self.server.get("flinkdeployments", "app") is not None:
            self.server.edit_spec("app", lambda spec: (edit_spec(spec, "good", 0), edit_spec(spec, "valid", 0)))
        self._settle()
        if self._blocked():
            self._annotate("gitsync.io/accept-state-loss", f"r{next(self.requests)}")
            self.flink.loss_accepted = True
            self._settle()
        self._assert_ended()
        self._delete_and_settle()

    def _settle(self) -> None:
        for _ in range(60):
            self.api.arm(None)
            self.rest.arm(None)
            self.progress(1)
            self.finish()
            self.watch()
            try:
                outcome = flinkdeployment.reconcile(self.world, "ns", "app")
            except AgentError:
                continue
            self._kubernetes_conditions()
            if isinstance(outcome, Done) and self._ended():
                return
            self._pass_time(20)
            if self._ended():
                return

    def _ended(self) -> bool:
        obj = self.server.get("flinkdeployments", "app")
        if obj is None:
            return True
        status = self._status()
        if status.get("observedGeneration") != obj["metadata"]["generation"] and self._state() != "suspended":
            return False
        job = status.get("jobStatus", {}).get("state")
        wanted = obj["spec"]["job"]["state"]
        if wanted == "suspended":
            deployment = self.server.get("deployments", "app") or self.server.get("deployments", protocol_workers.NAME)
            never = "lastReconciledSpec" not in status.get("reconciliationStatus", {})
            return never or (status.get("lifecycleState") == "SUSPENDED" and deployment is None)
        return job == "RUNNING" and status["reconciliationStatus"]["state"] == "DEPLOYED"

    def _assert_ended(self) -> None:
        status = self._status()
        failed = status.get("jobStatus", {}).get("state") == "FAILED" and status.get("error")
        told = {entry["type"]: (entry["status"], entry["reason"]) for entry in status.get("conditions", [])}
        assert self._ended() or failed, (told, status)

    def _delete_and_settle(self) -> None:
        obj = self.server.get("flinkdeployments", "app")
        if obj is None:
            return
        obj["metadata"]["deletionTimestamp"] = self._stamp()
        self.server.put("flinkdeployments", obj)
        for _ in range(20):
            self.watch()
            flinkdeployment.reconcile(self.world, "ns", "app")
            self.finish()
            if self.server.get("flinkdeployments", "app") is None:
                break
        assert self.server.get("flinkdeployments", "app") is None
        assert self.server.get("deployments", "app") is None
        assert self.server.get("deployments", protocol_workers.NAME) is None

    # the rest

    def _pass_time(self, seconds) -> None:
        self.now += timedelta(seconds=seconds)

    def _stamp(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _status(self):
        return (self.server.get("flinkdeployments", "app") or {}).get("status") or {}

    def _state(self) -> str:
        return self.server.get("flinkdeployments", "app")["spec"]["job"]["state"]

    def _blocked(self) -> bool:
        return any(
            entry["type"] == verdicts.UPGRADE_BLOCKED and entry["status"] == "True"
            for entry in self._status().get("conditions", [])
        )

    def _annotate(self, key, value) -> None:
        obj = self.server.get("flinkdeployments", "app")
        obj["metadata"].setdefault("annotations", {})[key] = value
        self.server.put("flinkdeployments", obj)

    def _touch(self) -> None:
        obj = self.server.get("flinkdeployments", "app")
        if obj is not None:
            obj["metadata"].setdefault("labels", {})["touched"] = str(next(self.requests))
            self.server.put("flinkdeployments", obj)

    def _note_loss(self) -> None:
        if self.server.get("flinkdeployments", "app")["spec"]["job"]["upgradeMode"] == "stateless":
            self.flink.loss_accepted = True

    def _state_settled(self) -> bool:
        """Whether the status says which state is gone on from, or that it is being taken."""
        status = self._status()
        text = status.get("reconciliationStatus", {}).get("lastReconciledSpec")
        if not text:
            return False
        stop = status["jobStatus"]["savepointInfo"].get("triggerType") == "UPGRADE"
        if stop or status["jobStatus"].get("state") == "CANCELLING":
            return True
        return lastspecs.decode(text).spec["job"]["state"] == "suspended"

    def _kubernetes_conditions(self) -> None:
        """The Deployment controller's first words about a new Deployment."""
        deployment = self.server.get("deployments", "app")
        if deployment is not None and "status" not in deployment:
            born = deployment["metadata"]["creationTimestamp"]
            deployment["status"] = {
                "conditions": [
                    {"type": "Available", "status": "False", "lastTransitionTime": born},
                    {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"},
                ]
            }
            self.server.put("deployments", deployment)

    @staticmethod
    def _flink_unreachable():
        return FlinkUnreachable("injected")


class TestProtocol(Protocol.TestCase):
    """A short search on every run: some two thousand rules, each many passes."""

    settings = settings(max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.full
class TestProtocolAtLength(Protocol.TestCase):
    """The long search."""

    settings = settings(
        max_examples=1500, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
