"""What the kubelet does with a pod, as sequences of actions (Kubernetes documentation, "Pod Lifecycle")."""

from __future__ import annotations

from datetime import timedelta

import pytest
from podworlds import START, World, container, manifest

from gitsync.sandbox.kubelet import decisions, inheriting, lifecycle
from gitsync.sandbox.kubelet.podstates import (
    BackedOff,
    Backoff,
    PrepareFailed,
    Probed,
    ProbeKind,
    Running,
    Started,
    StartFailed,
    Terminated,
    Vanished,
    Waiting,
)


def test_containers_start_together_once_the_pod_is_prepared() -> None:
    world = World(manifest(container("a"), container("b")))
    assert world.log == ["start a", "start b"]
    assert world.phase() == "Running"
    assert world.condition("Ready") == "True"
    assert world.status()["podIP"] == "10.244.0.9"


def test_init_containers_run_one_after_the_other() -> None:
    world = World(manifest(container("a"), init=(container("i"), container("j"))))
    assert world.log == ["start i"]
    assert world.phase() == "Pending"
    world.exit("i")
    assert world.log == ["start i", "start j"]
    assert world.condition("Initialized") == "False"
    world.exit("j")
    assert world.log[-1] == "start a"
    assert world.condition("Initialized") == "True"
    assert world.phase() == "Running"


def test_a_sidecar_starts_before_and_ends_after_the_containers_it_serves() -> None:
    world = World(manifest(container("a"), init=(container("s", restartPolicy="Always"),)))
    assert world.log == ["start s", "start a"]
    world.delete()
    assert world.log[2:] == ["stop a"]
    world.exit("a")
    assert world.log[3:] == ["stop s"]
    world.exit("s", 143)
    assert world.log[4:] == ["remove"]


def test_a_sidecar_with_a_startup_probe_holds_the_others_back() -> None:
    world = World(manifest(container("a"), init=(container("s", restartPolicy="Always", startupProbe={"x": 1}),)))
    assert world.log == ["start s"]
    state = world.pod.container("s").state
    assert isinstance(state, Running)
    world.tell(Probed("s", state.container_id, ProbeKind.STARTUP, True))
    assert world.log == ["start s", "start a"]


def test_a_sidecar_does_not_keep_a_finished_pod_alive() -> None:
    world = World(manifest(container("a"), init=(container("s", restartPolicy="Always"),), restartPolicy="Never"))
    world.exit("a")
    assert world.log[2:] == ["stop s"]
    world.exit("s", 143)
    assert world.log[-1] == "release"
    assert world.phase() == "Succeeded"


def test_a_failing_init_container_fails_a_pod_that_never_restarts() -> None:
    world = World(manifest(container("a"), init=(container("i"),), restartPolicy="Never"))
    world.exit("i", 3)
    assert world.log == ["start i", "release"]
    assert world.phase() == "Failed"


@pytest.mark.parametrize(
    ("policy", "code", "phase", "restarts"),
    [
        ("Always", 0, "Running", True),
        ("Always", 1, "Running", True),
        ("OnFailure", 0, "Succeeded", False),
        ("OnFailure", 1, "Running", True),
        ("Never", 0, "Succeeded", False),
        ("Never", 1, "Failed", False),
    ],
)
def test_restart_policy(policy: str, code: int, phase: str, restarts: bool) -> None:
    world = World(manifest(container("a"), restartPolicy=policy))
    world.exit("a", code)
    assert world.phase() == phase
    assert world.log.count("start a") == (2 if restarts else 1)
    if restarts:
        status = world.status()["containerStatuses"][0]
        assert status["restartCount"] == 1
        assert status["lastState"]["terminated"]["exitCode"] == code


def test_crash_loop_pauses_double_up_to_the_cap_and_are_forgiven_after_a_long_run() -> None:
    world = World(manifest(container("a")), Backoff(base=10, cap=35, reset_after=600))
    pauses = []
    for _ in range(5):
        world.exit("a", 1)
        state = world.pod.container("a").state
        if isinstance(state, Waiting):
            assert state.reason == "CrashLoopBackOff"
            wake = world.settle()
            assert wake is not None
            pauses.append((wake - world.now).total_seconds())
            world.wait(pauses[-1])
        assert world.is_running("a")
    assert pauses == [10, 20, 35, 35]
    assert world.pod.container("a").restarts == 5
    world.wait(600)
    world.exit("a", 1)
    assert world.is_running("a")  # at once, as after the first crash


def test_the_crash_loop_message_names_the_pause_and_keeps_the_last_state() -> None:
    world = World(manifest(container("a")))
    world.exit("a", 1)
    world.exit("a", 2)
    status = world.status()["containerStatuses"][0]
    assert status["state"]["waiting"] == {
        "reason": "CrashLoopBackOff",
        "message": "back-off 10s restarting failed container=a pod=n/p",
    }
    assert status["lastState"]["terminated"]["exitCode"] == 2
    assert world.condition("Ready") == "False"
    assert world.phase() == "Running"


def test_an_unknown_image_backs_off_and_is_healed_when_it_appears() -> None:
    world = World(manifest(container("a")))
    world.pod = inheriting.accept(manifest(container("a")), world.now)
    world.log.clear()
    world.refuse = lambda name: StartFailed(name, "ErrImagePull", "no image")
    world.settle()
    assert world.pod.container("a").state == Waiting("ErrImagePull", "no image")
    world.tell(BackedOff("a"))
    waiting = world.status()["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] == "ImagePullBackOff"
    assert waiting["message"] == 'Back-off pulling image "flink:1.20": ErrImagePull: no image'
    assert world.phase() == "Pending"
    assert world.settle() == START + timedelta(seconds=10)
    world.refuse = lambda name: None
    world.wait(10)
    assert world.is_running("a")
    assert world.pod.container("a").restarts == 0


def test_deletion_is_sigterm_then_sigkill_after_the_grace_period_then_removal() -> None:
    world = World(manifest(container("a"), container("b")))
    world.delete(grace=5)
    assert world.log[2:] == ["stop a", "stop b"]
    assert world.settle() == START + timedelta(seconds=5)
    world.exit("b", 143)
    world.wait(5)
    assert world.log[4:] == ["kill a"]
    world.exit("a", 137)
    assert world.log[-1] == "remove"
    assert world.phase() == "Failed"


def test_a_shorter_grace_period_in_a_second_deletion_counts() -> None:
    world = World(manifest(container("a")))
    world.delete(grace=100)
    world.delete(grace=0)
    assert world.log == ["start a", "stop a", "kill a"]


def test_a_pod_that_vanishes_is_killed_without_asking() -> None:
    world = World(manifest(container("a")))
    world.tell(Vanished())
    assert world.log == ["start a", "kill a"]
    world.exit("a", 137)
    assert world.log[-1] == "discard"


def test_a_pod_deleted_before_it_could_be_prepared_is_removed() -> None:
    world = World(manifest(container("a")))
    world.pod = inheriting.accept(manifest(container("a")), world.now)
    world.log.clear()
    world.fold(PrepareFailed(world.now + timedelta(seconds=1)))
    assert decisions.decide(world.pod, world.now) == (decisions.Wake(START + timedelta(seconds=1)),)
    world.delete()
    assert world.log == ["remove"]


def test_a_failing_liveness_probe_restarts_the_container_within_its_own_grace_period() -> None:
    probe = {"exec": {"command": ["x"]}, "terminationGracePeriodSeconds": 2}
    world = World(manifest(container("a", livenessProbe=probe)))
    state = world.pod.container("a").state
    assert isinstance(state, Running)
    world.tell(Probed("a", state.container_id, ProbeKind.LIVENESS, False))
    assert world.log == ["start a", "stop a"]
    world.wait(2)
    assert world.log[-1] == "kill a"
    world.exit("a", 137)
    assert world.log[-1] == "start a"


def test_readiness_follows_its_probe_and_needs_the_startup_probe_first() -> None:
    world = World(manifest(container("a", readinessProbe={"x": 1}, startupProbe={"x": 1})))
    state = world.pod.container("a").state
    assert isinstance(state, Running)
    world.tell(Probed("a", state.container_id, ProbeKind.READINESS, True))
    assert world.condition("Ready") == "False"
    world.tell(Probed("a", state.container_id, ProbeKind.STARTUP, True))
    world.tell(Probed("a", state.container_id, ProbeKind.READINESS, True))
    assert world.condition("Ready") == "True"
    world.tell(Probed("a", state.container_id, ProbeKind.READINESS, False))
    assert world.condition("ContainersReady") == "False"


def test_news_of_an_earlier_run_change_nothing() -> None:
    world = World(manifest(container("a")))
    before = world.pod
    world.tell(Probed("a", "someone else", ProbeKind.LIVENESS, False))
    assert world.pod == before


def test_a_pod_is_halted_at_its_deadline() -> None:
    world = World(manifest(container("a"), activeDeadlineSeconds=60, terminationGracePeriodSeconds=1))
    assert world.settle() == START + timedelta(seconds=60)
    world.wait(60)
    assert world.log == ["start a", "stop a"]
    world.exit("a", 143)
    assert world.status()["phase"] == "Failed"
    assert world.status()["reason"] == "DeadlineExceeded"


def test_after_a_restart_of_the_kubelet_running_containers_count_as_lost_and_start_again() -> None:
    pod = manifest(container("a"), container("b"), init=(container("i"),))
    pod["status"] = {
        "initContainerStatuses": [{"name": "i", "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}],
        "containerStatuses": [
            {"name": "a", "restartCount": 2, "state": {"running": {"startedAt": "2025-12-31T00:00:00Z"}}},
            {"name": "b", "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}},
        ],
    }
    world = World(pod)
    assert world.log == ["start i"]  # a new network and new volumes
    world.exit("i")
    assert world.log[1:] == ["start a", "start b"]
    assert [s["restartCount"] for s in world.status()["containerStatuses"]] == [3, 0]
    last = world.status()["containerStatuses"][0]["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "ContainerStatusUnknown")


def test_after_a_restart_of_the_kubelet_a_pod_that_never_restarts_has_failed() -> None:
    pod = manifest(container("a"), restartPolicy="Never")
    pod["status"] = {"containerStatuses": [{"name": "a", "restartCount": 0, "state": {"running": {}}}]}
    world = World(pod)
    assert world.log == ["release"]
    assert world.phase() == "Failed"


def test_a_finished_pod_stays_finished_after_a_restart_of_the_kubelet() -> None:
    pod = manifest(container("a"), restartPolicy="OnFailure")
    pod["status"] = {"containerStatuses": [{"name": "a", "restartCount": 1, "state": {"terminated": {"exitCode": 0}}}]}
    world = World(pod)
    assert world.log == ["release"]
    assert world.phase() == "Succeeded"
    assert world.status()["containerStatuses"][0]["restartCount"] == 1


def test_a_container_that_ended_keeps_times_and_message() -> None:
    world = World(manifest(container("a"), restartPolicy="Never"))
    world.wait(5)
    world.exit("a", 4)
    state = world.pod.container("a").state
    assert isinstance(state, Terminated)
    assert (state.started_at, state.finished_at) == (START, START + timedelta(seconds=5))
    assert world.pod.container("a").restarts == 0
    assert isinstance(
        lifecycle.advance(world.pod, Started("a", "x"), world.now, Backoff()).container("a").state, Running
    )
