"""Deleting: with and without a savepoint, and that every path ends or says how to end it."""

import pytest
from situations import HA, NOW_MS, READY_POD, condition, facts, reasons, running_job, spec, status, step

from operator_core.decide.decisions import DeleteCluster, DeleteHaMetadata, Look, Record, Release, Rest, TriggerStop
from operator_core.decide.facts import Facts, HaMetadata
from operator_core.decide.flinkfacts import Flink, TriggerFailed, Unreachable
from operator_core.decide.needs import NOT_READ, Need
from operator_core.model.statuses import JobStatus, SavepointInfo

KEEP = {"kubernetes.operator.job.savepoint-on-deletion": "true"}
METADATA = HaMetadata(("app-cluster-config-map",), True)
GONE: dict = {"deployment": None, "live_deployment": None, "pods": ()}


def _deleted(conf: dict[str, str], *, was=None, annotations=None, **more: object) -> Facts:
    meta: dict = {"deletionTimestamp": "2026-01-01T12:00:00Z", "annotations": annotations or {}}
    return facts(spec(conf), was or status(spec(conf)), meta=meta, **more)  # type: ignore[arg-type]


def test_without_a_wish_the_job_is_cancelled_and_everything_goes() -> None:
    begun = step(_deleted(HA))
    assert isinstance(begun.decision, DeleteCluster) and begun.decision.cancel is not None
    assert reasons(begun) == ["Cleanup"] and begun.status.lifecycle_state == "DELETING"
    metadata = step(_deleted(HA, flink=Flink(), ha=METADATA, **GONE))
    assert metadata.decision == DeleteHaMetadata(METADATA.names)
    assert step(_deleted(HA, flink=Flink(), ha=HaMetadata((), False), **GONE)).decision == Release(None)


@pytest.mark.parametrize(
    ("conf", "annotations"), [(KEEP, {}), ({}, {"gitsync.io/on-delete": "savepoint"})], ids=["option", "annotation"]
)
def test_state_is_kept_where_it_is_asked_for(conf: dict[str, str], annotations: dict[str, str]) -> None:
    begun = step(_deleted(conf, annotations=annotations))
    assert isinstance(begun.decision, Record) and isinstance(begun.decision.then, TriggerStop)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(
            {
                "was": status(spec(KEEP), stable=False, state="RECONCILING", cluster_info={}),
                "flink": Flink(),
                "pods": (),
            },
            id="new",
        ),
        pytest.param({"was": status(spec(KEEP), state="FAILED"), "flink": Flink(), "pods": ()}, id="ended"),
        pytest.param({"flink": Flink(job=running_job("FAILED", end=NOW_MS))}, id="ends now"),
    ],
)
def test_where_there_is_nothing_to_save_nothing_is_waited_for(given: dict) -> None:
    """It never ran, or it is over."""
    assert isinstance(step(_deleted(KEEP, **given)).decision, DeleteCluster)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"flink": Flink(), "pods": ()}, id="no pod"),
        pytest.param({"flink": Flink(job=Unreachable("no")), "pods": (READY_POD,)}, id="no answer"),
        pytest.param({"flink": Flink(), **GONE}, id="no JobManager"),
    ],
)
def test_a_job_that_cannot_be_asked_keeps_the_resource_and_a_request_lets_it_go(given: dict) -> None:
    held = step(_deleted(KEEP, **given))
    assert isinstance(held.decision, Rest) and held.decision.seconds == 15.0
    value, reason, message = condition(held, "UpgradeBlocked")
    assert (value, reason) == ("True", "CleanupFailed") and "gitsync.io/accept-state-loss" in message
    assert [each for each in reasons(held) if each != "Cleanup"] == ["CleanupFailed"]
    again = step(_deleted(KEEP, was=held.status, **given))
    assert "CleanupFailed" not in reasons(again), "told once"
    released = step(_deleted(KEEP, annotations={"gitsync.io/accept-state-loss": "x"}, ha=METADATA, **given))
    assert isinstance(released.decision, DeleteCluster | DeleteHaMetadata)


def test_no_savepoint_is_waited_for_in_a_namespace_that_goes_unless_a_job_manager_serves() -> None:
    asks = step(_deleted(KEEP, flink=Flink(), pods=(), namespace_ends=NOT_READ))
    assert asks.decision == Look((Need.NAMESPACE_ENDS,))
    assert isinstance(step(_deleted(KEEP, flink=Flink(), pods=(), namespace_ends=True)).decision, DeleteCluster)
    begun = step(_deleted(KEEP, namespace_ends=True))
    assert isinstance(begun.decision, Record) and isinstance(begun.decision.then, TriggerStop)


def test_a_savepoint_that_fails_is_tried_again_and_says_how_to_go_without() -> None:
    info = SavepointInfo(trigger_id="b" * 32, trigger_timestamp=NOW_MS - 1000, trigger_type="UPGRADE")
    was = status(spec(KEEP))
    job = JobStatus(job_id=was.job_status.job_id, state="RUNNING", start_time=was.job_status.start_time)
    was = was.model_copy(update={"job_status": job.model_copy(update={"savepoint_info": info})})
    failed = step(_deleted(KEEP, was=was, flink=Flink(job=running_job(), trigger=TriggerFailed("disk full"))))
    value, reason, message = condition(failed, "UpgradeBlocked")
    assert (value, reason) == ("True", "SavepointError")
    assert "disk full" in message and "gitsync.io/accept-state-loss" in message and "restore-from" not in message
    waits = step(_deleted(KEEP, was=failed.status))
    assert isinstance(waits.decision, Rest) and 0 < float(waits.decision.seconds or 0) <= 10
    assert condition(waits, "UpgradeBlocked")[0] == "True", "it stays told while it is not due again"


def test_a_job_that_boots_is_waited_for() -> None:
    booting = Flink(job=running_job("INITIALIZING"))
    assert step(_deleted(KEEP, flink=booting)).decision == Rest(1.0)
    assert isinstance(step(_deleted(KEEP, flink=Flink(), pods=(READY_POD,))).decision, Look)
