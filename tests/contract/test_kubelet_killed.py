"""The kubelet killed again and again while pods start, run and end: each pod runs once at a time and ends honestly."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitsync.sandbox import launching, states
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client

DEADLINE_S = 180.0
SCRIPT = "exec 9>/g/$0; flock -n 9 || echo twice >> /g/double; echo $0 >> /g/starts; sleep $1; exit $2"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "sandbox"
    progress = Progress()
    supervisor = launching.up(launching.Options(folder, kubelet=True, lifeline=True), progress)
    assert supervisor is not None and supervisor.stdin is not None
    try:
        yield folder
    finally:
        launching.down(Layout(folder), progress)
        supervisor.stdin.close()
        supervisor.wait(60)


def until(condition: Callable[[], object], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


def pod(name: str, place: Path, seconds: float, code: int) -> Object:
    container = {
        "name": "c",
        "image": "gitsync:test",
        "command": ["sh", "-c", SCRIPT, name, f"{seconds:.2f}", str(code)],
        "volumeMounts": [{"name": "g", "mountPath": "/g"}],
    }
    volumes = [{"name": "g", "hostPath": {"path": str(place)}}]
    spec = {"containers": [container], "volumes": volumes, "restartPolicy": "Never"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def created(client: Client, body: Object) -> bool:
    try:
        client.send(requests.create(requests.PODS, "default", body))
    except errors.Forbidden:
        return False  # the default service account is not there yet
    return True


def kill_kubelet(folder: Path) -> None:
    pid = states.read(Layout(folder)).pids.get("kubelet")
    if pid:
        os.kill(pid, 9)


@pytest.mark.parametrize("kills", [2, pytest.param(12, marks=pytest.mark.full)])
def test_pods_run_once_at_a_time_and_end_with_their_own_codes(folder: Path, tmp_path: Path, kills: int) -> None:
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    place = tmp_path / "place"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    client = Client.connect(kubeconfig=Layout(folder).kubeconfig)
    codes: dict[str, int] = {}
    for round_ in range(kills):
        until(lambda: states.read(Layout(folder)).pids.get("kubelet"), lambda: "no kubelet is started again")
        for number in range(4):
            name = f"p{round_}-{number}"
            codes[name] = chance.randrange(3)
            body = pod(name, place, chance.uniform(0, 4), codes[name])
            until(lambda body=body: created(client, body), lambda: "no pod can be created")  # type: ignore[misc]
        time.sleep(chance.uniform(0, 2.0))  # the moment of the kill is what is tried here
        kill_kubelet(folder)

    def pods() -> list[Object]:
        return list(client.send(requests.listing(requests.PODS, "default"))["items"])

    def open_ends() -> str:
        left = [item for item in pods() if item["status"]["phase"] not in ("Succeeded", "Failed")]
        return (
            f"seed {seed}: {json.dumps([[p['metadata']['name'], p['status']] for p in left], indent=1)}" if left else ""
        )

    until(lambda: not open_ends(), open_ends)
    assert not (place / "double").exists(), f"seed {seed}: a pod ran twice at a time"
    for item in pods():
        name = item["metadata"]["name"]
        ended = dig(item["status"]["containerStatuses"][0], "state", "terminated")
        assert ended["exitCode"] == codes[name], f"seed {seed}: {name} ended with {ended}, not {codes[name]}"
    until(lambda: not list((folder / "pods").iterdir()), lambda: f"seed {seed}: pods' folders stay")
    enter = ["nsenter", "-t", str(states.read(Layout(folder)).pids["child"]), "-m", "-p", "-n"]
    listed = subprocess.run([*enter, "ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert listed == "", f"seed {seed}: networks stay: {listed}"
    listed = subprocess.run([*enter, "pgrep", "-l", "bwrap"], capture_output=True, text=True, check=False).stdout
    assert listed == "", f"seed {seed}: containers stay: {listed}"
