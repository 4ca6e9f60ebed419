"""Session jobs beside a session cluster as a state machine: real decisions and actions of both, against a model.

The agent dies between any two requests or while it submits, caches lag, requests fail before or after they took
effect, users edit cluster and jobs at the same time and delete jobs, the JobManager restarts or its Deployment is
deleted. The model asserts that no job runs twice at once and that none begins behind its newest snapshot; at the end,
when the faults stop, every job runs or is suspended, or is blocked with a way out, and that way works.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import protocol_lengths
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from protocol_agent import Crash
from protocol_session_scene import JOBS, WISHES, SessionScene, change_spec

from operator_core.controllers import flinkdeployment, sessionjob
from operator_core.errors import AgentError

FAULTS = st.one_of(
    st.none(),
    st.tuples(
        st.integers(1, 7), st.sampled_from(["crash-before", "crash-after", "lost-before", "lost-after", "conflict"])
    ),
)
EDITS = st.sampled_from(
    [
        "parallelism",
        "nonce",
        "suspend",
        "resume",
        "savepoint",
        "last-state",
        "stateless",
        "invalid",
        "valid",
        "broken",
        "mended",
        "cluster",
    ]
)
MISHAPS = st.sampled_from(
    ["wait", "long wait", "disk", "hang", "jobs", "bounded", "jobmanager", "deployment", "no jar", "answer lost"]
)


class Sessions(SessionScene):
    """One session cluster, two jobs, one agent, users."""

    @initialize(
        ha=st.booleans(),
        mode=st.sampled_from(["savepoint", "last-state", "stateless"]),
        wishes=st.sets(st.sampled_from(sorted(WISHES))),
    )
    def create(self, ha: bool, mode: str, wishes: Collection[str] = ()) -> None:
        """A user creates the cluster and both jobs, with some of the operator's options."""
        self.build(ha, mode, wishes)

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
            self.server.edit_spec(who, lambda spec: change_spec(spec, change, number), "flinksessionjobs")
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
            case "long wait":
                self.now += timedelta(seconds=400)
            case "disk":
                self.flink.broken_savepoints = not self.flink.broken_savepoints
            case "hang":
                self.flink.down = not self.flink.down
            case "jobs":
                self.flink.fail_jobs()
            case "bounded":
                self.flink.finish_jobs()
            case "jobmanager":
                self.job_manager_lost = True
                self.flink.restart()
            case "deployment":
                self.job_manager_lost = True
                self._delete_deployment()
            case lane:
                self.lane.work(lane)

    # the end

    def teardown(self) -> None:
        """The faults stop: everything comes to an end, and every dead end has a way out that works."""
        if not hasattr(self, "session"):
            return
        self.flink.broken_savepoints = self.flink.down = False
        for name in JOBS:
            self._edit(name, "valid")
            self._edit(name, "mended")
        self._settle()
        blocked = [name for name in JOBS if not self._ended(name)]
        for name in blocked:
            told = {one["type"]: one for one in self._status(name).get("conditions", [])}
            assert told.get("UpgradeBlocked", {}).get("status") == "True" or self._failed(name), self._status(name)
            if not self.job_manager_lost and name not in self.flink.ended_unseen:
                reason = told.get("UpgradeBlocked", {}).get("reason")
                assert reason not in ("Missing", "UpgradeFailed"), f"no edit may cost {name} its state: {told}"
            self.flink.loss_accepted.add(name)
            self._annotate(name, "gitsync.io/accept-state-loss", f"r{next(self.numbers)}")
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

    def _until_gone(self) -> None:
        for _ in range(40):
            self.live(1, "cluster", None, None)
            self.now += timedelta(seconds=10)
            if not any(self.server.get("flinksessionjobs", name) for name in JOBS):
                return

    def _delete_all(self) -> None:
        """Jobs go, whatever their state, the last one with its state where it has any; nothing of them runs on."""
        self._annotate(JOBS[-1], "gitsync.io/on-delete", "savepoint")
        for name in JOBS:
            job = self.server.get("flinksessionjobs", name)
            job["metadata"]["deletionTimestamp"] = self._stamp()
            self.server.put("flinksessionjobs", job)
        self._until_gone()
        for name in JOBS:
            if self.server.get("flinksessionjobs", name) is not None:
                told = [one["message"] for one in self._status(name)["conditions"] if one["type"] == "UpgradeBlocked"]
                assert "to delete it without" in told[0], "it says how it goes"
                self._annotate(name, "gitsync.io/accept-state-loss", f"r{next(self.numbers)}")
        self._until_gone()
        for _ in range(5):  # what was sent before may arrive, and a new JobManager recover
            self.live(1, "cluster", None, None)
        assert not [name for name in JOBS if self.server.get("flinksessionjobs", name)], "a finalizer stays for ever"
        assert not [run for run in self.flink.runs.values() if run.lives], "a deleted job runs on"


class TestSessionProtocol(Sessions.TestCase):
    """The search of every run of the tests."""

    settings = protocol_lengths.SHORT


@pytest.mark.full
class TestSessionProtocolAtLength(Sessions.TestCase):
    """The long search."""

    settings = protocol_lengths.LONG
