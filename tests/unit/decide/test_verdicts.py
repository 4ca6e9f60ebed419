"""Lifecycle state and conditions, as the Java operator computes them and as gitsync reads them."""

import json

import pytest

from operator_core.decide import verdicts
from operator_core.model import lastspecs
from operator_core.model.flinkdeployments import FlinkDeploymentStatus
from operator_core.model.statuses import Condition, JobStatus, ReconciliationStatus

SPEC = {"job": {"state": "running"}}


def _status(state: str, job: str | None = "RUNNING", spec: dict | None = SPEC, **rest: object) -> FlinkDeploymentStatus:
    text = lastspecs.encode(spec, first_deployment=False) if spec else None
    stable = text if rest.pop("stable", False) else None
    record = ReconciliationStatus(state=state, last_reconciled_spec=text, last_stable_spec=stable)
    return FlinkDeploymentStatus(job_status=JobStatus(state=job), reconciliation_status=record, **rest)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (_status("UPGRADING", None, None), "CREATED"),
        (_status("UPGRADING", None, None, error="x"), "FAILED"),
        (_status("UPGRADING"), "UPGRADING"),
        (_status("ROLLING_BACK"), "ROLLING_BACK"),
        (_status("DEPLOYED", "FINISHED", {"job": {"state": "suspended"}}), "SUSPENDED"),
        (_status("DEPLOYED", "FAILED"), "FAILED"),
        (_status("DEPLOYED", "RECONCILING", error="HA metadata is not available"), "FAILED"),
        (_status("ROLLED_BACK"), "ROLLED_BACK"),
        (_status("DEPLOYED", stable=True), "STABLE"),
        (_status("DEPLOYED"), "DEPLOYED"),
    ],
)
def test_lifecycle_state_first_match_wins(status: FlinkDeploymentStatus, expected: str) -> None:
    """The table of the Java operator."""
    text = status.reconciliation_status.last_reconciled_spec
    last = lastspecs.decode(text) if text else None
    assert verdicts.lifecycle_state(status, last, deleting=False) == expected
    assert verdicts.lifecycle_state(status, last, deleting=True) == "DELETING"


def test_running_condition_is_the_java_operators() -> None:
    """Reason is the state in capitalised form."""
    condition = verdicts.running_condition(_status("DEPLOYED", "RECONCILING"))
    assert (condition.status, condition.reason, condition.message) == (
        "False",
        "Reconciling",
        "Job status RECONCILING",
    )


def test_error_text_has_the_java_operators_form() -> None:
    """Type, message, and the empty members it always writes."""
    text = verdicts.error_text("ValidationException", "Job parallelism must be larger than 0")
    assert text == (
        '{"type":"org.apache.flink.kubernetes.operator.exception.ValidationException",'
        '"message":"Job parallelism must be larger than 0","additionalMetadata":{},"throwableList":[]}'
    )
    assert verdicts.error_message(text) == "Job parallelism must be larger than 0"
    assert json.loads(verdicts.error_text("a.b.C", "x"))["type"] == "a.b.C"


def test_the_id_of_a_handled_request_is_echoed() -> None:
    """So that it is carried out once."""
    handled = Condition(type="UpgradeBlocked", status="False", reason="RequestHandled", message="request 42: restoring")
    status = FlinkDeploymentStatus(conditions=(handled,))
    assert verdicts.handled_request(status) == "42"
    assert verdicts.handled_request(FlinkDeploymentStatus()) is None
