"""FlinkStateSnapshots: every state, what moves it on, and how it is deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from situations import JOB_ID, NOW, facts, running_job, spec, status

from operator_core.decide import snapshotdeletions, snapshotrules, statesnapshots
from operator_core.decide.decisions import TriggerCheckpoint, TriggerSavepoint
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import (
    Flink,
    TriggerCompleted,
    TriggerFailed,
    TriggerPending,
    TriggerUnknown,
    Unreachable,
)
from operator_core.decide.statesnapshots import (
    Dispose,
    LookAtDisposal,
    LookAtTrigger,
    Release,
    Rest,
    SnapshotFacts,
    SnapshotStep,
    Take,
)
from operator_core.model.flinkstatesnapshots import FINALIZER, FlinkStateSnapshotSpec, FlinkStateSnapshotStatus

SAVEPOINT: dict[str, object] = {"jobReference": {"kind": "FlinkDeployment", "name": "app"}, "savepoint": {}}
CHECKPOINT: dict[str, object] = {"jobReference": {"kind": "FlinkDeployment", "name": "app"}, "checkpoint": {}}


def job(state: str = "RUNNING", was: object = None, **more: object) -> Facts:
    """The facts of the job that is named."""
    deployed = spec()
    return facts(deployed, was or status(deployed, state=state), flink=Flink(job=running_job()), **more)  # type: ignore[arg-type]


def given(
    body: dict[str, object] | None = None, *, state: str = "TRIGGER_PENDING", ago: float = 1.0, **more: object
) -> SnapshotFacts:
    """A snapshot, triggered `ago` seconds ago."""
    body = SAVEPOINT if body is None else body
    told: dict[str, object] = {"state": state}
    if state != "TRIGGER_PENDING":
        moment = statesnapshots.stamp(NOW - timedelta(seconds=ago))
        told |= {"trigger_id": "t" * 32, "trigger_timestamp": moment, "result_timestamp": moment}
    told |= more.pop("told", {})  # type: ignore[arg-type,operator]
    resource = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkStateSnapshot",
        "metadata": {"name": "snap", "namespace": "ns", "finalizers": [FINALIZER]},
        "spec": body,
    }
    values: dict[str, object] = {
        "resource": resource,
        "spec": FlinkStateSnapshotSpec.model_validate(body),
        "invalid": None,
        "status": FlinkStateSnapshotStatus(**told),  # type: ignore[arg-type]
        "job": job(),
        "serves": True,
        "now": NOW,
        "new_id": "n" * 32,
        **more,
    }
    return SnapshotFacts(**values)  # type: ignore[arg-type]


def states(step: SnapshotStep) -> tuple[str, list[str]]:
    return step.status.state, [event.reason for event in step.events]


def test_a_savepoint_is_recorded_in_progress_before_it_is_taken() -> None:
    step = statesnapshots.decide(given())
    assert step.decision == Take(TriggerSavepoint(JOB_ID, "n" * 32, "file:///sp", "CANONICAL"), recorded=False)
    assert (step.status.state, step.status.trigger_id) == ("IN_PROGRESS", "n" * 32)
    own = {**SAVEPOINT, "savepoint": {"path": "file:///mine", "formatType": "NATIVE"}}
    step = statesnapshots.decide(given(own))
    assert step.decision == Take(TriggerSavepoint(JOB_ID, "n" * 32, "file:///mine", "NATIVE"), recorded=False)
    step = statesnapshots.decide(given(CHECKPOINT))
    assert step.decision == Take(TriggerCheckpoint(JOB_ID, "n" * 32, "FULL"), recorded=False)


def test_a_savepoint_that_exists_already_is_complete_at_once() -> None:
    body = {"savepoint": {"alreadyExists": True, "path": "file:/sp/1"}}
    step = statesnapshots.decide(given(body, job=None, serves=False))
    assert states(step) == ("COMPLETED", []) and step.status.path == "file:/sp/1" and step.decision == Rest(None)


@pytest.mark.parametrize("state", ["COMPLETED", "ABANDONED"])
def test_what_is_over_is_never_run_again(state: str) -> None:
    step = statesnapshots.decide(given(state=state))
    assert step.decision == Rest(None) and step.status.state == state


def _suspended() -> Facts:
    down = spec(state="suspended")
    return facts(down, status(down, state="FINISHED"))


@pytest.mark.parametrize(
    ("named", "state"),
    [
        pytest.param(None, "ABANDONED", id="there is no such job any more"),
        pytest.param(job("FINISHED"), "ABANDONED", id="finished"),
        pytest.param(job("FAILED"), "ABANDONED", id="failed"),
        pytest.param(_suspended(), "ABANDONED", id="suspended"),
        pytest.param(job(meta={"deletionTimestamp": "x"}), "ABANDONED", id="being deleted"),
        pytest.param(job("RECONCILING"), None, id="on its way"),
        pytest.param(job("RESTARTING"), None, id="restarting"),
        pytest.param(job("CREATED"), None, id="starting"),
    ],
)
@pytest.mark.parametrize("before", ["TRIGGER_PENDING", "IN_PROGRESS"])
def test_a_job_that_will_not_run_abandons_its_snapshot_and_one_on_its_way_is_waited_for(named, state, before) -> None:
    step = statesnapshots.decide(given(state=before, job=named, serves=named is not None and state is None))
    assert step.status.state == (state or before)
    if state is not None:
        assert [event.reason for event in step.events] == ["SnapshotAbandoned"]
        assert "FlinkDeployment app for savepoint snap is not running" in (step.status.error or "")
    elif before == "TRIGGER_PENDING":
        assert isinstance(step.decision, Rest) and "Waiting for FlinkDeployment app" in (step.status.error or "")


@pytest.mark.parametrize("reconciliation", ["UPGRADING", "ROLLING_BACK"])
def test_nothing_is_taken_while_the_job_is_being_changed(reconciliation: str) -> None:
    was = status(spec())
    record = was.reconciliation_status.model_copy(update={"state": reconciliation})
    changing = job(was=was.model_copy(update={"reconciliation_status": record}))
    for state in ("TRIGGER_PENDING", "IN_PROGRESS"):
        step = statesnapshots.decide(given(state=state, job=changing))
        assert isinstance(step.decision, Rest) and step.status.state == state


@pytest.mark.parametrize(
    ("answer", "state", "events"),
    [
        (TriggerPending(), "IN_PROGRESS", []),
        (Unreachable("no answer"), "IN_PROGRESS", []),
        (TriggerCompleted("file:/sp/1"), "COMPLETED", ["SavepointCompleted"]),
        (TriggerFailed("disk full"), "FAILED", ["SavepointError"]),
    ],
)
def test_what_flink_says_of_a_trigger(answer, state: str, events: list[str]) -> None:
    assert statesnapshots.decide(given(state="IN_PROGRESS")).decision == LookAtTrigger()
    step = statesnapshots.decide(given(state="IN_PROGRESS", trigger=answer))
    assert states(step) == (state, events)
    assert step.status.path == ("file:/sp/1" if state == "COMPLETED" else None)


def test_an_unknown_trigger_is_asked_for_again_and_fails_after_the_grace_period() -> None:
    young = statesnapshots.decide(given(CHECKPOINT, state="IN_PROGRESS", ago=59, trigger=TriggerUnknown()))
    assert young.decision == Take(TriggerCheckpoint(JOB_ID, "t" * 32, "FULL"), recorded=True)
    restarting = given(state="IN_PROGRESS", ago=59, trigger=TriggerUnknown(), job=job("RESTARTING"))
    assert isinstance(statesnapshots.decide(restarting).decision, Rest)
    old = statesnapshots.decide(given(CHECKPOINT, state="IN_PROGRESS", ago=61, trigger=TriggerUnknown()))
    assert states(old) == ("FAILED", ["CheckpointError"])


@pytest.mark.parametrize(
    ("limit", "failures", "ago", "again"),
    [
        (-1, 1, 9, False),
        (-1, 1, 11, True),
        (-1, 3, 39, False),
        (-1, 3, 41, True),
        (-1, 40, 3599, False),
        (-1, 40, 3601, True),
        (0, 1, 9999, False),
        (2, 2, 9999, True),
        (2, 3, 9999, False),
    ],
)
def test_failures_back_off_and_end_at_the_limit(limit: int, failures: int, ago: float, again: bool) -> None:
    step = statesnapshots.decide(
        given({**SAVEPOINT, "backoffLimit": limit}, state="FAILED", ago=ago, told={"failures": failures})
    )
    assert isinstance(step.decision, Take) == again
    assert again or step.decision == Rest(None) or (isinstance(step.decision, Rest) and step.decision.seconds)
    assert again == (step.status.state == "IN_PROGRESS")


def test_what_cannot_be_taken_fails_with_a_reason() -> None:
    nowhere = job()
    nowhere = replace(nowhere, conf={}, last_conf={})
    step = statesnapshots.decide(given(job=nowhere))
    assert states(step) == ("FAILED", ["SavepointError"]) and "savepoint-dir" in (step.status.error or "")
    old = {**spec(), "flinkVersion": "v1_16"}
    step = statesnapshots.decide(given(CHECKPOINT, job=facts(old, status(old))))
    assert "1.17" in (step.status.error or "")


@pytest.mark.parametrize(
    ("body", "started", "exists", "message"),
    [
        ({}, False, True, "Exactly one of"),
        ({**SAVEPOINT, "checkpoint": {}}, False, True, "Exactly one of"),
        ({"savepoint": {}}, False, True, "Job reference must be supplied"),
        (SAVEPOINT, False, False, "Target for snapshot ns/app was not found"),
        (SAVEPOINT, True, False, None),
        (SAVEPOINT, False, True, None),
        ({"savepoint": {"alreadyExists": True, "path": "x"}}, False, False, None),
        ({"savepoint": {"alreadyExists": True}}, False, False, "spec.savepoint.path"),
    ],
)
def test_validation_is_the_java_operators(body: dict, started: bool, exists: bool, message: str | None) -> None:
    parsed = FlinkStateSnapshotSpec.model_validate(body)
    found = snapshotrules.problem(parsed, "ns", started=started, target_exists=exists)
    assert (found is None) == (message is None) and (message or "") in (found or "")


def test_a_refusal_is_told_once_and_a_refused_one_can_be_deleted() -> None:
    first = statesnapshots.decide(given(invalid="no good", spec=None))
    assert states(first) == ("TRIGGER_PENDING", ["ValidationError"]) and first.status.error == "no good"
    again = statesnapshots.decide(given(invalid="no good", spec=None, told={"error": "no good"}))
    assert again.events == ()
    assert snapshotdeletions.decide(given(invalid="no good", spec=None)).decision == Release()


DISPOSABLE = {**SAVEPOINT, "savepoint": {"disposeOnDelete": True}}
DONE = {"path": "file:/sp/1"}


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (CHECKPOINT, "COMPLETED"),
        ({**SAVEPOINT, "savepoint": {"disposeOnDelete": False}}, "COMPLETED"),
        ({"savepoint": {"disposeOnDelete": True}}, "COMPLETED"),
        (DISPOSABLE, "FAILED"),
        (DISPOSABLE, "TRIGGER_PENDING"),
        (DISPOSABLE, "ABANDONED"),
    ],
)
def test_what_has_nothing_to_dispose_of_is_released_at_once(body: dict, state: str) -> None:
    assert snapshotdeletions.decide(given(body, state=state, told=DONE)).decision == Release()


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (TriggerUnknown(), Dispose("file:/sp/1")),
        (TriggerPending(), Rest(0.3)),
        (TriggerCompleted(""), Release()),
        (TriggerFailed("java.io.FileNotFoundException: Cannot find meta data file"), Release()),
        (TriggerFailed("permission denied"), Rest(60.0)),
    ],
)
def test_a_disposal_is_asked_for_once_and_awaited(answer, decision) -> None:
    waiting = given(DISPOSABLE, state="COMPLETED", told={**DONE, "trigger_id": "d" * 32})
    assert snapshotdeletions.decide(waiting).decision == LookAtDisposal()
    step = snapshotdeletions.decide(replace(waiting, disposal=answer))
    assert step.decision == decision
    if decision == Rest(60.0):
        assert [event.reason for event in step.events] == ["CleanupFailed"]
        assert "disposeOnDelete: false" in (step.status.error or "")
        assert step.status.trigger_id == "d" * 32, "while Flink knows the answer it is not asked again"


def test_what_was_found_rather_than_taken_is_disposed_of_too() -> None:
    found = given(DISPOSABLE, state="COMPLETED", told={**DONE, "trigger_id": None})
    assert snapshotdeletions.decide(found).decision == Dispose("file:/sp/1")


def test_a_snapshot_without_its_job_goes_and_says_what_stays() -> None:
    step = snapshotdeletions.decide(given(DISPOSABLE, state="COMPLETED", told=DONE, job=None))
    assert step.decision == Release() and "file:/sp/1 stays" in step.events[0].message


def test_a_savepoint_waits_for_a_job_manager_and_for_the_job_that_needs_it() -> None:
    step = snapshotdeletions.decide(given(DISPOSABLE, state="COMPLETED", told=DONE, serves=False))
    assert isinstance(step.decision, Rest) and "disposeOnDelete: false" in (step.status.error or "")
    was = status(spec(), cluster_info={})
    needing = was.job_status.model_copy(update={"upgrade_savepoint_path": "file:/sp/1"})
    restoring = job(was=was.model_copy(update={"job_status": needing}))
    step = snapshotdeletions.decide(given(DISPOSABLE, state="COMPLETED", told=DONE, job=restoring))
    assert isinstance(step.decision, Rest) and "would be restored from" in (step.status.error or "")
    owned = replace(restoring, last_conf={**restoring.last_conf, "execution.state-recovery.claim-mode": "CLAIM"})
    step = snapshotdeletions.decide(given(DISPOSABLE, state="COMPLETED", told=DONE, job=owned))
    assert step.decision == Release(), "Flink deletes what it claimed"


def test_a_deletion_waits_for_a_snapshot_under_way_but_not_for_ever() -> None:
    step = snapshotdeletions.decide(given(DISPOSABLE, state="IN_PROGRESS", trigger=TriggerPending()))
    assert isinstance(step.decision, Rest)
    silent = given(DISPOSABLE, state="IN_PROGRESS", ago=661, serves=False)
    assert snapshotdeletions.decide(silent).decision == Release()
