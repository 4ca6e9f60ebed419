"""What a whole sync half tells its repository: every phase, an end for every commit, and nothing that hurts Ready."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from git_repositories import run_git
from syncing import Agent, Cluster, Repository, following, wait_for

from gitsync.model import records
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import SYNC_APPS

ONE = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: "%s"}\n'
SUSPEND = "gitsync.io/suspend"


@pytest.fixture
def start(cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path) -> Iterator[Callable[[], Agent]]:
    settings = following(cluster, repository, prune=True)
    with contextlib.ExitStack() as agents:

        def begin() -> Agent:
            agent = Agent(Client.connect(kubeconfig=kubeconfig), settings, tmp_path / "agent")
            agents.callback(agent.stop)
            return agent

        yield begin


def annotate(cluster: Cluster, value: str | None) -> None:
    body = {"metadata": {"annotations": {SUSPEND: value}}}
    cluster.client.send(requests.merge_patch(SYNC_APPS, cluster.namespace, "root", body))


def noted(repository: Repository, sha: str) -> list[str]:
    if not run_git("for-each-ref", "refs/notes/gitsync/test", at=repository.bare):
        return []
    listed = run_git("notes", "--ref=gitsync/test", "list", at=repository.bare)
    text = run_git("notes", "--ref=gitsync/test", "show", sha, at=repository.bare) if sha in listed else ""
    return [one.phase.value for one in records.parse_lines(text)]


def wait_noted(repository: Repository, sha: str, *phases: str) -> None:
    wait_for(f"{phases} on {sha[:7]}", lambda: noted(repository, sha) == list(phases) or None, seconds=40)


def test_every_commit_has_an_end_also_when_agents_come_and_go(
    cluster: Cluster, repository: Repository, start: Callable[[], Agent]
) -> None:
    one = repository.commit("one", {"apps/one.yaml": ONE % "1"})
    agent = start()
    cluster.wait_synced(one)
    wait_noted(repository, one, "stable")
    annotate(cluster, json.dumps({"reason": "holiday"}))
    two = repository.commit("two", {"apps/one.yaml": ONE % "2"})
    wait_noted(repository, two, "pending")
    agent.stop()
    three = repository.commit("three", {"apps/one.yaml": ONE % "3"})
    start()
    wait_noted(repository, three, "pending")
    assert noted(repository, two) == ["pending", "superseded"], "told by an agent that did not begin the story"
    annotate(cluster, None)
    cluster.wait_synced(three)
    wait_noted(repository, three, "pending", "stable")
    assert noted(repository, one) == ["stable"]
    ledger = json.loads(run_git("show", "gitsync/status/test:apps/root.json", at=repository.bare))
    assert [(one["subject"], one["phase"]) for one in ledger["commits"]] == [
        ("three", "stable"),
        ("two", "superseded"),
        ("one", "stable"),
    ]
    note = run_git("notes", "--ref=gitsync/test", "show", three, at=repository.bare)
    assert "holiday" in note


def test_a_read_only_key_is_a_condition_and_ready_does_not_care(
    cluster: Cluster, repository: Repository, start: Callable[[], Agent]
) -> None:
    first = repository.commit("first", {"apps/one.yaml": ONE % "1"})
    run_git("config", "receive.hideRefs", "refs", at=repository.bare)
    start()
    cluster.wait_synced(first)
    wait_for("the condition", lambda: cluster.condition("WriteBack")[:2] == ("False", "PushForbidden") or None)
    assert cluster.condition("Ready")[0] == "True"
    assert cluster.condition("Stalled")[0] == "False"


def test_a_branch_that_is_rewritten_and_a_repository_that_goes_and_comes(
    cluster: Cluster, repository: Repository, start: Callable[[], Agent]
) -> None:
    one = repository.commit("one", {"apps/one.yaml": ONE % "1"})
    two = repository.commit("two", {"apps/one.yaml": ONE % "2", "apps/two.yaml": (ONE % "2").replace("one", "two")})
    start()
    cluster.wait_synced(two)
    wait_noted(repository, two, "stable")
    away = repository.bare.with_name("away.git")
    repository.bare.rename(away)
    wait_for("the loss to be told", lambda: cluster.condition("Ready")[1] == "RepositoryUnreachable" or None)
    assert cluster.get(requests.CONFIG_MAPS, "two") is not None, "nothing is pruned for a repository that is away"
    away.rename(repository.bare)
    run_git("update-ref", "refs/heads/main", one, at=repository.bare)
    cluster.wait_synced(one)
    wait_noted(repository, one, "stable")
    assert noted(repository, two) == ["stable"]
    assert cluster.get(requests.CONFIG_MAPS, "two") is None


def test_commits_that_came_together_and_an_app_that_is_deleted_are_told(
    cluster: Cluster, repository: Repository, start: Callable[[], Agent]
) -> None:
    one = repository.commit("one", {"apps/one.yaml": ONE % "1"})
    agent = start()
    cluster.wait_synced(one)
    wait_noted(repository, one, "stable")
    agent.stop()
    two = repository.commit("two", {"apps/one.yaml": ONE % "2"})
    other = repository.commit("other", {"README.md": "x"})
    three = repository.commit("three", {"apps/one.yaml": ONE % "3"})
    start()
    cluster.wait_synced(three)
    wait_noted(repository, three, "stable")
    assert noted(repository, two) == ["superseded"]
    assert noted(repository, other) == []
    cluster.client.send(requests.delete(SYNC_APPS, cluster.namespace, "root"))

    def page() -> bool:
        return "🗑️ removed" in run_git("show", "gitsync/status/test:README.md", at=repository.bare)

    wait_for("the page to say so", lambda: page() or None, seconds=40)


def test_an_app_chooses_what_is_written_back(
    cluster: Cluster, repository: Repository, start: Callable[[], Agent]
) -> None:
    one = repository.commit("one", {"apps/one.yaml": ONE % "1"})
    agent = start()
    cluster.wait_synced(one)
    wait_noted(repository, one, "stable")
    agent.stop()
    body = {"spec": {"writeBack": {"statusBranch": False, "phases": ["failed"]}}}
    cluster.client.send(requests.merge_patch(SYNC_APPS, cluster.namespace, "root", body))
    two = repository.commit("two", {"apps/one.yaml": ONE % "2"})
    start()
    cluster.wait_synced(two)
    bad = repository.commit("bad", {"apps/one.yaml": (ONE % "3").replace("data:", "data: [")})
    wait_noted(repository, bad, "failed")
    assert noted(repository, two) == []
    assert run_git("ls-tree", "--name-only", "-r", "gitsync/status/test", at=repository.bare).split() == ["README.md"]
