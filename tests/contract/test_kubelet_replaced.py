"""Pods outlive the kubelet that started them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from kubeletnode import Node, container_status, programs, shell, uid_of

from gitsync.sandbox import processes
from gitsync.sandbox.layout import Layout
from operator_core.jsonvalues import dig
from operator_core.kube import requests


def _kill_kubelet(node: Node) -> None:
    (pid,) = programs(f"gitsync.sandbox.kubelet --dir {node.folder}")
    os.kill(int(pid), 9)
    node.until(lambda: pid not in programs(f"gitsync.sandbox.kubelet --dir {node.folder}"), "the kubelet is dead")


@contextlib.contextmanager
def _without_kubelet(node: Node) -> Iterator[None]:
    """Kill the kubelet, and hold back the supervisor that would start another until the block ends."""
    supervisor = json.loads((node.folder / "state.json").read_text())["pids"]["supervisor"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        (pid,) = programs(f"gitsync.sandbox.kubelet --dir {node.folder}")
        os.kill(int(pid), signal.SIGKILL)
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


def test_pods_outlive_their_kubelet_and_are_gone_on_with(node: Node, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    volumes = [{"name": "g", "hostPath": {"path": str(tmp_path)}}, {"name": "d", "emptyDir": {}}]
    places = [{"name": "g", "mountPath": "/g"}, {"name": "d", "mountPath": "/d"}]
    counting = "n=0; while :; do n=$((n+1)); echo line $n; touch /d/f; sleep 0.1; done"
    name = node.run(
        shell(
            counting,
            env=[{"name": "FOO", "value": "bar"}],
            volumeMounts=places,
            readinessProbe={"exec": {"command": ["test", "-f", "/d/f"]}, "periodSeconds": 1},
        ),
        volumes=volumes,
        initContainers=[shell("true", "i")],
    )
    ending = node.run(
        shell("while test -e /g/gate; do sleep 0.02; done; echo bye; exit 7", volumeMounts=places),
        volumes=volumes,
        restartPolicy="Never",
    )
    vanishing = node.run(shell("exec sleep 600.5"))
    before = node.await_pod(name, lambda p: container_status(p).get("ready"), "it is ready")
    node.running(ending)
    node.running(vanishing)
    status_file = next((node.folder / "pods").glob(f"{uid_of(node, ending)}/containers/c/0/status"))
    with _without_kubelet(node):
        gate.unlink()
        node.client.send(requests.delete(requests.PODS, "default", vanishing, grace_seconds=0))
        node.until(lambda: "exit-code" in status_file.read_text(), "it ends")
        ended_at = status_file.stat().st_mtime
    ended = container_status(node.ended(ending))
    assert (ended["state"]["terminated"]["exitCode"], ended["restartCount"]) == (7, 0)
    assert ended["state"]["terminated"]["reason"] == "Error"
    assert node.log(ending) == "bye\n"
    (kubelet,) = programs(f"gitsync.sandbox.kubelet --dir {node.folder}")
    assert _started_at(int(kubelet)) > ended_at, "it ended while no kubelet ran"
    node.until(lambda: not programs("600.5"), "a pod that vanished meanwhile is ended")
    after = node.await_pod(name, lambda p: container_status(p).get("ready"), "it is still ready")
    same = ("containerID", "restartCount", "state", "lastState")
    assert [container_status(after)[key] for key in same] == [container_status(before)[key] for key in same]
    assert after["status"]["podIP"] == before["status"]["podIP"]
    seen = len(node.log(name).splitlines())
    node.until(lambda: len(node.log(name).splitlines()) > seen, "it goes on writing")
    kubectl = [str(Layout(node.folder).bin / "kubectl"), "--kubeconfig", str(Layout(node.folder).kubeconfig)]
    said = subprocess.run(
        [*kubectl, "exec", name, "--", "sh", "-c", "echo $FOO"], capture_output=True, text=True, check=False
    )
    assert said.stdout == "bar\n", said.stderr
    follower = subprocess.Popen([*kubectl, "logs", "-f", name], stdout=subprocess.PIPE, text=True)
    with follower:
        node.client.send(requests.delete(requests.PODS, "default", name))
        assert follower.stdout is not None
        lines = follower.stdout.read().splitlines()
    assert lines == [f"line {number}" for number in range(1, len(lines) + 1)], "one run, from its first line on"
    assert len(lines) > seen
    node.until(lambda: node.pod(name) is None, "an adopted pod can be deleted")


def _started_at(pid: int) -> float:
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + (processes.start_time(pid) or 0) / os.sysconf("SC_CLK_TCK")


def test_a_pod_whose_kubelet_left_no_record_runs_again_and_says_so(node: Node) -> None:
    name = node.run(shell("echo up; exec sleep 600"))
    once = node.run(shell("exec sleep 600"), restartPolicy="Never")
    for each in (name, once):
        node.running(each)
    records = [node.folder / "pods" / uid_of(node, each) / "pod.json" for each in (name, once)]
    for record in records:
        record.unlink()
    _kill_kubelet(node)
    pod = node.await_pod(
        name,
        lambda p: container_status(p).get("restartCount") == 1 and dig(container_status(p), "state", "running"),
        "again",
    )
    assert container_status(pod)["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"
    assert node.ended(once)["status"]["phase"] == "Failed"
    node.until(lambda: node.log(name) == "up\n", "a log of its own")
