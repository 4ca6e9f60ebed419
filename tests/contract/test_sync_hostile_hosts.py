"""A Git host that hangs, is busy, or takes its token back: its apps say so, other repositories do not notice."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_https import GitServer
from hostile import config_map, follow, is_synced, message_of
from syncing import Agent, Cluster, Repository, wait_for

from gitsync.git import mirrors
from gitsync.settings import Settings
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, SECRETS

POLL = 0.2


@pytest.fixture
def far(tmp_path: Path) -> Repository:
    """A repository behind the server."""
    (tmp_path / "far").mkdir()
    return Repository(tmp_path / "far")


@pytest.fixture
def server(far: Repository, tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(far.bare.parent, tmp_path) as running:
        running.behaviour.user, running.behaviour.password = "robot", "t0ken"
        yield running


@pytest.fixture
def agent(cluster: Cluster, server: GitServer, kubeconfig: Path, tmp_path: Path) -> Iterator[Agent]:
    places = {"namespace": cluster.namespace, "destination_namespace": cluster.namespace, "poll_seconds": POLL}
    settings = Settings.model_validate({**places, "git_ca_file": str(server.ca_file)})
    running = Agent(Client.connect(kubeconfig=kubeconfig), settings, tmp_path / "agent")
    secret: Object = {
        "metadata": {"name": "far", "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "stringData": {"url": server.url("bare.git"), "username": "robot", "password": "t0ken"},
    }
    cluster.client.send(requests.create(SECRETS, cluster.namespace, secret))
    yield running
    running.stop()


def test_a_busy_a_silent_and_a_closed_host(
    cluster: Cluster,
    repository: Repository,
    far: Repository,
    server: GitServer,
    agent: Agent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirrors, "PROBE_TIMEOUT", 3.0)
    near, there = "near", "far"
    far_sha = far.commit("Far", {"apps/a.yaml": config_map("far")})
    repository.commit("Near", {"apps/a.yaml": config_map("near", "0")})
    follow(cluster, near, repoURL=str(repository.bare), path="apps")
    follow(cluster, there, repoURL=server.url("bare.git"), path="apps")
    wait_for("both", lambda: is_synced(cluster, there, far_sha) and cluster.get(CONFIG_MAPS, "near"))

    server.behaviour.status, server.behaviour.retry_after = 429, "600"
    assert "asks to come back later, in 600 seconds" in wait_for("busy", lambda: message_of(cluster, there) or None)
    asked = len(server.behaviour.requests)
    goes_on(cluster, repository, "1")
    time.sleep(5 * POLL)
    assert len(server.behaviour.requests) <= asked + 1, "a busy host is left alone for as long as it asks"
    assert cluster.get(CONFIG_MAPS, "far") is not None


def test_a_silent_host_delays_no_other(
    cluster: Cluster,
    repository: Repository,
    far: Repository,
    server: GitServer,
    agent: Agent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirrors, "PROBE_TIMEOUT", 2.0)
    far.commit("Far", {"apps/a.yaml": config_map("far")})
    repository.commit("Near", {"apps/a.yaml": config_map("near", "0")})
    server.behaviour.hang = threading.Event()
    silent = [f"silent-{number}" for number in range(8)]
    for number, name in enumerate(silent):
        follow(cluster, name, repoURL=server.url(f"bare.git?{number}"), path="apps")
    follow(cluster, "near", repoURL=str(repository.bare), path="apps")
    for number in range(3):
        goes_on(cluster, repository, str(number + 1))
    for name in silent:
        said = wait_for(f"{name} to say so", lambda name=name: message_of(cluster, name) or None)  # type: ignore[misc]
        assert "no answer within 2 seconds" in said
    server.behaviour.hang.set()


def test_a_revoked_token_and_a_new_one(cluster: Cluster, far: Repository, server: GitServer, agent: Agent) -> None:
    sha = far.commit("Far", {"apps/a.yaml": config_map("far")})
    follow(cluster, "far", repoURL=server.url("bare.git"), path="apps")
    wait_for("the app", lambda: is_synced(cluster, "far", sha))
    server.behaviour.password = "n3w"
    said = wait_for("the refusal", lambda: message_of(cluster, "far") or None)
    assert "it refused the credentials" in said and "t0ken" not in said
    assert cluster.get(CONFIG_MAPS, "far") is not None
    body: Object = {"stringData": {"password": "n3w"}}
    cluster.client.send(requests.merge_patch(SECRETS, cluster.namespace, "far", body))
    newer = far.commit("Newer", {"apps/a.yaml": config_map("far", "2")})
    wait_for("the newer commit", lambda: is_synced(cluster, "far", newer))


def goes_on(cluster: Cluster, repository: Repository, value: str) -> None:
    """The app of the healthy repository follows a commit within a few polls."""
    began = time.monotonic()
    sha = repository.commit(f"Near {value}", {"apps/a.yaml": config_map("near", value)})
    wait_for(f"commit {value}", lambda: is_synced(cluster, "near", sha))
    assert time.monotonic() - began < 45
