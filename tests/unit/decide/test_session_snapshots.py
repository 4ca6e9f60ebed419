"""Snapshots of session jobs: taken, kept and retired by the rules of FlinkDeployments."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sessionsituations as s
from snapshotobjects import snapshot

from operator_core.decide import retention, sessionjobs
from operator_core.decide.decisions import DeleteSnapshots, NewSnapshot, Record
from operator_core.decide.flinkfacts import Checkpoints, Flink
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.jsonvalues import Object
from operator_core.model.statuses import Condition

COUNT = "kubernetes.operator.savepoint.history.max.count"
AGE = "kubernetes.operator.savepoint.history.max.age"
READY = Condition(type="Ready", status="True", reason="Stable", observed_generation=1)
FINE = Checkpoints(enabled=True, completed=1, newest=None, restored=None)


def running(conf: dict[str, str], *snapshots: Object, before: Object | None = None, **job: object) -> SessionFacts:
    """A session job that runs well, with these snapshots."""
    wanted = s.spec({"flinkConfiguration": conf}, **job)
    was = s.status(before or wanted).model_copy(update={"conditions": (READY,)})
    facts = s.facts(wanted, was, session=s.cluster(), flink=Flink(job=s.job(), checkpoints=FINE))
    return replace(facts, snapshots=snapshots)


def of_job(number: int, **more: object) -> Object:
    """A periodic savepoint made `number` seconds after eleven o'clock."""
    made = snapshot(f"job-savepoint-periodic-{number}", created=f"2026-01-01T11:00:{number:02d}Z", **more)  # type: ignore[arg-type]
    made["spec"]["jobReference"] = {"kind": "FlinkSessionJob", "name": "job"}
    return made


@pytest.mark.parametrize(
    ("conf", "kept", "gone"),
    [
        pytest.param({COUNT: "2"}, {}, ["1", "2"], id="by count"),
        pytest.param({AGE: "10 min"}, {}, ["1", "2", "3"], id="by age, but for the newest"),
        pytest.param({COUNT: "2"}, {"trigger": "MANUAL"}, [], id="those that somebody asked for stay"),
        pytest.param({COUNT: "2"}, {"annotations": {"gitsync.io/kept-by": "ledger"}}, [], id="the ledger keeps them"),
    ],
)
def test_what_retention_removes(conf, kept, gone) -> None:
    facts = running(conf, *(of_job(number, **kept) for number in (4, 2, 3, 1)))
    assert [each["metadata"]["name"][-1] for each in retention.outlived(facts, "savepoint")] == gone
    decision = sessionjobs.decide(facts).decision
    assert isinstance(decision, DeleteSnapshots) is bool(gone)


def test_a_nonce_is_recorded_as_handled_before_its_resource_is_made() -> None:
    step = sessionjobs.decide(running({}, before=s.spec(savepointTriggerNonce=1), savepointTriggerNonce=2))
    assert isinstance(step.decision, Record)
    assert isinstance(step.decision.then, NewSnapshot)
    assert (step.decision.then.kind, step.decision.then.trigger) == ("savepoint", "MANUAL")
    assert '"savepointTriggerNonce":2' in (step.status.reconciliation_status.last_reconciled_spec or "")
