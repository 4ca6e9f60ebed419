"""Snapshots that are recorded and not complete: how they are asked after, tried again, given up and waited for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from situations import JOB_ID, NOW, NOW_MS, condition, facts, reasons, running_job, spec, status, step
from snapshotobjects import LEGACY, nonce_of, snapshot

from operator_core.decide import snapshotrecords
from operator_core.decide.decisions import Look, Record, Rest, TriggerSavepoint, TriggerStop
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import Flink, TriggerCompleted, TriggerFailed, TriggerPending, TriggerUnknown
from operator_core.decide.needs import Need


def pending(
    conf: dict[str, str] | None = None, *, ago: float = 1.0, trigger_id: str = "t" * 32, **flink: object
) -> Facts:
    """A manual savepoint is recorded; the job runs unless said otherwise."""
    wanted = spec({**LEGACY, **(conf or {})}, savepointTriggerNonce=1)
    was = status(wanted)
    info = was.job_status.savepoint_info.model_copy(
        update={
            "trigger_id": trigger_id,
            "trigger_timestamp": NOW_MS - int(ago * 1000),
            "trigger_type": "MANUAL",
            "format_type": "CANONICAL",
        }
    )
    was = was.model_copy(update={"job_status": was.job_status.model_copy(update={"savepoint_info": info})})
    return facts(wanted, was, flink=Flink(**{"job": running_job(), **flink}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "events", "location"),
    [
        (TriggerPending(), [], None),
        (TriggerCompleted("file:/sp/1"), ["SavepointCompleted"], "file:/sp/1"),
    ],
)
def test_the_legacy_form_is_polled_and_recorded(answer: object, events: list[str], location: str | None) -> None:
    assert step(pending()).decision == Look((Need.TRIGGER,))
    told = step(pending(), trigger=answer)
    info = told.status.job_status.savepoint_info
    assert reasons(told) == events and isinstance(told.decision, Rest)
    assert (info.last_savepoint.location if info.last_savepoint else None) == location
    assert (info.trigger_id is None) == (location is not None)
    if info.last_savepoint is not None:
        assert info.savepoint_history == (info.last_savepoint,)
        assert (info.last_savepoint.trigger_nonce, info.last_savepoint.trigger_type) == (1, "MANUAL")


def test_an_unknown_trigger_is_asked_again_under_its_id_and_given_up_after_the_grace_period() -> None:
    young = step(pending(ago=59), trigger=TriggerUnknown())
    assert young.decision == TriggerSavepoint(JOB_ID, "t" * 32, "file:///sp", "CANONICAL")
    old = step(pending(ago=61), trigger=TriggerUnknown())
    assert reasons(old) == ["SavepointError"] and snapshotrecords.pending(old.status, "savepoint") is None
    assert nonce_of(old) == 1, "a nonce is not tried for ever"


def test_a_failure_is_tried_again_within_the_grace_period_and_then_told() -> None:
    boom = TriggerFailed("not all tasks run")
    early = step(pending(ago=4), trigger=boom)
    assert isinstance(early.decision, Rest) and early.decision.seconds == pytest.approx(6)
    second = step(pending(ago=11), trigger=boom)
    assert isinstance(second.decision, Record) and isinstance(second.decision.then, TriggerSavepoint)
    new_id = second.decision.then.trigger_id
    assert new_id != "t" * 32 and second.status.job_status.savepoint_info.trigger_timestamp == NOW_MS - 11_000
    assert step(pending(ago=11), trigger=boom).decision == second.decision, "the same after a crash"
    waits = step(pending(ago=12, trigger_id="t" * 32), trigger=boom)
    assert isinstance(waits.decision, Record)
    given = replace(pending(ago=11), status=second.status, now=NOW + timedelta(seconds=1))
    between = step(given, trigger=boom)
    assert isinstance(between.decision, Rest) and between.decision.seconds == pytest.approx(18)
    third = step(replace(given, now=NOW + timedelta(seconds=20)), trigger=boom)
    assert isinstance(third.decision, Record)
    over = step(replace(given, status=third.status, now=NOW + timedelta(seconds=21)), trigger=boom)
    assert reasons(over) == ["SavepointError"]
    assert "not all tasks run" in over.events[0].message
    none = step(pending({"kubernetes.operator.savepoint.trigger.grace-period": "0 s"}), trigger=boom)
    assert reasons(none) == ["SavepointError"]


def test_a_job_that_ended_gives_up_its_pending_snapshot() -> None:
    ended = step(pending(job=running_job("FINISHED", end=NOW_MS - 10_000)))
    assert reasons(ended)[-1] == "SavepointError"


def _changed(given: Facts, conf: dict[str, str] | None = None) -> Facts:
    """The same with a change of the job to carry out."""
    wanted = {**given.resource["spec"], "image": "job:2"}
    resource = {**given.resource, "spec": wanted}
    return replace(given, resource=resource, conf={**given.conf, **(conf or {})}, preflight=None)


def test_a_change_waits_for_a_savepoint_under_way() -> None:
    waits = step(_changed(pending(trigger=TriggerPending())))
    assert isinstance(waits.decision, Rest) and waits.decision.seconds == pytest.approx(0.5)
    anyway = {"kubernetes.operator.job.upgrade.ignore-pending-savepoint": "true"}
    goes = step(_changed(pending(trigger=TriggerPending()), anyway))
    assert isinstance(goes.decision, Record) and isinstance(goes.decision.then, TriggerStop)
    old = step(_changed(pending(ago=601, trigger=TriggerPending())))
    assert isinstance(old.decision, Record) and isinstance(old.decision.then, TriggerStop)


@pytest.mark.parametrize(
    ("state", "began", "waits"),
    [
        ("IN_PROGRESS", "2026-01-01T11:59:59Z", True),
        ("IN_PROGRESS", "2026-01-01T11:40:00Z", False),
        ("COMPLETED", "2026-01-01T11:59:59Z", False),
        (None, None, False),
    ],
)
def test_a_change_waits_for_a_resource_under_way(state: str | None, began: str | None, waits: bool) -> None:
    under_way = snapshot("manual", trigger="MANUAL", state=state)
    under_way["status"]["triggerTimestamp"] = began
    given = facts(spec(), status(spec()), snapshots=(under_way,))
    taken = step(_changed(given))
    assert isinstance(taken.decision, Rest) == waits
    assert not waits or "manual" in condition(taken, "Ready")[2]
