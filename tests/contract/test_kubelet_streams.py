"""Logs of containers and commands inside them, through the API server."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from kubeletnode import Node, container_status, shell

from operator_core.jsonvalues import dig
from operator_core.kube import errors, requests


def test_logs_are_followed_cut_and_kept_apart_by_container(node: Node) -> None:
    name = node.run(
        shell("for i in 1 2 3 4 5; do echo a$i; sleep 0.1; done", "a"), shell("echo b", "b"), restartPolicy="Never"
    )
    node.await_pod(name, lambda p: dig(container_status(p, "a"), "state", "running"), "a runs")
    assert node.log(name, container="a", follow="true") == "a1\na2\na3\na4\na5\n"
    node.ended(name)
    assert node.log(name, container="a", tailLines="2") == "a4\na5\n"
    assert node.log(name, container="b") == "b\n"
    with pytest.raises(errors.KubeError, match="previous terminated container"):
        node.log(name, container="b", previous="true")


def test_logs_have_times_and_are_cut_by_them(node: Node) -> None:
    name = node.run(shell("echo old; sleep 2.5; echo new; sleep 600"))
    node.running(name)
    node.until(lambda: "new" in node.log(name), "both lines are written")
    stamped = [line.split(" ") for line in node.log(name, timestamps="true").splitlines()]
    assert [text for _, text in stamped] == ["old", "new"]
    first, second = (datetime.fromisoformat(moment[:26] + "+00:00") for moment, _ in stamped)
    assert 2.0 < (second - first).total_seconds() < 60
    assert abs((datetime.now(UTC) - second).total_seconds()) < 60
    between = (first + (second - first) / 2).isoformat().replace("+00:00", "Z")
    assert node.log(name, sinceTime=between) == "new\n"
    assert node.log(name, sinceSeconds="3600") == "old\nnew\n"
    node.client.send(requests.delete(requests.PODS, "default", name, grace_seconds=0))


def test_commands_run_inside_a_container_with_its_streams_and_exit_code(node: Node) -> None:
    name = node.run(shell("exec sleep 600", env=[{"name": "FOO", "value": "bar"}]))
    node.running(name)
    kubectl = [sys.executable, "-m", "gitsync.cli.main", "sandbox", "kubectl", "--dir", str(node.folder)]
    script = "cat | tr a-z A-Z; echo $FOO; echo problem >&2; exit 7"
    done = subprocess.run(
        [*kubectl, "exec", "-i", name, "--", "sh", "-c", script],
        input="abc\n" * 50_000,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "ABC\n" * 50_000 + "bar\n"
    assert "problem\n" in done.stderr
    assert done.returncode == 7
    node.client.send(requests.delete(requests.PODS, "default", name, grace_seconds=0))
