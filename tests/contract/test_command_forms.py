"""The command line as a process (F81): forms for programs, colours for terminals alone, completion, progress."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from syncing import ONE, Cluster, Repository, Run, Start, wait_for

from operator_core.kube import requests
from operator_core.kube.requests import CONFIG_MAPS

Process = Callable[..., subprocess.CompletedProcess[str]]
COLOUR = "\x1b["


@pytest.fixture
def environment(cluster: Cluster, kubeconfig: Path, tmp_path: Path) -> dict[str, str]:
    dropped = ("NO_COLOR", "FORCE_COLOR", "GITSYNC_NAMESPACE")
    inherited = {key: value for key, value in os.environ.items() if key not in dropped}
    own = {"KUBECONFIG": str(kubeconfig), "XDG_CACHE_HOME": str(tmp_path / "cache"), "TERM": "xterm"}
    return {**inherited, **own, "GITSYNC_NAMESPACE": cluster.namespace}


@pytest.fixture
def process(environment: dict[str, str]) -> Process:
    """Run `gitsync` as a process whose output goes into pipes."""

    def begin(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gitsync.cli.main", *arguments]
        return subprocess.run(
            command, env={**environment, **more}, capture_output=True, text=True, check=False, timeout=120
        )

    return begin


def in_terminal(arguments: list[str], environment: dict[str, str]) -> str:
    """What `gitsync` shows in a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "gitsync.cli.main", *arguments], env=environment, stdout=theirs, stderr=theirs
    ) as running:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed.
                break
            if not part:
                break
            shown += part
        running.wait(60)
    os.close(ours)
    return shown.decode()


def following(cluster: Cluster, repository: Repository, start: Start) -> str:
    """An app that was synced, with something that differs and stays so; its commit."""
    sha = repository.commit("first", {"apps/one.yaml": ONE})
    start(poll_seconds=3600)
    cluster.wait_synced(sha)
    wait_for("the record", lambda: _noted(repository, sha))
    return sha


def _noted(repository: Repository, sha: str) -> bool | None:
    shown = subprocess.run(
        ["git", "notes", "--ref=gitsync/test", "show", sha], cwd=repository.bare, capture_output=True, check=False
    )
    return shown.returncode == 0 or None


def test_programs_read_json_and_yaml_of_every_command_that_tells(
    cluster: Cluster, repository: Repository, start: Start, run: Run
) -> None:
    following(cluster, repository, start)
    repository.commit(
        "second", {"apps/one.yaml": ONE.replace('"1"', '"2"'), "apps/two.yaml": ONE.replace("one", "two")}
    )
    where = ("--repo", str(repository.bare), "--path", "apps")
    commands: tuple[tuple[tuple[str, ...], int], ...] = (
        (("status",), 0),
        (("history", "root"), 0),
        (("diff", "root"), 1),
        (("plan", *where, "main^", "main"), 1),
        (("plan", "--live", *where, "main"), 1),
        (("sync", "root", "--dry-run"), 1),
        (("render", *where, "--revision", "main"), 0),
    )
    for command, code in commands:
        told: dict[str, Any] = {}
        for form, read in (("json", json.loads), ("yaml", lambda text: list(yaml.safe_load_all(text)))):
            found, text = run(*command, "-o", form)
            assert found == code, (command, text)
            told[form] = read(text)
        assert told["json"] and told["yaml"], command


def test_colours_are_for_terminals(
    cluster: Cluster, repository: Repository, start: Start, process: Process, environment: dict[str, str]
) -> None:
    following(cluster, repository, start)
    piped = process("status")
    assert piped.returncode == 0 and "Synced" in piped.stdout and COLOUR not in piped.stdout
    assert COLOUR in in_terminal(["status"], environment)
    assert COLOUR not in in_terminal(["status"], {**environment, "NO_COLOR": "1"})


def test_what_takes_long_says_how_far_it_is_beside_its_answer(
    cluster: Cluster, repository: Repository, start: Start, process: Process
) -> None:
    following(cluster, repository, start)
    second = repository.commit("second", {"apps/one.yaml": ONE.replace('"1"', '"2"')})
    done = process("sync", "root", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) and second[:7] in done.stdout
    assert (cluster.get(CONFIG_MAPS, "one") or {})["data"]["a"] == "2"


def test_names_of_apps_are_completed(cluster: Cluster, process: Process) -> None:
    body = {"metadata": {"name": "orders-of-the-team"}, "spec": {"source": {"repoURL": "https://example.org/x.git"}}}
    body |= {"apiVersion": "gitsync.io/v1alpha1", "kind": "SyncApp"}
    cluster.client.send(requests.create(requests.SYNC_APPS, cluster.namespace, body))
    asked = {"_GITSYNC_COMPLETE": "bash_complete", "COMP_WORDS": "gitsync status ord", "COMP_CWORD": "2"}
    done = process(**asked)
    assert (done.returncode, done.stdout.strip()) == (0, "plain,orders-of-the-team"), done.stderr
    away = process(**asked, KUBECONFIG="/nowhere/at/all")
    assert (away.returncode, away.stdout.strip(), away.stderr) == (0, "", "")
