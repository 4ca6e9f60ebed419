"""Submissions that may have run on a JobManager which is gone: never repeated from older state without being asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sessionsituations as s

from operator_core.decide import memories, sessionjobs
from operator_core.decide.decisions import Record, SubmitJob
from operator_core.decide.flinkfacts import Flink
from operator_core.decide.sessionfacts import Sent, SessionFacts, Submission, SubmissionFailed
from operator_core.decide.sessionstops import SessionStep
from operator_core.jsonvalues import Object

OTHER: Object = {**s.READY_POD, "metadata": {"name": "app-2", "uid": "another"}}
STARTED_AGAIN: Object = {
    **s.READY_POD,
    "status": {
        **s.READY_POD["status"],
        "containerStatuses": [{"name": "flink-main-container", "restartCount": 1}],
    },
}
HA = {"high-availability.type": "kubernetes", "high-availability.storageDir": "file:///ha"}
FAILED = SubmissionFailed(s.JOB_ID, "refused", certain=True, tries=2, at=s.NOW, unsent=True)


def recorded(conf: dict[str, str] | None = None, mode: str = "savepoint") -> SessionFacts:
    """The submission is recorded; Flink does not list the job."""
    session = s.cluster(conf or {})
    begun = s.decided(s.spec(upgradeMode=mode), None, session=session)
    assert isinstance(begun.decision, Record)
    return s.facts(s.spec(upgradeMode=mode), begun.status, session=session, flink=Flink(job=None))


def later(facts: SessionFacts, pod: Object, tried: Submission = None) -> SessionStep:
    """The step when this pod serves, after what became of the newest try."""
    job_id = facts.status.job_status.job_id or ""
    if tried is not None:
        tried = replace(tried, job_id=job_id)
    seen = replace(facts, session=replace(facts.session, pods=(pod,)), submission=tried)
    return sessionjobs.decide(seen)


@pytest.mark.parametrize("pod", [OTHER, STARTED_AGAIN], ids=["another pod", "started again"])
@pytest.mark.parametrize(
    "tried",
    [None, Sent(s.JOB_ID, s.NOW), replace(FAILED, unsent=False)],
    ids=["another agent's", "sent", "perhaps sent"],
)
def test_what_may_have_run_unseen_is_not_run_again_from_what_it_began_with(pod: Object, tried: Submission) -> None:
    held = later(recorded(), pod, tried)
    blocked = next(each for each in held.status.conditions if each.type == "UpgradeBlocked")
    assert (blocked.status, blocked.reason) == ("True", "Missing")
    assert "gitsync.io/accept-state-loss" in blocked.message


@pytest.mark.parametrize(
    ("facts", "pod", "tried"),
    [
        pytest.param(recorded(), s.READY_POD, None, id="the same JobManager"),
        pytest.param(recorded(HA), OTHER, None, id="high availability brings it back"),
        pytest.param(recorded(mode="stateless"), OTHER, None, id="no state wanted"),
        pytest.param(recorded(), OTHER, replace(FAILED, at=s.NOW.replace(hour=11)), id="never sent"),
    ],
)
def test_everything_else_is_submitted_again(facts: SessionFacts, pod: Object, tried: Submission) -> None:
    assert isinstance(later(facts, pod, tried).decision, SubmitJob)


def test_a_job_that_is_listed_needs_no_memory_of_its_submission() -> None:
    facts = recorded()
    assert "submitted-to" in memories.of(facts.status)
    listed = s.job("INITIALIZING", id=facts.status.job_status.job_id)
    confirmed = sessionjobs.decide(replace(facts, flink=Flink(job=listed)))
    assert "submitted-to" not in memories.of(confirmed.status)
