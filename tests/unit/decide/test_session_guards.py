"""Who waits for whom when a session cluster and its jobs change at the same time."""

import pytest
import sessionsituations as s

from operator_core.decide import memories, sessionguards
from operator_core.model.statuses import Condition


def job(was, mode: str = "savepoint", generation: int = 1):
    """A session job as a list of the API server has it."""
    meta = {"name": "job", "namespace": "ns", "generation": generation}
    return {"metadata": meta, "spec": s.spec(upgradeMode=mode), "status": was.to_json()}


TRIGGER = {"savepointInfo": {"triggerId": "t", "triggerType": "UPGRADE", "triggerTimestamp": 1}}
RUNNING = s.status(s.spec())
STOPPING = s.status(s.spec(), job_status=TRIGGER)
CANCELLING = s.status(s.spec(), state="UPGRADING", job="CANCELLING")
SUBMITTING = s.status(s.spec(state="suspended"), state="UPGRADING", job="RECONCILING")
STOPPED = s.status(s.spec(state="suspended"), state="UPGRADING", job="FINISHED")
SUSPENDED = s.status(s.spec(state="suspended"), job="FINISHED")
FAILED = s.status(s.spec(), job="FAILED")


def told(was, blocked: str, ready: str):
    """The status with the words of two conditions."""
    conditions = (
        Condition(type="UpgradeBlocked", status="True", reason=blocked),
        Condition(type="Ready", status="False", reason=ready),
    )
    return was.model_copy(update={"conditions": conditions})


@pytest.mark.parametrize(
    ("was", "mode", "with_ha", "without_ha"),
    [
        pytest.param(RUNNING, "savepoint", False, True, id="running with state"),
        pytest.param(RUNNING, "last-state", False, True, id="running with last state"),
        pytest.param(RUNNING, "stateless", False, False, id="running without state"),
        pytest.param(STOPPING, "savepoint", True, True, id="stopping"),
        pytest.param(CANCELLING, "last-state", True, True, id="cancelling"),
        pytest.param(SUBMITTING, "stateless", True, True, id="submitting"),
        pytest.param(STOPPED, "savepoint", False, False, id="stopped"),
        pytest.param(SUSPENDED, "savepoint", False, False, id="suspended"),
        pytest.param(FAILED, "savepoint", False, False, id="failed"),
        pytest.param(told(STOPPING, "UpgradeFailed", "UpgradeFailed"), "savepoint", False, False, id="lost in a stop"),
        pytest.param(told(CANCELLING, "Missing", "Missing"), "last-state", False, False, id="lost while cancelled"),
        pytest.param(told(RUNNING, "Missing", "Missing"), "savepoint", False, False, id="lost"),
        pytest.param(told(FAILED, "x", "Failed"), "savepoint", True, True, id="failed, and nobody asked what it left"),
        pytest.param(told(FAILED, "x", "Failed"), "stateless", False, False, id="failed without state"),
        pytest.param(memories.remembering(FAILED, {"end-read": "true"}), "savepoint", False, False, id="failed, read"),
        pytest.param(told(STOPPING, "UpgradeFailed", "Upgrading"), "savepoint", True, True, id="stopping again"),
        pytest.param(told(RUNNING, "SavepointError", "SavepointError"), "savepoint", False, True, id="stop failed"),
        pytest.param(told(RUNNING, "RestoreFailed", "RestoreFailed"), "savepoint", False, True, id="nothing recorded"),
    ],
)
def test_what_a_cluster_waits_for(was, mode, with_ha, without_ha) -> None:
    assert bool(sessionguards.holding([job(was, mode)], recovers=True)) is with_ha
    assert bool(sessionguards.holding([job(was, mode)], recovers=False)) is without_ha


def test_a_refused_spec_gives_up_no_state_whatever_it_says_of_that() -> None:
    assert sessionguards.holding([job(RUNNING, "stateless", generation=2)], recovers=False)
    assert not sessionguards.holding([job(RUNNING, "stateless", generation=2)], recovers=True)
    assert not sessionguards.holding([job(SUSPENDED, "stateless", generation=2)], recovers=False)


def test_a_job_whose_status_nobody_can_read_holds_nothing_up() -> None:
    broken = {"metadata": {"name": "job"}, "spec": {}, "status": {"jobStatus": {"state": 7}}}
    assert sessionguards.holding([broken], recovers=False) == ()


@pytest.mark.parametrize(
    ("cluster", "why"),
    [
        (None, "does not exist"),
        (s.cluster(), None),
        (s.cluster(deletionTimestamp="x"), "is being deleted"),
        (
            s.cluster(status={"reconciliationStatus": {"state": "UPGRADING", "lastReconciledSpec": "x"}}),
            "is being changed",
        ),
        (s.cluster(status={"reconciliationStatus": {}}), "was not deployed yet"),
        (s.cluster(generation=2), "is about to be changed"),
        (s.cluster(observed=0, ready="WaitingForSessionJobs"), "is about to be changed"),
        (s.cluster(observed=0, ready="SessionJobsUnderWay"), "is about to be changed"),
        (s.cluster(observed=0, ready="ValidationError"), None),
    ],
)
def test_when_a_cluster_takes_jobs(cluster, why) -> None:
    """A spec that was refused changes nothing; one that nobody judged yet may."""
    assert sessionguards.closed(cluster) == why


def test_jobs_stop_only_for_the_newest_spec_of_their_cluster() -> None:
    assert sessionguards.asks_jobs_to_stop(s.cluster(ready="WaitingForSessionJobs"))
    assert not sessionguards.asks_jobs_to_stop(s.cluster(ready="WaitingForSessionJobs", generation=2))
    assert not sessionguards.asks_jobs_to_stop(s.cluster(ready="SessionJobsUnderWay"))


def test_a_cluster_without_job_manager_for_long_waits_for_nobody() -> None:
    down = {"type": "Available", "status": "False", "lastTransitionTime": "2026-01-01T11:59:30Z"}
    deployment = {"metadata": {"creationTimestamp": "2026-01-01T11:00:00Z"}, "status": {"conditions": [down]}}
    assert not sessionguards.is_hopeless(deployment, (), s.NOW)
    down["lastTransitionTime"] = "2026-01-01T11:50:00Z"
    assert sessionguards.is_hopeless(deployment, (), s.NOW)
    assert not sessionguards.is_hopeless(deployment, (s.READY_POD,), s.NOW)
    assert sessionguards.is_hopeless(None, (), s.NOW)
