"""How sandboxes begin and end: twice, side by side, killed, interrupted, refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sandboxes import (
    DEADLINE_S,
    Sandbox,
    assert_nothing_left,
    gitsync,
    inhabitants,
    namespaces_of,
    processes_naming,
    until,
)

from gitsync.sandbox.access import Access, Unanswered


@pytest.mark.parametrize("part", ["kube-apiserver", "etcd", "kube-controller-manager"])
def test_a_part_that_dies_is_started_again(sandbox: Sandbox, part: str) -> None:
    before = sandbox.pid(part)
    os.kill(before, signal.SIGKILL)
    state = sandbox.folder / "state.json"
    until(lambda: json.loads(state.read_text())["pids"].get(part, before) != before, f"{part} did not come back")
    access = Access(sandbox.kubeconfig)

    def serves() -> bool:
        try:
            return bool(access.json("/api/v1/namespaces/default"))
        except Unanswered:
            return False

    until(serves, "the API server did not answer again")
    assert sandbox.status()["state"] == "running"


def test_second_up_joins_the_first(sandbox: Sandbox) -> None:
    before = sandbox.pid("supervisor")
    sandbox.up()
    assert sandbox.pid("supervisor") == before
    other = gitsync("up", "--dir", str(sandbox.folder))
    assert other.returncode == 3
    assert "runs without a kubelet" in other.stderr
    assert "Traceback" not in other.stderr


def test_sandboxes_run_side_by_side_and_down_keeps_the_data(sandbox: Sandbox, fresh: Sandbox) -> None:
    fresh.up()
    assert fresh.status()["ports"] != sandbox.status()["ports"]
    fresh.kubectl("create", "namespace", "kept")
    listed = sandbox.kubectl("get", "namespaces", "-o", "name").split()
    assert "namespace/kept" not in listed
    kubeconfig, inside = fresh.kubeconfig.read_text(), namespaces_of(fresh.pid("child"))
    fresh.call("down")
    assert fresh.status()["state"] == "stopped"
    assert_nothing_left(fresh.folder, inside)
    fresh.up()
    assert fresh.kubeconfig.read_text() == kubeconfig
    assert fresh.kubectl("get", "namespace", "kept", "-o", "name") == "namespace/kept\n"


@pytest.mark.parametrize("victim", ["supervisor", "unshare", "child"])
def test_kill_9_leaves_nothing(fresh: Sandbox, victim: str) -> None:
    fresh.up()
    inside = namespaces_of(fresh.pid("child"))
    assert len(inhabitants(inside)) > 3
    os.kill(fresh.pid(victim), signal.SIGKILL)
    assert_nothing_left(fresh.folder, inside)
    assert fresh.status()["state"] == "stopped"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_foreground_ends_with_its_command(fresh: Sandbox, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "gitsync.cli.main", "sandbox", "up", "--no-kubelet", "--foreground"]
    with subprocess.Popen([*command, "--dir", str(fresh.folder)], stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        assert up.stdout.readline() == f"export KUBECONFIG={fresh.kubeconfig}\n"
        inside = namespaces_of(fresh.pid("child"))
        up.send_signal(number)
        code = up.wait(DEADLINE_S)
    assert code == (0 if number == signal.SIGINT else -signal.SIGKILL)
    assert_nothing_left(fresh.folder, inside)


def test_interrupted_start_leaves_nothing(fresh: Sandbox) -> None:
    command = [sys.executable, "-m", "gitsync.cli.main", "sandbox", "up", "--no-kubelet", "--dir", str(fresh.folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as up:
        state = fresh.folder / "state.json"
        until(lambda: state.exists() and json.loads(state.read_text())["stage"] == "API server", "no such stage")
        inside = namespaces_of(fresh.pid("child"))
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=DEADLINE_S)
    assert up.returncode != 0
    assert_nothing_left(fresh.folder, inside)


def test_start_that_fails_names_the_part_and_its_log(fresh: Sandbox) -> None:
    (fresh.folder / "etcd").mkdir(parents=True)
    (fresh.folder / "etcd/member").write_text("in the way")
    done = gitsync("up", "--no-kubelet", "--dir", str(fresh.folder))
    assert done.returncode == 3
    assert "etcd ends again and again" in done.stderr
    assert str(fresh.folder / "logs/etcd.log") in done.stderr
    assert "Traceback" not in done.stderr
    until(lambda: not processes_naming(fresh.folder), "processes of the failed start stayed")


def test_commands_for_a_sandbox_that_does_not_run(tmp_path: Path) -> None:
    for verb in (["kubectl", "get", "pods"], ["forward", "svc/x", "1"], ["shell"]):
        done = gitsync(verb[0], "--dir", str(tmp_path), *verb[1:])
        assert done.returncode == 3
        assert f"start it with `gitsync sandbox up --dir {tmp_path}`" in done.stderr
    assert gitsync("down", "--dir", str(tmp_path)).returncode == 0
