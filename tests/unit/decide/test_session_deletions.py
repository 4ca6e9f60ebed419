"""Deletions of session jobs whose state is to be kept: every path ends, or names the request that ends it."""

from __future__ import annotations

import pytest
import sessionsituations as s

from operator_core.decide.decisions import CancelJob, Record, Release, Rest, TriggerStop
from operator_core.decide.flinkfacts import Checkpoints, Flink, Snapshot, TriggerCompleted, TriggerUnknown, Unreachable
from operator_core.decide.sessionstops import SessionStep
from operator_core.model.statuses import Condition

GONE = {"deletionTimestamp": "2026-01-01T11:59:00Z"}
KEEP = {"gitsync.io/on-delete": "savepoint"}
WITHOUT = {"gitsync.io/accept-state-loss": "r1"}
READY = Condition(type="Ready", status="True", reason="Running", observed_generation=1)
TRIGGER = {"savepointInfo": {"triggerId": "t", "triggerType": "UPGRADE", "triggerTimestamp": s.NOW_MS - 9_000}}
CHECKPOINT = Snapshot(3, "file:/cp/chk-3", s.NOW_MS - 70_000, is_savepoint=False, is_terminal=False)
FOUND = Checkpoints(enabled=True, completed=3, newest=CHECKPOINT, restored=None)


def was(*, ran: bool = True, **more):
    """A status with conditions; `ran`: what was submitted has run."""
    status = s.status(more.pop("spec", s.spec()), **more).model_copy(update={"conditions": (READY,)})
    record = status.reconciliation_status
    text = record.last_reconciled_spec if ran else None
    record = record.model_copy(update={"last_stable_spec": text})
    return status.model_copy(update={"reconciliation_status": record})


RUNS, STOPS = was(), was(job_status=TRIGGER)
CANCELS = was(state="UPGRADING", job="CANCELLING", how="savepoint")
SUBMITS = was(spec=s.spec(state="suspended"), state="UPGRADING", job="RECONCILING", ran=False)


def deleted(before, flink: Flink, *, asked=KEEP, **more) -> SessionStep:
    more.setdefault("session", s.cluster())
    return s.decided(s.spec(), before, flink=flink, annotations=asked, **GONE, **more)


def effect(step: SessionStep) -> object:
    return step.decision.then if isinstance(step.decision, Record) else step.decision


@pytest.mark.parametrize(
    ("before", "flink", "more", "expected"),
    [
        pytest.param(RUNS, Flink(job=s.job()), {}, TriggerStop, id="running"),
        pytest.param(RUNS, Flink(job=s.job("FAILED")), {}, Release, id="failed"),
        pytest.param(RUNS, Flink(job=None), {}, Release, id="the cluster lost it"),
        pytest.param(was(ran=False), Flink(job=s.job("RESTARTING")), {}, CancelJob, id="never ran"),
        pytest.param(STOPS, Flink(job=s.job(), trigger=TriggerUnknown()), {}, TriggerStop, id="stop not sent"),
        pytest.param(CANCELS, Flink(job=s.job()), {}, CancelJob, id="cancellation not sent"),
        pytest.param(SUBMITS, Flink(job=s.job()), {}, type(None), id="submitted, not yet confirmed"),
        pytest.param(RUNS, Flink(), {"session": None}, Release, id="cluster gone"),
        pytest.param(RUNS, Flink(), {"session": s.cluster(**GONE), "serves": False}, Release, id="both go"),
        pytest.param(RUNS, Flink(), {"serves": False, "namespace_ends": True}, Release, id="its namespace goes"),
        pytest.param(STOPS, Flink(), {"serves": False, "namespace_ends": True}, Release, id="while it is stopped"),
        pytest.param(RUNS, Flink(job=s.job()), {"namespace_ends": True}, TriggerStop, id="but somebody serves"),
    ],
)
def test_what_is_done_for_the_state(before, flink, more, expected) -> None:
    assert isinstance(effect(deleted(before, flink, **more)), expected)


def test_the_savepoint_is_recorded_before_the_finalizer_goes() -> None:
    taken = deleted(STOPS, Flink(job=s.job("FINISHED"), trigger=TriggerCompleted("file:/sp/1")))
    assert taken.status.job_status.upgrade_savepoint_path == "file:/sp/1"
    released = deleted(taken.status, Flink(job=s.job("FINISHED")))
    assert isinstance(released.decision, Release)
    assert released.decision.kept is not None and released.decision.kept.path == "file:/sp/1"
    assert "SavepointKept" in [event.reason for event in released.events]


def test_a_cancelled_job_leaves_its_checkpoint_in_the_record() -> None:
    step = deleted(CANCELS, Flink(job=s.job("CANCELED", end=s.NOW_MS - 9_000), checkpoints=FOUND))
    assert step.status.job_status.upgrade_savepoint_path == "file:/cp/chk-3"


HELD = [
    pytest.param(STOPS, Flink(job=None, trigger=TriggerUnknown()), {}, Release, id="lost in its stop"),
    pytest.param(RUNS, Flink(job=s.job("RESTARTING")), {}, CancelJob, id="does not run"),
    pytest.param(RUNS, Flink(job=Unreachable("x")), {"serves": False}, Release, id="no JobManager"),
]


@pytest.mark.parametrize(("before", "flink", "more", "after"), HELD)
def test_what_holds_a_deletion_up_is_told_once_with_the_request_that_ends_it(before, flink, more, after) -> None:
    held = deleted(before, flink, **more)
    assert isinstance(held.decision, Rest)
    assert held.status.lifecycle_state == "DELETING"
    blocked = next(each for each in held.status.conditions if each.type == "UpgradeBlocked")
    assert "gitsync.io/accept-state-loss: <any id> to delete it without" in blocked.message
    assert "restore-from" not in blocked.message, "nothing is started any more"
    assert "CleanupFailed" in [event.reason for event in held.events]
    again = deleted(held.status, flink, **more)
    assert [event for event in again.events if event.type == "Warning"] == []
    let_go = deleted(held.status, flink, asked={**KEEP, **WITHOUT}, **more)
    assert isinstance(effect(let_go), after)


def test_a_job_that_boots_is_waited_for_without_a_word() -> None:
    job = s.job("RESTARTING", start=s.NOW_MS - 5_000)
    step = deleted(RUNS, Flink(job=job))
    assert step.decision == Rest(1.0)
    assert [event for event in step.events if event.type == "Warning"] == []
