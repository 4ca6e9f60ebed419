"""The write-ahead protocol as a state machine: real decisions and actions against a model of the world.

The agent dies between any two requests, caches lag, requests fail before or after they took effect, users edit
and delete at any time, JobManagers restart. What must hold is asserted by the model itself (no two JobManagers
live, no deployment starts behind the newest snapshot, deletions carry a uid) and at the end: when the
faults stop, every resource comes to an end state or is blocked with a way out, and that way works.
"""

import protocol_lengths
import protocol_workers
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from protocol_agent import FAULTS, Crash
from protocol_apiserver import LaggingCache
from protocol_scene import Scene
from protocol_users import BASE, CHANGES, NEEDS_HA, WISHES
from protocol_users import edit as edit_spec

from operator_core.controllers import flinkdeployment
from operator_core.errors import AgentError
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


class Protocol(Scene):
    """One FlinkDeployment, its agent, its cluster, its users."""

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


class TestProtocol(Protocol.TestCase):
    """The search of every run of the tests."""

    settings = protocol_lengths.SHORT


@pytest.mark.full
class TestProtocolAtLength(Protocol.TestCase):
    """The long search."""

    settings = protocol_lengths.LONG
