"""A stop is recorded and Flink lists no such job: it is on its way back, or its JobManager restarted and forgot it."""

import pytest
from situations import HA, JOB_ID, NOW_MS, condition, deployment, facts, spec, status, step

from operator_core.decide.decisions import Look, Rest, ScaleToZero, StartListing
from operator_core.decide.facts import Facts, Flink, HaMetadata, Need, TriggerUnknown
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
    return facts(spec(conf, parallelism=2), was, **{"flink": UNLISTED, **more})


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
