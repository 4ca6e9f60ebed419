"""Lifecycle state and conditions, as the Java operator computes them and as gitsync reads them."""

from datetime import UTC, datetime

import pytest

from operator_core.decide import conditions, lifecycles, verdicts, wanted
from operator_core.decide.facts import Facts, HaMetadata, Ids
from operator_core.jsonvalues import Object
from operator_core.model import lastspecs
from operator_core.model.flinkdeployments import FlinkDeploymentStatus
from operator_core.model.statuses import JobStatus, ReconciliationStatus

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
    assert lifecycles.of(status, last, deleting=False) == expected
    assert lifecycles.of(status, last, deleting=True) == "DELETING"


def test_running_condition_is_the_java_operators() -> None:
    """Reason is the state in capitalised form."""
    condition = conditions.running_condition(_status("DEPLOYED", "RECONCILING"))
    assert (condition.status, condition.reason, condition.message) == (
        "False",
        "Reconciling",
        "Job status RECONCILING",
    )


def _facts(status: FlinkDeploymentStatus, annotations: Object) -> Facts:
    resource = {"metadata": {"name": "app", "namespace": "jobs", "generation": 2, "annotations": annotations}}
    return Facts(
        resource=resource,
        parsed=None,
        invalid=None,
        status=status,
        last=None,
        last_spec=None,
        conf={},
        last_conf={},
        deployment=None,
        live_deployment=None,
        pods=(),
        ha=HaMetadata((), False),
        preflight=None,
        crash_log=None,
        now=datetime(2026, 1, 1, tzinfo=UTC),
        ids=Ids("", ""),
    )


BOTH = {"gitsync.io/restore-from": "first /sp/1", "gitsync.io/accept-state-loss": "second"}


def test_a_request_is_carried_out_once_whatever_is_told_afterwards() -> None:
    """Annotations stand for ever; a later blockage or another request must not repeat what they asked for."""
    status = _status("DEPLOYED")
    assert wanted.request(_facts(status, BOTH)) == wanted.RestoreFrom("first", "/sp/1")
    told: list[verdicts.Verdict] = [
        verdicts.Answered("first", "restoring"),
        verdicts.Blocked("UpgradeFailed", "HA metadata is not available"),
        verdicts.Fine(),
    ]
    for verdict in told:
        status = conditions.published(_facts(status, BOTH), status, None, verdict)
        assert wanted.request(_facts(status, BOTH)) == wanted.AcceptStateLoss("second")
    for verdict in (verdicts.Answered("second", "starting without state"), *told[1:]):
        status = conditions.published(_facts(status, BOTH), status, None, verdict)
        assert wanted.request(_facts(status, BOTH)) is None
    asked_anew = BOTH | {"gitsync.io/accept-state-loss": "third"}
    assert wanted.request(_facts(status, asked_anew)) == wanted.AcceptStateLoss("third")


def test_the_newest_request_is_echoed_where_the_blockage_was_told() -> None:
    """Whoever asked watches this."""
    status = conditions.published(
        _facts(_status("DEPLOYED"), {}), _status("DEPLOYED"), None, verdicts.Answered("42", "x")
    )
    told = {condition.type: (condition.status, condition.message) for condition in status.conditions}
    assert told["UpgradeBlocked"] == ("False", "request 42: x")
