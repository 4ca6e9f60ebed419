"""What a kubelet makes of pods that an earlier one ran, with and without that one's records."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from podworlds import START, World, container, manifest

from gitsync.sandbox import processes
from gitsync.sandbox.containers.processes import Identity, Run
from gitsync.sandbox.kubelet import inheriting, keptpods, podstatus
from gitsync.sandbox.kubelet.keptpods import KeptPod, KeptRun
from gitsync.sandbox.kubelet.podstates import Exited, Pod, Running, Terminated

BEFORE = datetime(2025, 12, 31, tzinfo=UTC)


def kept_run(name: str, number: int, folder: Path = Path("/nowhere")) -> KeptRun:
    run = Run(Identity(7, 70), Identity(6, 60), folder, Path("/log"), {"A": "b"})
    return KeptRun(f"process://u/{name}/{number}", number, BEFORE, run)


def taken_over(pod: dict[str, Any], *runs: KeptRun) -> Pod:
    by_name = {run.container_id.split("/")[-2]: run for run in runs}
    return inheriting.accept(pod, START, KeptPod("10.244.0.9", by_name))


def running(number: int, name: str = "a", **fields: Any) -> dict[str, Any]:
    told = {"running": {"startedAt": "2025-12-31T00:00:00Z"}}
    ident = f"process://u/{name}/{number}"
    return {"name": name, "restartCount": number, "containerID": ident, "state": told, **fields}


def test_a_running_container_goes_on_as_its_status_says() -> None:
    pod = manifest(container("a", startupProbe={}, readinessProbe={}), init=(container("i"),))
    finished = {"exitCode": 0, "containerID": "process://u/i/0"}
    pod["status"] = {
        "initContainerStatuses": [{"name": "i", "restartCount": 0, "state": {"terminated": finished}}],
        "containerStatuses": [running(2, started=True, ready=True)],
    }
    taken = taken_over(pod, kept_run("i", 0), kept_run("a", 2))
    assert taken.initialized
    assert isinstance(taken.container("i").state, Terminated)
    assert taken.container("a").state == Running("process://u/a/2", BEFORE, started=True, ready=True)
    status = podstatus.status_of(taken, host_ip="", now=START)
    assert (status["containerStatuses"][0]["restartCount"], status["podIP"]) == (2, "10.244.0.9")


def test_a_run_that_the_status_does_not_know_yet_counts_and_the_one_before_is_its_last() -> None:
    pod = manifest(container("a", readinessProbe={}))
    crashed = {"terminated": {"exitCode": 3, "containerID": "process://u/a/0"}}
    pod["status"] = {"containerStatuses": [{"name": "a", "restartCount": 0, "ready": True, "state": crashed}]}
    taken = taken_over(pod, kept_run("a", 1)).container("a")
    assert taken.state == Running("process://u/a/1", BEFORE, started=True, ready=False)
    assert taken.restarts == 1
    assert taken.last is not None and taken.last.exit_code == 3


def test_a_run_whose_end_was_told_is_not_taken_for_a_running_one() -> None:
    pod = manifest(container("a"))
    end = {"terminated": {"exitCode": 3, "containerID": "process://u/a/1"}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    pod["status"] = {"containerStatuses": [{"name": "a", "restartCount": 1, "state": waiting, "lastState": end}]}
    taken = taken_over(pod, kept_run("a", 1)).container("a")
    assert not isinstance(taken.state, Running)
    assert (taken.restarts, taken.ever_started) == (1, True)


def test_an_init_container_that_ran_is_not_run_again_when_the_network_is_kept() -> None:
    pod = manifest(container("a"), init=(container("i"), container("j")))
    taken = taken_over(pod, kept_run("i", 0))
    assert isinstance(taken.container("i").state, Running)
    assert not taken.initialized


def test_an_end_while_no_kubelet_ran_keeps_its_time() -> None:
    world = World(manifest(container("a"), restartPolicy="Never"))
    state = world.pod.container("a").state
    assert isinstance(state, Running)
    world.tell(Exited("a", state.container_id, 7, "Error", "", BEFORE))
    ended = world.pod.container("a").state
    assert isinstance(ended, Terminated)
    assert (ended.exit_code, ended.finished_at) == (7, BEFORE)


def test_records_are_private_and_worthless_in_another_run_of_the_sandbox(tmp_path: Path) -> None:
    folder = tmp_path / "u"
    kept = kept_run("a", 3, folder / "containers" / "a" / "3")
    keptpods.write_pod(folder, "10.244.0.9")
    keptpods.write_run(kept)
    assert keptpods.read(tmp_path) == {"u": KeptPod("10.244.0.9", {"a": kept})}
    assert (kept.run.folder / keptpods.RUN).stat().st_mode & 0o077 == 0
    (folder / keptpods.POD).write_text('{"era": "another boot", "address": "10.244.0.9"}')
    assert keptpods.read(tmp_path) == {}
    (folder / keptpods.POD).write_text('{"era": ')
    assert keptpods.read(tmp_path) == {}


def test_a_process_is_known_by_its_start_too() -> None:
    started = processes.start_time(os.getpid())
    assert started is not None
    assert Identity(os.getpid(), started).is_alive()
    assert not Identity(os.getpid(), started - 1).is_alive()
