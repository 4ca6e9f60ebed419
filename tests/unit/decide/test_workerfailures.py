"""TaskManagers that do not come up: what is told of them, when, and for how long."""

import pytest
from situations import condition, facts, reasons, running_job, spec, status, step

from operator_core.decide import podfailures
from operator_core.decide.podfailures import PodFailure
from operator_core.jsonvalues import Object

MAIN = "flink-main-container"
PULL = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
UNPLACED = [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes have 4 cpu"}]
ENDED = {"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
RESTARTED = {
    "ready": False,
    "state": {"running": {}},
    "lastState": {"terminated": {"exitCode": 1, "message": "no class"}},
}


def worker(container: Object | None = None, name: str = "app-taskmanager-1-1", **more: object) -> Object:
    meta = {"name": name, "labels": {"component": "taskmanager"}}
    state: Object = {"containerStatuses": [{"name": MAIN, **container}] if container is not None else [], **more}
    return {"metadata": meta, "status": state}


@pytest.mark.parametrize(
    ("pod", "found"),
    [
        pytest.param(worker({"state": {"running": {}}, "ready": True}), None, id="well"),
        pytest.param(worker({"state": {"waiting": {"reason": "ContainerCreating"}}}), None, id="starting"),
        pytest.param(worker(), None, id="nothing known yet"),
        pytest.param(worker(PULL), PodFailure("ImagePullBackOff", f"[{MAIN}] no such image"), id="no image"),
        pytest.param(
            worker(initContainerStatuses=[{"name": "init", **PULL}]),
            PodFailure("ImagePullBackOff", "[init] no such image"),
            id="no image of an init container",
        ),
        pytest.param(
            worker(conditions=UNPLACED), PodFailure("Unschedulable", "0/3 nodes have 4 cpu"), id="unschedulable"
        ),
        pytest.param(
            worker(ENDED), PodFailure("OOMKilled", f"[{MAIN}] OOMKilled - exit code 137"), id="killed for its memory"
        ),
        pytest.param(worker(RESTARTED), PodFailure("Error", f"[{MAIN}] Error - no class"), id="crashed and again"),
        pytest.param(worker({**RESTARTED, "ready": True}), None, id="crashed and well again"),
        pytest.param(worker({"state": {"terminated": {"exitCode": 0}}}), None, id="ended well"),
    ],
)
def test_what_is_wrong_with_a_pod(pod: Object, found: PodFailure | None) -> None:
    assert podfailures.of_worker(pod) == found
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    assert podfailures.of_worker(pod) is None, "on its way out"


def told(state: str, *pods: Object, was: str = "CREATED") -> tuple[tuple[str, str, str], list[str]]:
    given = facts(spec(), status(spec(), state=was), worker_pods=pods)
    taken = step(given, job=running_job(state=state))
    return condition(taken, "Ready"), [reason for reason in reasons(taken) if reason != "JobStatusChanged"]


def test_a_job_that_waits_names_its_task_manager() -> None:
    ready, events = told("CREATED", worker(PULL), worker(PULL, name="app-taskmanager-1-2"))
    assert ready == (
        "False",
        "ImagePullBackOff",
        f"The job waits for TaskManagers: app-taskmanager-1-1: [{MAIN}] no such image (and 1 more)",
    )
    assert events == ["ImagePullBackOff"]


def test_it_is_told_once_and_withdrawn_when_the_job_runs() -> None:
    first = facts(spec(), status(spec(), state="CREATED"), worker_pods=(worker(PULL),))
    taken = step(first, job=running_job(state="CREATED"))
    again = facts(spec(), taken.status, worker_pods=(worker(PULL),))
    assert "ImagePullBackOff" not in reasons(step(again, job=running_job(state="CREATED")))
    over = step(again, job=running_job())
    assert condition(over, "Ready")[0] == "True"


@pytest.mark.parametrize("state", ["RUNNING", "FINISHED"])
def test_a_job_that_needs_no_more_is_not_bothered(state: str) -> None:
    given = facts(spec(), status(spec(), state=state), worker_pods=(worker(PULL),))
    taken = step(given, job=running_job(state=state))
    assert "ImagePullBackOff" not in (*reasons(taken), condition(taken, "Ready")[1])
