"""Session jobs, situation by situation: submit, confirm, upgrade, lose, recover, suspend, delete."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sessionsituations as s

from operator_core.decide import sessionjobs, verdicts
from operator_core.decide.decisions import CancelJob, Look, Record, Release, Rest, SubmitJob, TriggerStop
from operator_core.decide.facts import Predecessor
from operator_core.decide.flinkfacts import Checkpoints, Flink, Snapshot, TriggerUnknown, Unreachable
from operator_core.decide.needs import Need
from operator_core.decide.sessionfacts import SubmissionFailed, UnderWay
from operator_core.jsonvalues import Object
from operator_core.model.statuses import Condition


def submitting(**more):
    """The record of a submission that nobody confirmed yet, written `age` seconds ago."""
    was = s.status(s.spec(state="suspended"), state="UPGRADING", job="RECONCILING", **more)
    record = was.reconciliation_status.model_copy(update={"reconciliation_timestamp": s.NOW_MS - 5_000})
    return was.model_copy(update={"reconciliation_status": record})


def test_a_new_job_waits_for_its_cluster_and_says_for_what() -> None:
    table = {
        "does not exist": s.decided(s.spec(), None, session=None),
        "is being deleted": s.decided(s.spec(), None, session=s.cluster(deletionTimestamp="x")),
        "is about to be changed": s.decided(s.spec(), None, session=s.cluster(generation=2)),
        "is not ready": s.decided(s.spec(), None, session=s.cluster(), serves=False),
    }
    for text, step in table.items():
        assert isinstance(step.decision, Rest), text
        assert text in s.ready(step)[2], s.ready(step)
        assert step.status.reconciliation_status.last_reconciled_spec is None
    assert s.ready(table["does not exist"])[1] == "SessionClusterMissing"


def test_the_submission_is_recorded_before_anything_is_sent() -> None:
    step = s.decided(s.spec(initialSavepointPath="file:///sp/1"), None, session=s.cluster())
    assert step.decision == Record("submit-recorded", None)
    assert s.recorded(step) == ("UPGRADING", "suspended", "savepoint")
    job = step.status.job_status
    assert (job.job_id, job.state, job.upgrade_savepoint_path) == ("j" * 32, "RECONCILING", "file:///sp/1")
    assert [event.reason for event in step.events] == ["Submit"]


def test_a_new_job_starts_from_what_a_request_or_its_old_name_says() -> None:
    asked = s.facts(s.spec(), None, session=s.cluster())
    annotations = {"gitsync.io/restore-from": "now file:///sp/named"}
    asked.resource["metadata"]["annotations"] = annotations
    step = sessionjobs.decide(asked)
    assert step.status.job_status.upgrade_savepoint_path == "file:///sp/named"
    kept: Object = {
        "metadata": {"creationTimestamp": "2026-01-01T10:00:00Z", "annotations": {"gitsync.io/kept-by": "deletion"}},
        "spec": {"savepoint": {"alreadyExists": True, "path": "file:///sp/last"}},
    }
    renamed = s.facts(s.spec(), None, session=s.cluster())
    step = sessionjobs.decide(replace(renamed, predecessor=Predecessor("before", False, False, (kept,))))
    assert step.status.job_status.upgrade_savepoint_path == "file:///sp/last"
    waiting = sessionjobs.decide(replace(renamed, predecessor=Predecessor("before", True, True)))
    assert s.ready(waiting)[1] == "RenamePending"


def test_what_is_recorded_is_submitted_until_it_is_listed() -> None:
    was = submitting(
        job_status={"upgradeSavepointPath": "file:///sp/1"},
    )
    asked = s.decided(s.spec(), was, session=s.cluster(), flink=Flink(job=None))
    submit = asked.decision
    assert isinstance(submit, SubmitJob)
    assert (submit.job_id, submit.savepoint_path, submit.args) == (s.JOB_ID, "file:///sp/1", ("--a",))
    retention = "execution.checkpointing.externalized-checkpoint-retention"
    assert dict(submit.configuration) == {retention: "RETAIN_ON_CANCELLATION"}
    listed = s.decided(s.spec(), was, session=s.cluster(), flink=Flink(job=s.job("INITIALIZING")))
    assert isinstance(listed.decision, Rest)
    assert s.recorded(listed) == ("DEPLOYED", "running", "stateless")


def test_nothing_is_sent_while_a_try_is_under_way_or_the_cluster_is_to_go() -> None:
    running = s.decided(s.spec(), submitting(), session=s.cluster(), submission=UnderWay(s.JOB_ID))
    assert isinstance(running.decision, Rest)
    closed = s.cluster(ready="WaitingForSessionJobs", observed=0)
    young = s.decided(s.spec(), submitting(), session=closed, flink=Flink(job=None))
    assert young.decision == Rest(1.0), "a dead agent's request may still be on its way"
    facts = s.facts(s.spec(), submitting(), session=closed, flink=Flink(job=None))
    later = s.sessionjobs.decide(replace(facts, now=s.NOW + timedelta(seconds=60)))
    assert isinstance(later.decision, Record)
    assert s.recorded(later)[:2] == ("UPGRADING", "suspended")
    assert later.status.job_status.state == "FINISHED", "the record of the submission is withdrawn"


@pytest.mark.parametrize(("certain", "kind"), [(True, Record), (False, Rest)])
def test_only_a_try_that_failed_for_certain_gives_way_to_a_newer_spec(certain: bool, kind: type) -> None:
    failed = SubmissionFailed(s.JOB_ID, "404", certain, 1, s.NOW)
    step = s.decided(
        s.spec(parallelism=2), submitting(), session=s.cluster(), flink=Flink(job=None), submission=failed, generation=2
    )
    assert isinstance(step.decision, kind)
    if not certain:
        assert s.ready(step) == ("False", "SubmissionFailed", "404")
        assert verdicts.error_message(step.status.error) == "404"


RUNNING = Flink(job=s.job())


@pytest.mark.parametrize(
    ("wanted", "flink", "decision"),
    [
        pytest.param(s.spec(parallelism=2), RUNNING, TriggerStop, id="savepoint"),
        pytest.param(s.spec({"restartNonce": 1}), RUNNING, TriggerStop, id="restartNonce"),
        pytest.param(s.spec(state="suspended"), RUNNING, TriggerStop, id="suspend"),
        pytest.param(s.spec(parallelism=2, upgradeMode="last-state"), RUNNING, Look, id="last-state asks"),
        pytest.param(
            s.spec(parallelism=2, upgradeMode="last-state"), replace(RUNNING, retains=True), CancelJob, id="last-state"
        ),
        pytest.param(
            s.spec(parallelism=2, upgradeMode="last-state"),
            replace(RUNNING, retains=False),
            TriggerStop,
            id="last-state without kept checkpoints",
        ),
        pytest.param(s.spec(parallelism=2, upgradeMode="stateless"), RUNNING, type(None), id="stateless"),
        pytest.param(
            s.spec(savepointRedeployNonce=1, initialSavepointPath="file:///x"), RUNNING, type(None), id="redeploy"
        ),
        pytest.param(
            s.spec(parallelism=2),
            Flink(job=s.job("RESTARTING"), retains=True),
            CancelJob,
            id="falls back to last-state",
        ),
    ],
)
def test_a_changed_spec_stops_the_job_as_its_mode_says(wanted, flink, decision) -> None:
    step = s.decided(wanted, s.status(s.spec()), session=s.cluster(), flink=flink, generation=2)
    done = step.decision.then if isinstance(step.decision, Record) else step.decision
    assert isinstance(done, decision)


@pytest.mark.parametrize("annotated", [False, True])
def test_a_job_that_its_cluster_lost_is_never_started_from_older_state_unasked(annotated: bool) -> None:
    kept = Condition(type="Ready", status="True", reason="Running", observed_generation=1)
    was = s.status(s.spec()).model_copy(update={"conditions": (kept,)})
    asked = {"annotations": {"gitsync.io/accept-state-loss": "r1"}} if annotated else {}
    step = s.decided(s.spec(), was, session=s.cluster(), flink=Flink(job=None), **asked)
    if annotated:
        assert isinstance(step.decision, Record)
        assert s.recorded(step) == ("UPGRADING", "suspended", "stateless")
        return
    assert isinstance(step.decision, Rest)
    assert s.ready(step)[:2] == ("False", "Missing")
    assert "gitsync.io/restore-from" in s.ready(step)[2]
    assert step.events[0].message == "Job Not Found"


def test_a_lost_job_without_state_is_submitted_again() -> None:
    step = s.decided(
        s.spec(upgradeMode="stateless"),
        s.status(s.spec(upgradeMode="stateless")),
        session=s.cluster(),
        flink=Flink(job=None),
    )
    assert isinstance(step.decision, Record)
    assert s.recorded(step) == ("UPGRADING", "suspended", "stateless")


def test_a_job_gives_way_when_its_cluster_is_to_be_replaced() -> None:
    waiting = s.cluster(ready="WaitingForSessionJobs", generation=1)
    for mode, kind in (("savepoint", Record), ("stateless", Look)):
        step = s.decided(s.spec(upgradeMode=mode), s.status(s.spec(upgradeMode=mode)), session=waiting, flink=RUNNING)
        assert isinstance(step.decision, kind), mode


def test_a_stop_whose_trigger_flink_lost_is_sent_again_under_the_same_id() -> None:
    info = {"triggerId": "t1", "triggerType": "UPGRADE", "formatType": "CANONICAL", "triggerTimestamp": s.NOW_MS}
    was = s.status(s.spec(), job_status={"savepointInfo": info})
    again = s.decided(s.spec(), was, session=s.cluster(), flink=Flink(job=s.job(), trigger=TriggerUnknown()))
    assert isinstance(again.decision, TriggerStop) and again.decision.trigger_id == "t1"
    gone = s.decided(s.spec(), was, session=s.cluster(), flink=Flink(job=None, trigger=TriggerUnknown()))
    assert s.ready(gone)[1] == "UpgradeFailed"
    newest = Snapshot(7, "file:///sp/7", s.NOW_MS, is_savepoint=True, is_terminal=True)
    ended = Flink(
        job=s.job("FINISHED", end=s.NOW_MS - 60_000),
        trigger=TriggerUnknown(),
        checkpoints=Checkpoints(True, 3, newest, None),
    )
    taken = s.decided(s.spec(), was, session=s.cluster(), flink=ended)
    assert taken.status.job_status.upgrade_savepoint_path == "file:///sp/7"


def test_a_stopped_job_is_submitted_only_when_the_run_before_is_gone() -> None:
    was = s.status(
        s.spec(state="suspended"),
        how="savepoint",
        state="UPGRADING",
        job="FINISHED",
        job_status={"upgradeSavepointPath": "file:///sp/7"},
    )
    alive = s.decided(s.spec(), was, session=s.cluster(), flink=RUNNING)
    assert isinstance(alive.decision, CancelJob)
    gone = s.decided(s.spec(), was, session=s.cluster(), flink=Flink(job=s.job("FINISHED", end=1)))
    assert gone.decision == Record("submit-recorded", None)
    assert gone.status.job_status.upgrade_savepoint_path == "file:///sp/7"
    asleep = s.decided(s.spec(state="suspended"), was, session=s.cluster(), flink=Flink(job=None))
    assert s.recorded(asleep) == ("DEPLOYED", "suspended", "savepoint")
    assert asleep.status.job_status.job_id is None and asleep.status.lifecycle_state == "SUSPENDED"


def test_a_job_that_ended_without_any_snapshot_left_is_not_begun_anew_unasked() -> None:
    ended = Flink(job=s.job("CANCELED", end=s.NOW_MS - 60_000), checkpoints=Checkpoints(True, 5, None, None))
    step = s.decided(s.spec(parallelism=2), s.status(s.spec()), session=s.cluster(), flink=ended, generation=2)
    assert s.ready(step)[1] == "CheckpointNotFound"


GONE = {"deletionTimestamp": "2026-01-01T11:59:00Z"}


@pytest.mark.parametrize(
    ("was", "session", "more", "expected"),
    [
        pytest.param(None, None, {}, Release, id="never validated, no cluster"),
        pytest.param(s.status(s.spec()), None, {}, Release, id="cluster gone"),
        pytest.param(s.status(s.spec()), s.cluster(), {"flink": Flink(job=None)}, Release, id="not listed"),
        pytest.param(s.status(s.spec()), s.cluster(), {"flink": RUNNING}, CancelJob, id="running"),
        pytest.param(s.status(s.spec()), s.cluster(), {"flink": Flink(job=s.job("CANCELLING"))}, Rest, id="cancelling"),
        pytest.param(s.status(s.spec()), s.cluster(), {"flink": Flink(job=s.job("FAILED"))}, Release, id="failed"),
        pytest.param(s.status(s.spec()), s.cluster(), {"flink": Flink(job=Unreachable("x"))}, Rest, id="silent"),
        pytest.param(s.status(s.spec()), s.cluster(), {"serves": False}, Release, id="no JobManager, no HA"),
        pytest.param(s.status(s.spec()), s.cluster(s.HA), {"serves": False}, Release, id="no JobManager, HA"),
        pytest.param(s.status(s.spec(state="suspended"), job="FINISHED"), s.cluster(), {}, Release, id="suspended"),
        pytest.param(
            s.status(s.spec()),
            s.cluster(),
            {"flink": RUNNING, "annotations": {"gitsync.io/on-delete": "savepoint"}},
            TriggerStop,
            id="with savepoint",
        ),
    ],
)
def test_every_way_a_deletion_goes(was, session, more, expected) -> None:
    step = s.decided(s.spec(), was, session=session, **GONE, **more)
    done = step.decision.then if isinstance(step.decision, Record) else step.decision
    assert isinstance(done, expected)
    assert step.status.lifecycle_state == "DELETING"
    assert "Cleanup" in [event.reason for event in step.events]


def test_a_job_that_high_availability_would_bring_back_is_forgotten_with_its_finalizer() -> None:
    step = s.decided(s.spec(), s.status(s.spec()), session=s.cluster(s.HA), serves=False, **GONE)
    assert step.decision == Release(None, s.JOB_ID)
    both = s.decided(s.spec(), s.status(s.spec()), session=s.cluster(s.HA, **GONE), serves=False, **GONE)
    assert both.decision == Release(None, None), "the cluster takes its HA metadata with it"


def test_an_invalid_spec_leaves_the_job_running_and_says_why() -> None:
    step = s.decided(
        s.spec(parallelism=0),
        s.status(s.spec()),
        session=s.cluster(),
        flink=replace(RUNNING, checkpoints=Unreachable("x")),
        generation=2,
    )
    assert isinstance(step.decision, Rest)
    assert s.ready(step)[:2] == ("False", "ValidationError")


def test_first_checkpoint_makes_the_job_stable_and_it_stays_so() -> None:
    newest = Snapshot(1, "file:///cp/1", s.NOW_MS, is_savepoint=False, is_terminal=False)
    proven = replace(RUNNING, checkpoints=Checkpoints(True, 1, newest, None))
    step = s.decided(s.spec(), s.status(s.spec()), session=s.cluster(), flink=proven)
    assert s.ready(step)[:2] == ("True", "Stable")
    later = s.decided(s.spec(), step.status, session=s.cluster(), flink=RUNNING)
    assert isinstance(later.decision, Rest) and s.ready(later)[:2] == ("True", "Stable")
    assert (
        Need.CHECKPOINTS in s.decided(s.spec(), s.status(s.spec()), session=s.cluster(), flink=RUNNING).decision.needs
    )
