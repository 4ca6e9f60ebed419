"""Why a JobManager does not come up, and whether it ever did."""

import pytest

from operator_core.decide import podfailures

BORN = "2026-01-01T00:00:00Z"


def _deployment(
    available: str = "False", since: str = BORN, progressing: str = "ReplicaSetUpdated", **extra: str
) -> dict:
    conditions = [
        {"type": "Available", "status": available, "lastTransitionTime": since},
        {"type": "Progressing", "status": "True", "reason": progressing},
    ]
    if extra:
        conditions.append({"type": "ReplicaFailure", "status": "True", **extra})
    return {"metadata": {"creationTimestamp": BORN}, "status": {"conditions": conditions}}


def _pod(**state: object) -> dict:
    container = {"name": "flink-main-container", "restartCount": 0, **state}
    return {"metadata": {"uid": "u"}, "status": {"containerStatuses": [container]}}


def test_a_refused_replica_comes_first() -> None:
    """Quota or admission: there is no pod to ask."""
    deployment = _deployment(reason="FailedCreate", message="exceeded quota")
    assert podfailures.failure(deployment, []) == podfailures.PodFailure("FailedCreate", "exceeded quota")


@pytest.mark.parametrize(
    "reason", ["ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError", "RunContainerError"]
)
def test_a_waiting_container_gives_kubernetes_words(reason: str) -> None:
    """The container's name in brackets, then the message."""
    pod = _pod(state={"waiting": {"reason": reason, "message": "no such image"}})
    assert podfailures.failure(_deployment(), [pod]) == podfailures.PodFailure(
        reason, "[flink-main-container] no such image"
    )


def test_a_crash_loop_quotes_the_last_words() -> None:
    """The termination message, else the exit code."""
    ended = {"terminated": {"exitCode": 1, "message": "jar is missing"}}
    pod = _pod(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=ended, restartCount=3)
    found = podfailures.failure(_deployment(), [pod])
    assert found == podfailures.PodFailure("CrashLoopBackOff", "[flink-main-container] CrashLoop - jar is missing")


def test_a_restarted_container_is_still_a_crash_until_it_served() -> None:
    """Between two crashes the container runs for seconds: the error must not flicker."""
    pod = _pod(state={"running": {}}, lastState={"terminated": {"exitCode": 1}}, restartCount=1)
    found = podfailures.failure(_deployment(), [pod])
    assert found == podfailures.PodFailure("CrashLoopBackOff", "[flink-main-container] CrashLoop - exit code 1")
    assert podfailures.failure(_deployment("True", "2026-01-01T00:01:00Z", "NewReplicaSetAvailable"), [pod]) is None


@pytest.mark.parametrize("state", [{"terminated": {"exitCode": 143}}, {"waiting": {"reason": "CrashLoopBackOff"}}])
def test_a_pod_on_its_way_out_is_no_failure_of_the_next_one(state: dict) -> None:
    """Its JobManager was told to end, and the Deployment that is there now has a pod of its own."""
    pod = _pod(state=state)
    assert podfailures.failure(_deployment(), [pod]) is not None
    leaving = {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": "2026-01-01T00:00:05Z"}}
    assert podfailures.failure(_deployment(), [leaving]) is None


def test_a_starting_container_is_no_failure() -> None:
    """ContainerCreating is not worth a word."""
    assert podfailures.failure(_deployment(), [_pod(state={"waiting": {"reason": "ContainerCreating"}})]) is None


@pytest.mark.parametrize(
    ("deployment", "expected"),
    [
        (_deployment(), True),
        (_deployment(since="2026-01-01T00:00:09Z"), True),
        (_deployment(since="2026-01-01T00:00:09Z", progressing="ProgressDeadlineExceeded"), True),
        (_deployment(since="2026-01-01T00:00:09Z", progressing="NewReplicaSetAvailable"), False),
        (_deployment("True", since="2026-01-01T00:00:09Z", progressing="NewReplicaSetAvailable"), False),
        ({"metadata": {"creationTimestamp": BORN}}, False),
    ],
)
def test_never_started_is_only_said_with_proof(deployment: dict, expected: bool) -> None:
    """A controller that is slow to write conditions must not be mistaken for a JobManager that ran, nor the reverse."""
    assert podfailures.never_started(deployment) is expected
