"""Session jobs that ended: what is recorded, what is told, which are submitted again and which are not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import sessionsituations as s

from operator_core.decide import memories, sessionjobs
from operator_core.decide.decisions import Look, Record, Rest
from operator_core.decide.flinkfacts import Checkpoints, Flink, JobException, JobFailure, Snapshot
from operator_core.decide.needs import Need
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.decide.sessionstops import SessionStep
from operator_core.model.statuses import Condition

AGAIN = {"flinkConfiguration": {"kubernetes.operator.job.restart.failed": "true"}}
READY = Condition(type="Ready", status="True", reason="Running", observed_generation=1)
NEWEST = Snapshot(3, "file:/cp/chk-3", s.NOW_MS - 70_000, is_savepoint=False, is_terminal=False)
STOPPED = replace(NEWEST, path="file:/sp/1", is_savepoint=True, is_terminal=True)
NOTHING = Checkpoints(enabled=True, completed=0, newest=None, restored=None)
SAVED = replace(NOTHING, completed=3, newest=NEWEST)
BOOM = JobFailure("boom", "java.lang.Exception: boom")


def ended(
    state: str, wanted=None, *, found: Checkpoints = SAVED, lasted: float = 3600, ago: float = 60, told=None, **more
) -> SessionFacts:
    """A job that ended `ago` seconds before now, after `lasted`; `told` is what its status remembers."""
    wanted = wanted or s.spec()
    end = s.NOW_MS - int(ago * 1000)
    job = s.job(state, end=end, start=end - int(lasted * 1000))
    was = s.status(wanted, how="savepoint", job=state)
    was = memories.remembering(was.model_copy(update={"conditions": (READY,)}), told or {})
    flink = Flink(job=job, checkpoints=found, failure=BOOM)
    return s.facts(wanted, was, session=s.cluster(), flink=flink, **more)


def decided(facts: SessionFacts) -> SessionStep:
    return sessionjobs.decide(facts)


def reasons(step: SessionStep) -> list[str]:
    return [event.reason for event in step.events]


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        pytest.param(SAVED, {"final-snapshot": "file:/cp/chk-3"}, id="a checkpoint"),
        pytest.param(
            replace(SAVED, newest=STOPPED),
            {"final-snapshot": "file:/sp/1", "stopped-with-savepoint": "true"},
            id="stopped by hand",
        ),
        pytest.param(NOTHING, {"final-snapshot": ""}, id="it never had any"),
        pytest.param(replace(NOTHING, completed=3), {}, id="its checkpoints were deleted"),
        pytest.param(
            replace(SAVED, newest=replace(NEWEST, path="<checkpoint-not-externally-addressable>")), {}, id="no path"
        ),
    ],
)
def test_what_an_ended_job_left_is_remembered_where_it_is_certain(found, kept) -> None:
    step = decided(ended("CANCELED", found=found))
    assert isinstance(step.decision, Rest)
    assert memories.of(step.status) == {**kept, "end-read": "true"}


def test_what_may_be_older_than_the_end_is_asked_for_again() -> None:
    """Flink serves statistics from before the end for three seconds."""
    step = decided(ended("CANCELED", ago=1))
    assert step.decision == Rest(3.0)
    assert "end-read" not in memories.of(step.status)


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        pytest.param(s.spec(AGAIN), SAVED, ("savepoint", "file:/cp/chk-3"), id="from its newest checkpoint"),
        pytest.param(s.spec(AGAIN, upgradeMode="stateless"), SAVED, ("stateless", None), id="stateless"),
        pytest.param(s.spec(), SAVED, None, id="not asked for"),
        pytest.param(s.spec(AGAIN), replace(NOTHING, completed=3), None, id="its checkpoints are gone"),
    ],
)
def test_a_failed_job_is_submitted_again_where_that_is_asked_for(wanted, found, expected) -> None:
    step = decided(ended("FAILED", wanted, found=found))
    if expected is None:
        assert isinstance(step.decision, Rest)
        return
    assert isinstance(step.decision, Record)
    assert (s.recorded(step)[2], step.status.job_status.upgrade_savepoint_path) == expected
    assert reasons(step)[-2:] == ["Error", "RestartFailedJob"]
    assert memories.of(step.status)["failed-restarts"] == "1"


@pytest.mark.parametrize(
    ("lasted", "restarts", "ago", "runs"),
    [(3600, 0, 5, True), (5, 1, 5, False), (5, 1, 11, True), (5, 3, 30, False), (5, 3, 41, True), (3600, 9, 5, True)],
)
def test_a_job_that_fails_at_once_is_submitted_again_less_and_less_often(lasted, restarts, ago, runs) -> None:
    facts = ended("FAILED", s.spec(AGAIN), lasted=lasted, ago=ago, told={"failed-restarts": str(restarts)})
    assert isinstance(decided(facts).decision, Record) is runs


def test_a_failed_job_is_not_submitted_again_on_statistics_from_before_its_end() -> None:
    """Flink serves them for three seconds."""
    early = decided(ended("FAILED", s.spec(AGAIN), ago=1))
    assert early.decision == Rest(3.0)


def test_a_failed_job_that_its_cluster_forgot_is_submitted_again_from_what_was_recorded() -> None:
    known = {"final-snapshot": "file:/cp/chk-3"}
    facts = ended("FAILED", s.spec(AGAIN), told=known)
    step = decided(replace(facts, flink=Flink(job=None)))
    assert step.status.job_status.upgrade_savepoint_path == "file:/cp/chk-3"
    unknown = decided(replace(ended("FAILED", s.spec(AGAIN)), flink=Flink(job=None)))
    assert unknown.decision == Rest(None)


def test_a_change_of_an_ended_job_that_its_cluster_forgot_goes_on_from_what_was_recorded() -> None:
    facts = ended("FAILED", told={"final-snapshot": "file:/cp/chk-3"}, generation=2)
    facts = replace(facts, resource={**facts.resource, "spec": s.spec(parallelism=2)}, flink=Flink(job=None))
    step = decided(facts)
    assert s.recorded(step) == ("UPGRADING", "suspended", "savepoint")
    assert step.status.job_status.upgrade_savepoint_path == "file:/cp/chk-3"


@pytest.mark.parametrize(
    ("change", "found", "reruns"),
    [
        pytest.param({"parallelism": 2}, SAVED, False, id="a change alone"),
        pytest.param({"args": ["--b"]}, NOTHING, False, id="without state"),
        pytest.param({"parallelism": 2}, replace(SAVED, newest=STOPPED), True, id="stopped by hand"),
        pytest.param({"state": "suspended"}, SAVED, True, id="suspended"),
    ],
)
def test_a_finished_job_is_not_run_again_by_a_change_alone(change, found, reruns) -> None:
    facts = ended("FINISHED", found=found, generation=2)
    step = decided(replace(facts, resource={**facts.resource, "spec": s.spec(**change)}))
    assert isinstance(step.decision, Record) is reruns
    if not reruns:
        assert "FinishedJobKept" in reasons(step)
        assert step.status.observed_generation == 2
        assert s.ready(step)[:2] == ("True", "Finished")


def test_a_nonce_runs_a_finished_job_again() -> None:
    facts = ended("FINISHED", generation=2)
    step = decided(replace(facts, resource={**facts.resource, "spec": s.spec({"restartNonce": 1})}))
    assert isinstance(step.decision, Record)
    assert "SpecChanged" in reasons(step)


def test_a_finished_job_is_asked_once_whether_somebody_stopped_it() -> None:
    facts = ended("FINISHED", generation=2)
    facts = replace(facts, resource={**facts.resource, "spec": s.spec(parallelism=2)}, flink=Flink(job=facts.flink.job))
    assert decided(facts).decision == Look((Need.CHECKPOINTS,))


# exceptions


def failing(**more: object) -> SessionFacts:
    """A job whose tasks changed their state a minute ago."""
    was = s.status(s.spec()).model_copy(update={"conditions": (READY,)})
    flink = Flink(job=s.job(modified=s.NOW_MS - 60_000), checkpoints=SAVED)
    return s.facts(s.spec(), was, session=s.cluster(), flink=flink, **more)


def test_exceptions_are_told_once_and_flink_is_asked_only_after_a_task_changed() -> None:
    facts = failing()
    assert decided(facts).decision == Look((Need.EXCEPTIONS,))
    history = (JobException(s.NOW_MS - 1_000, "boom 2"), JobException(s.NOW_MS - 2_000, "boom 1"))
    first = decided(replace(facts, flink=replace(facts.flink, exceptions=history)))
    assert [event.message for event in first.events if event.reason == "JobException"] == ["boom 2", "boom 1"]
    later = decided(replace(facts, status=first.status, now=s.NOW + timedelta(seconds=20)))
    assert isinstance(later.decision, Rest)
    assert "JobException" not in reasons(later)
    remembered = next(each for each in later.status.conditions if each.type == "Remembers")
    assert json.loads(remembered.message) == {"exceptions-told": f"{s.NOW_MS - 1_000} {s.NOW_MS - 60_000}"}


def test_nobody_is_asked_where_the_definition_keeps_no_conditions() -> None:
    """What was told could not be remembered, and would be told again and again."""
    facts = failing()
    facts = replace(facts, status=facts.status.model_copy(update={"conditions": ()}))
    assert decided(facts).decision != Look((Need.EXCEPTIONS,))


# the age of checkpoints


@pytest.mark.parametrize(("seconds", "stops"), [(30, True), (300, False)])
def test_last_state_takes_a_savepoint_where_the_newest_checkpoint_is_too_old(seconds: int, stops: bool) -> None:
    option = "kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age"
    conf = {"flinkConfiguration": {option: f"{seconds} s"}}
    before, wanted = s.spec(conf, upgradeMode="last-state"), s.spec(conf, upgradeMode="last-state", parallelism=2)
    flink = Flink(job=s.job(), checkpoints=replace(SAVED, checkpoint=NEWEST), retains=True)
    step = s.decided(wanted, s.status(before), session=s.cluster(), flink=flink, generation=2)
    stopping = step.status.job_status.savepoint_info.trigger_type == "UPGRADE"
    assert (stopping, step.status.job_status.state) == ((True, "RUNNING") if stops else (False, "CANCELLING"))
