"""Session jobs that go back to their last stable spec: when, how they are ended, from which state, and how it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sessionsituations as s
from protocol_session_scene import JOBS
from test_session_protocol import Sessions

from operator_core.decide import memories, sessionjobs
from operator_core.decide.decisions import CancelJob, Look, Record, Rest, SubmitJob
from operator_core.decide.flinkfacts import Checkpoints, Flink, Snapshot
from operator_core.decide.needs import Need
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.decide.sessionstops import SessionStep
from operator_core.model import lastspecs
from operator_core.model.statuses import Condition

OPTION = "kubernetes.operator.deployment.rollback.enabled"
ON = {"flinkConfiguration": {OPTION: "true"}}
GOOD, BAD = s.spec(ON), s.spec(ON, entryClass="bad")
READY = Condition(type="Ready", status="False", reason="Progressing", observed_generation=1)
NEWEST = Snapshot(3, "file:/cp/chk-3", s.NOW_MS - 70_000, is_savepoint=False, is_terminal=False)
FOUND = Checkpoints(enabled=True, completed=3, newest=NEWEST, restored=None)
RESTARTING = Flink(job=s.job("RESTARTING"), retains=True)


def submitted(wanted=BAD, *, stable=GOOD, ago: float = 600, flink: Flink = RESTARTING, **more) -> SessionFacts:
    """A spec was submitted `ago` seconds before now and did not run since; `stable` did before."""
    was = s.status(wanted, how="savepoint", job="RESTARTING", **more)
    text = lastspecs.encode(stable, first_deployment=False) if stable else None
    record = was.reconciliation_status.model_copy(
        update={"last_stable_spec": text, "reconciliation_timestamp": s.NOW_MS - int(ago * 1000)}
    )
    was = was.model_copy(update={"reconciliation_status": record, "conditions": (READY,)})
    return s.facts(wanted, was, session=s.cluster(), flink=flink)


def decided(facts: SessionFacts) -> SessionStep:
    return sessionjobs.decide(facts)


@pytest.mark.parametrize(
    ("facts", "begins"),
    [
        pytest.param(submitted(), True, id="after the deadline"),
        pytest.param(submitted(ago=200), False, id="before it"),
        pytest.param(submitted(s.spec(entryClass="bad")), False, id="switched off"),
        pytest.param(submitted(stable=None), False, id="nothing was ever stable"),
        pytest.param(submitted(stable=s.spec(ON, state="suspended")), False, id="the stable one was suspended"),
        pytest.param(submitted(flink=Flink(job=None)), False, id="the cluster lost it"),
        pytest.param(submitted(flink=replace(RESTARTING, retains=False)), False, id="its checkpoints would go"),
        pytest.param(
            submitted(flink=Flink(job=s.job("FAILED", end=s.NOW_MS - 60_000), checkpoints=FOUND)), True, id="failed"
        ),
    ],
)
def test_when_a_rollback_begins(facts: SessionFacts, begins: bool) -> None:
    step = decided(facts)
    assert (step.status.reconciliation_status.state == "ROLLING_BACK") is begins
    assert ("Rollback" in [event.reason for event in step.events]) is begins
    if begins:
        assert isinstance(step.decision, Record)
        assert memories.of(step.status)["given-up"]


def test_a_job_that_may_still_come_up_is_looked_at_when_the_deadline_passes() -> None:
    step = decided(submitted(ago=299.95))
    assert isinstance(step.decision, Rest)
    assert 0 < (step.decision.seconds or 0) < 0.2


def rolling_back(flink: Flink, wanted=BAD) -> SessionFacts:
    begun = decided(submitted()).status
    facts = s.facts(wanted, begun, session=s.cluster(), flink=flink, generation=1 if wanted is BAD else 2)
    return facts


def test_what_did_not_end_is_cancelled_once_its_checkpoints_are_known_to_stay() -> None:
    assert decided(rolling_back(Flink(job=s.job("RESTARTING")))).decision == Look((Need.RETENTION,))
    assert decided(rolling_back(RESTARTING)).decision == CancelJob(s.JOB_ID, required=True)


CANCELED = Flink(job=s.job("CANCELED", end=s.NOW_MS - 60_000), checkpoints=FOUND)


def test_it_goes_back_with_the_newest_state_and_keeps_the_spec_that_was_given_up() -> None:
    ended = decided(rolling_back(CANCELED))
    assert s.recorded(ended) == ("ROLLING_BACK", "suspended", "savepoint")
    assert ended.status.job_status.upgrade_savepoint_path == "file:/cp/chk-3"
    submitting = decided(s.facts(BAD, ended.status, session=s.cluster(), flink=Flink(job=None)))
    assert [event.reason for event in submitting.events] == ["Submit"]
    record = submitting.status.reconciliation_status
    assert record.state == "ROLLING_BACK"
    assert lastspecs.decode(record.last_reconciled_spec or "").spec["job"]["entryClass"] == "bad"
    sent = decided(s.facts(BAD, submitting.status, session=s.cluster(), flink=Flink(job=None)))
    assert isinstance(sent.decision, SubmitJob)
    assert sent.decision.entry_class == "x"
    runs = s.job("RUNNING", id=submitting.status.job_status.job_id)
    done = decided(s.facts(BAD, submitting.status, session=s.cluster(), flink=Flink(job=runs)))
    assert done.status.reconciliation_status.state == "ROLLED_BACK"


def test_a_newer_spec_ends_the_rollback() -> None:
    step = decided(rolling_back(CANCELED, s.spec(ON, entryClass="mended")))
    assert s.recorded(step) == ("UPGRADING", "suspended", "savepoint")


def test_a_broken_spec_is_given_up_and_a_mended_one_follows_with_all_state() -> None:
    world = Sessions()
    world.create(ha=False, mode="savepoint", wishes=[OPTION])
    for _ in range(12):
        world.live(1, "cluster", None, None)
    world.flink.checkpoint()
    world._edit("a", "broken")
    for _ in range(45):
        world.live(1, "cluster", None, None)
        world.strike("wait", None)
    status = world._status("a")
    assert (status["lifecycleState"], status["jobStatus"]["state"]) == ("ROLLED_BACK", "RUNNING")
    told = {one["type"]: one for one in status["conditions"]}
    assert told["Ready"]["reason"] == "RolledBack"
    assert "RESTARTING" in told["Ready"]["message"]
    world._edit("a", "mended")
    world._settle()
    assert all(world._ended(name) for name in JOBS), world._status("a")
    assert world._status("a")["lifecycleState"] == "STABLE", "the stable spec committed again is what runs"
    world.teardown()
