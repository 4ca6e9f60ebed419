"""A stop is recorded and Flink lists no such job: it is on its way back, or its JobManager restarted and forgot it."""

import pytest
from situations import HA, JOB_ID, NOW_MS, condition, deployment, facts, spec, status, step

from operator_core.decide.decisions import Look, Record, Rest, ScaleToZero, StartListing
from operator_core.decide.facts import Facts, HaMetadata
from operator_core.decide.flinkfacts import Flink, TriggerUnknown
from operator_core.decide.needs import Need
from operator_core.decide.records import FINAL_SNAPSHOT
from operator_core.model.statuses import FlinkDeploymentStatus, SavepointInfo

UNLISTED = Flink(job=None, trigger=TriggerUnknown())
RECOVERING = HaMetadata((f"app-{JOB_ID}-config-map", "app-cluster-config-map"), with_checkpoint=True)
ENDED = HaMetadata(("app-cluster-config-map",), with_checkpoint=False)


def _stopping(conf: dict[str, str] | None) -> FlinkDeploymentStatus:
    was = status(spec(conf))
    info = SavepointInfo(trigger_id="b" * 32, trigger_timestamp=NOW_MS - 9000, trigger_type="UPGRADE")
    return was.model_copy(update={"job_status": was.job_status.model_copy(update={"savepoint_info": info})})


def _cancelling(conf: dict[str, str] | None) -> FlinkDeploymentStatus:
    was = status(spec(conf), state="CANCELLING")
    record = was.reconciliation_status.model_copy(update={"state": "UPGRADING"})
    return was.model_copy(update={"reconciliation_status": record})


def _facts(was: FlinkDeploymentStatus, conf: dict[str, str] | None, **more: object) -> Facts:
    return facts(spec(conf, parallelism=2), was, **{"flink": UNLISTED, "preflight": None, **more})


@pytest.mark.parametrize("phase", [_stopping, _cancelling])
def test_with_high_availability_its_metadata_tell_whether_it_comes_back(phase) -> None:
    was = phase(HA)
    assert step(_facts(was, HA)).decision == Look((Need.HA_METADATA,))
    assert isinstance(step(_facts(was, HA, ha=RECOVERING)).decision, Rest)
    assert step(_facts(was, HA, ha=ENDED)).decision == ScaleToZero("uid-jm")


@pytest.mark.parametrize("phase", [_stopping, _cancelling])
def test_without_it_what_would_run_again_began_from_older_state(phase) -> None:
    assert step(_facts(phase(None), None)).decision == ScaleToZero("uid-jm")


def test_then_the_savepoint_is_looked_for() -> None:
    zero = deployment()
    zero["spec"]["replicas"] = 0
    gone = {"deployment": zero, "pods": (), "flink": Flink(), "listing": None}
    assert isinstance(step(_facts(_stopping(HA), HA, **gone)).decision, StartListing)
    assert condition(step(_facts(_cancelling(HA), HA, **gone)), "UpgradeBlocked")[0] == "True"


def _ended(**recorded: str) -> FlinkDeploymentStatus:
    info = {"flink-version": "1.20.5", "state-size": "1", "exceptions-told": f"0 {NOW_MS}", **recorded}
    return status(spec(HA), state="FAILED" if recorded else "RUNNING", cluster_info=info)


def test_a_job_that_ended_before_its_change_goes_on_from_what_was_recorded() -> None:
    taken = step(_facts(_ended(**{FINAL_SNAPSHOT: "file:/sp/savepoint-9"}), HA, ha=ENDED))
    assert isinstance(taken.decision, Record)
    assert taken.status.job_status.upgrade_savepoint_path == "file:/sp/savepoint-9"


def test_a_job_whose_end_nobody_saw_has_a_way_out() -> None:
    was = _ended()
    assert step(_facts(was, HA)).decision == Look((Need.HA_METADATA,))
    blocked = condition(step(_facts(was, HA, ha=ENDED)), "UpgradeBlocked")
    assert blocked[0] == "True" and "gitsync.io/restore-from" in blocked[2]
    back = HaMetadata(RECOVERING.names, with_checkpoint=False)
    assert condition(step(_facts(was, HA, ha=back)), "UpgradeBlocked")[0] != "True"


def _crashing(state: str) -> dict:
    waiting = {"waiting": {"reason": state, "message": "back-off 40s"}}
    container = {"name": "flink-main-container", "restartCount": 4, "state": waiting}
    return {"metadata": {"name": "app-1", "uid": "uid-pod"}, "status": {"containerStatuses": [container]}}


@pytest.mark.parametrize(
    ("reason", "since", "ends"),
    [("CrashLoopBackOff", 90_000, True), ("CrashLoopBackOff", 20_000, False), ("ErrImagePull", 90_000, False)],
)
def test_a_job_manager_that_goes_on_crashing_is_waited_for_only_so_long(reason: str, since: int, ends: bool) -> None:
    """Killed while it writes the result of its job, Flink never comes up again on the half of it."""
    was = _stopping(HA)
    info = was.job_status.savepoint_info.model_copy(update={"trigger_timestamp": NOW_MS - since})
    was = was.model_copy(update={"job_status": was.job_status.model_copy(update={"savepoint_info": info})})
    taken = step(_facts(was, HA, pods=(_crashing(reason),), flink=Flink()))
    assert (taken.decision == ScaleToZero("uid-jm")) is ends
