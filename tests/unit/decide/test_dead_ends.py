"""Every dead end of docs/waysout.md: its reason, its remedy in words, and that the request it names opens it."""

from dataclasses import replace
from pathlib import Path

import pytest
from situations import HA, NOW_MS, condition, deployment, facts, running_job, spec, status, step

from operator_core.decide import verdicts
from operator_core.decide.decisions import Record
from operator_core.decide.facts import Facts, HaMetadata, Listing
from operator_core.decide.flinkfacts import Checkpoints, Flink, Snapshot
from operator_core.decide.records import NOT_ADDRESSABLE
from operator_core.jsonvalues import Object, dig
from operator_core.model import lastspecs
from operator_core.model.statuses import FlinkDeploymentStatus, JobStatus, SavepointInfo

DOCUMENT = Path(__file__).parents[3] / "docs/waysout.md"
GONE: Object = {"deployment": None, "live_deployment": None, "pods": (), "flink": Flink()}
NO_METADATA = HaMetadata((), False)
CRASHING: Object = {
    "metadata": {"name": "app-1", "uid": "uid-pod"},
    "status": {
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "x"}}}],
    },
}


def _ended(newest: Snapshot | None, **more: object) -> Flink:
    job = running_job("FAILED", end=NOW_MS - 60_000, **more)
    return Flink(job=job, checkpoints=Checkpoints(newest=newest, restored=None, completed=0, enabled=True))


def _suspended(conf: dict[str, str], how: str) -> FlinkDeploymentStatus:
    return status(spec(conf, state="suspended"), how=how, state="FINISHED")


def _stopping() -> FlinkDeploymentStatus:
    was = status(spec())
    info = SavepointInfo(trigger_id="b" * 32, trigger_timestamp=NOW_MS - 9000, trigger_type="UPGRADE")
    return was.model_copy(update={"job_status": was.job_status.model_copy(update={"savepoint_info": info})})


def _taken_over() -> FlinkDeploymentStatus:
    was = status(spec(HA), how="last-state", stable=False)
    stable = lastspecs.encode(spec(HA, parallelism=7), first_deployment=False)
    record = was.reconciliation_status.model_copy(update={"state": "ROLLING_BACK", "last_stable_spec": stable})
    return was.model_copy(update={"reconciliation_status": record})


UNADDRESSABLE = Snapshot(7, NOT_ADDRESSABLE, NOW_MS - 90_000, is_savepoint=False, is_terminal=False)
CHANGED = {"parallelism": 2}
DEAD_ENDS = [
    pytest.param("Missing", facts(spec(), status(spec()), **GONE), id="lost"),
    pytest.param(
        "RestoreFailed", facts(spec(HA), _suspended(HA, "last-state"), **GONE, ha=NO_METADATA), id="no HA metadata"
    ),
    pytest.param("RestoreFailed", facts(spec(HA), _taken_over(), **GONE, ha=NO_METADATA), id="another's rollback"),
    pytest.param("RestoreFailed", facts(spec(), _suspended({}, "savepoint"), **GONE), id="no state recorded"),
    pytest.param(
        "UpgradeFailed",
        facts(spec(HA, **CHANGED), status(spec(HA)), preflight=None, flink=_ended(None, tasks_total=0)),
        id="forgotten",
    ),
    pytest.param(
        "UpgradeFailed",
        facts(spec(**CHANGED), status(spec()), preflight=None, flink=Flink(), pods=(CRASHING,)),
        id="crashing",
    ),
    pytest.param(
        "UpgradeFailed", facts(spec(), _stopping(), **GONE, listing=Listing("b" * 32, "done")), id="lost in its stop"
    ),
    pytest.param(
        "CheckpointNotFound",
        facts(spec(**CHANGED), status(spec()), preflight=None, flink=_ended(UNADDRESSABLE)),
        id="without a path",
    ),
]


@pytest.mark.parametrize(("reason", "given"), DEAD_ENDS)
def test_a_dead_end_names_its_way_out_and_that_opens_it(reason: str, given: Facts) -> None:
    blocked = step(given)
    value, told, message = condition(blocked, verdicts.UPGRADE_BLOCKED)
    assert (value, told) == ("True", reason), blocked
    assert "gitsync.io/restore-from" in message and "gitsync.io/accept-state-loss" in message
    assert reason in str(blocked.status.error) or message in verdicts.error_message(blocked.status.error)
    opened = step(replace(given, resource=_asking(given.resource, "accept-state-loss", "one")))
    assert isinstance(opened.decision, Record) and condition(opened, "RequestsHandled")[2] == "one"
    named = step(replace(given, resource=_asking(given.resource, "restore-from", "two s3://bucket/chk-1")))
    assert named.status.job_status.upgrade_savepoint_path == "s3://bucket/chk-1"
    assert f"| `{reason}` |" in DOCUMENT.read_text()


def test_somebody_elses_deployment_is_left_alone() -> None:
    blocked = step(
        facts(spec(), FlinkDeploymentStatus(job_status=JobStatus()), **{**GONE, "live_deployment": deployment()})
    )
    value, reason, message = condition(blocked, verdicts.UPGRADE_BLOCKED)
    assert (value, reason) == ("True", "DeploymentExists") and "delete it or rename" in message


def _asking(resource: Object, request: str, value: str) -> Object:
    annotations = {**dig(resource, "metadata", "annotations", default={}), f"gitsync.io/{request}": value}
    return {**resource, "metadata": {**resource["metadata"], "annotations": annotations}}
