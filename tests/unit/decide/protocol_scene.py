"""One FlinkDeployment, the agent that looks after it and all around them, for the protocol's state machine.

What there is and how it stands; what happens to it is in the state machine's rules.
"""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta

import protocol_workers
from hypothesis.stateful import RuleBasedStateMachine
from protocol_agent import Faulty, ModelClock
from protocol_apiserver import ApiServer
from protocol_flink import Clusters

from operator_core.conf import defaults as layers
from operator_core.controllers.world import World
from operator_core.decide import verdicts
from operator_core.flink.errors import FlinkUnreachable
from operator_core.kube import errors
from operator_core.model import lastspecs


class Scene(RuleBasedStateMachine):
    """Caches are filled once the resource was created."""

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

    def watch(self) -> None:
        """Watches deliver what happened."""
        self.resources.catch_up()
        self.deployments.catch_up()
        self.pods = self.flink.pods()

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
        # What was given up for want of time stays given up until somebody changes it.
        return job == "RUNNING" and status["reconciliationStatus"]["state"] in ("DEPLOYED", "ROLLED_BACK")

    def _assert_ended(self) -> None:
        status = self._status()
        failed = status.get("jobStatus", {}).get("state") == "FAILED" and status.get("error")
        told = {entry["type"]: (entry["status"], entry["reason"]) for entry in status.get("conditions", [])}
        assert self._ended() or failed, (told, status)

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
