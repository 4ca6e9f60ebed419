"""How far a commit came, and what it did to its jobs, as one record."""

from typing import Any

import pytest
from syncfindings import APP, JOB, NOW, R1, R2, build, desired, findings, plan

from gitsync.model.plans import Create, Plan, Unchanged
from gitsync.model.records import Phase
from gitsync.model.syncstatuses import InventoryEntry, Problem, Status
from gitsync.plan import phases
from gitsync.plan.health import Assessed
from gitsync.plan.healthrules import Verdict
from gitsync.report import recording, status
from gitsync.report.findings import Findings

PROBLEM = Problem(reason="RenderFailed", message="bad indentation", file="apps/b.yaml", line=4)


def live_job(reason: str = "Running", state: str = "RUNNING") -> dict[str, Any]:
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "spec": {"job": {}},
        "status": {
            "jobStatus": {"state": state, "jobId": "abc", "upgradeSavepointPath": "s3://x/savepoint-1"},
            "conditions": [{"type": "Ready", "status": "True", "reason": reason}],
        },
    }


@pytest.mark.parametrize(
    ("found", "live", "phase"),
    [
        pytest.param(findings(assessed=(Assessed(JOB, Verdict("Healthy")),)), live_job(), Phase.RUNNING, id="running"),
        pytest.param(
            findings(assessed=(Assessed(JOB, Verdict("Healthy")),)), live_job("Stable"), Phase.STABLE, id="stable"
        ),
        pytest.param(
            findings(assessed=(Assessed(JOB, Verdict("Healthy")),)),
            live_job(state="FINISHED"),
            Phase.STABLE,
            id="bounded",
        ),
        pytest.param(
            findings(assessed=(Assessed(JOB, Verdict("Progressing", "boots")),)),
            live_job(),
            Phase.APPLIED,
            id="applied",
        ),
        pytest.param(
            findings(assessed=(Assessed(JOB, Verdict("Degraded", "crashes")),)), live_job(), Phase.FAILED, id="failed"
        ),
        pytest.param(
            findings(attempted=R2, is_newest=False, problems=(PROBLEM,), stalled=True),
            live_job(),
            Phase.FAILED,
            id="broken",
        ),
    ],
)
def test_record_says_how_far_a_commit_came(found: Findings, live: dict[str, Any], phase: Phase) -> None:
    new = build(found)
    record = recording.record("prod", APP, found, new, {JOB: live}, NOW)
    assert record is not None
    assert (record.phase, record.revision) == (phase, R2 if phase is Phase.FAILED and found.stalled else R1)
    assert record.jobs[0].job_id == "abc"


def upgraded_job(observed: int = 2) -> dict[str, Any]:
    live = live_job("Stable")
    taken = {"location": "s3://x/savepoint-1", "timeStamp": 1, "triggerType": "UPGRADE"}
    live["metadata"] = {"generation": 2}
    live["status"]["observedGeneration"] = observed
    live["status"]["jobStatus"]["savepointInfo"] = {"lastSavepoint": taken, "savepointHistory": [taken]}
    return live


def applied_job(effect: str, changed_at: str, revision: str) -> tuple[Findings, Status]:
    """A commit that is applied whole to a job whose content changed last at `changed_at` and had `effect` then."""
    entry = InventoryEntry(id=str(JOB), version="v1beta1", revision=changed_at, digest="d")
    steps = (Unchanged(desired(JOB)),)
    found = findings(attempted=revision, plan=Plan(revision, steps, (), (), (entry,)), assessed=(Assessed(JOB, None),))
    before = status.starting(Status(), 1, Plan(changed_at, steps, (), (), (entry,)), NOW, {JOB: effect})
    return found, build(found, before)


def told(effect: str, *, changed_at: str = R2, live: dict[str, Any] | None = None) -> tuple[str, str, str]:
    found, new = applied_job(effect, changed_at, R2)
    record = recording.record("prod", APP, found, new, {JOB: live or upgraded_job()}, NOW)
    assert record is not None
    job = record.jobs[0]
    return job.effect, job.restored_from, job.savepoint


@pytest.mark.parametrize(
    ("effect", "restored", "left"),
    [
        ("upgrade-savepoint", "s3://x/savepoint-1", "s3://x/savepoint-1"),
        ("upgrade-last-state", "s3://x/savepoint-1", ""),
        ("resume", "s3://x/savepoint-1", ""),
        ("suspend", "", "s3://x/savepoint-1"),
        ("scale-in-place", "", ""),
        ("none", "", ""),
    ],
)
def test_record_tells_of_a_job_what_its_commit_did(effect: str, restored: str, left: str) -> None:
    assert told(effect) == (effect, restored, left)


def test_record_of_a_commit_that_left_a_job_alone_tells_nothing_of_former_commits() -> None:
    assert told("upgrade-savepoint", changed_at=R1) == ("none", "", "")


def test_record_tells_no_state_before_the_commit_is_deployed() -> None:
    assert told("upgrade-savepoint", live=upgraded_job(observed=1)) == ("upgrade-savepoint", "", "")


def test_no_record_without_a_commit() -> None:
    found = Findings(None, None, problems=(PROBLEM,), stalled=True)
    assert recording.record("prod", APP, found, build(found), {}, NOW) is None


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(findings(problems=(Problem(reason="RepositoryUnreachable", message="m"),)), id="unreachable"),
        pytest.param(findings(plan=plan(Create(desired())), carried_out=False, held_back="suspended"), id="held back"),
    ],
)
def test_commit_that_is_not_applied_yet_is_pending_and_not_failed(found: Findings) -> None:
    record = recording.record("prod", APP, found, build(found), {}, NOW)
    assert record is not None and record.phase is Phase.PENDING


def test_rejected_job_is_named_in_the_record() -> None:
    rejected = Problem(reason="ValidationError", message="m", file="f", line=1, object=JOB.shown)
    found = findings(attempted=R2, is_newest=False, problems=(rejected,), stalled=True)
    record = recording.record("prod", APP, found, build(found), {JOB: live_job()}, NOW)
    assert record is not None and record.jobs[0].effect == "rejected"


@pytest.mark.parametrize(
    ("last", "told"),
    [
        pytest.param({"triggerType": "MANUAL", "timeStamp": 20}, "file:/sp/9", id="by nonce or request"),
        pytest.param({"triggerType": "PERIODIC", "timeStamp": 20}, "file:/sp/9", id="on schedule"),
        pytest.param({"triggerType": "MANUAL", "timeStamp": 9}, "", id="of an earlier deployment"),
        pytest.param({"triggerType": "UPGRADE", "timeStamp": 20}, "", id="of an upgrade that is another commit's"),
    ],
)
def test_a_savepoint_taken_since_the_deployment_is_recorded(last: dict[str, Any], told: str) -> None:
    live = live_job("Stable")
    live["status"]["reconciliationStatus"] = {"reconciliationTimestamp": 10}
    live["status"]["jobStatus"]["savepointInfo"] = {"lastSavepoint": {"location": "file:/sp/9", **last}}
    assert phases.job_record(JOB, live, "none").savepoint == told
