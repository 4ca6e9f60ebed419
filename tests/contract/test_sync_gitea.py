"""The agent beside a real forge, Gitea: what it reads and writes there, what it hears of, and what it is refused."""

import logging
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import gitea_builds
import gitea_server
import httpx
import pytest
from gitea_server import OWNER, Clone, Gitea
from syncing import ONE, Cluster, wait_for

from gitsync import app
from gitsync.model import commitstatuses
from gitsync.model.records import Phase, Record
from gitsync.report import forges
from gitsync.report.deliveries import Accepted, Answer
from gitsync.settings import Settings
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, SECRETS
from operator_core.runtime.clock import SystemClock
from operator_core.runtime.endings import Ending

pytestmark = pytest.mark.full
SECRET = "what-gitea-signs-with"
BROKEN = ONE.replace("data: {", "data: [{")
Begin = Callable[[Clone], int]
"""Starts an agent that follows a repository and never asks by itself; the port of its receiver."""


@pytest.fixture(scope="module")
def program(request: pytest.FixtureRequest) -> gitea_builds.Program:
    return gitea_builds.program(request.config)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gitea")


@pytest.fixture(scope="module")
def forge(program: gitea_builds.Program, folder: Path) -> Iterator[Gitea]:
    with gitea_server.running(program, folder) as found:
        yield found


@pytest.fixture
def begin(cluster: Cluster, forge: Gitea, kubeconfig: Path, tmp_path: Path) -> Iterator[Begin]:
    running: list[app.Agent] = []

    def start(clone: Clone) -> int:
        port = gitea_server.free_port()
        (tmp_path / "secret").write_text(SECRET)
        settings = Settings.model_validate(
            {
                "repo": clone.url,
                "revision": "main",
                "path": "apps",
                "cluster": "test",
                "namespace": cluster.namespace,
                "destination_namespace": cluster.namespace,
                "role": "sync",
                "poll_seconds": 3600,
                "git_ca_file": str(forge.certificates),
                "webhook": {"port": port, "secret_file": str(tmp_path / "secret")},
            }
        )
        agent = app.Agent(settings, Client.connect(kubeconfig=kubeconfig), SystemClock(), tmp_path / "agent")
        running.append(agent)
        agent.start(Ending())
        return port

    yield start
    for agent in running:
        agent.stop()


def keys(cluster: Cluster, clone: Clone, user: str, token: str) -> None:
    """The Secrets with which the agent reads and writes the repository, and sets commit statuses."""
    certificates = clone.forge.certificates.read_text()
    of_repository = {"url": clone.url, "username": user, "password": token}
    of_forge = {"type": "gitea", "url": f"{clone.forge.base}/{OWNER}", "token": token, "ca.crt": certificates}
    for name, label, fields in (
        ("repository", "argocd.argoproj.io/secret-type", of_repository),
        ("forge", "gitsync.io/secret-type", of_forge),
    ):
        body: Object = {"metadata": {"name": name, "labels": {label: name}}, "stringData": fields}
        cluster.client.send(requests.create(SECRETS, cluster.namespace, body))


def hook(clone: Clone, port: int, secret: str = SECRET) -> int:
    """A push webhook as a person makes it in the settings of the repository."""
    config = {"url": f"http://127.0.0.1:{port}/hooks/gitea", "content_type": "json", "secret": secret}
    body = {"type": "gitea", "config": config, "events": ["push"], "active": True}
    return int(clone.api("POST", "/hooks", body)["id"])


def written_back(cluster: Cluster, reason: str) -> str:
    """The message of WriteBack=False once it has that reason."""

    def probe() -> str | None:
        status, found, message = cluster.condition("WriteBack")
        return message if (status, found) == ("False", reason) else None

    return wait_for(f"WriteBack=False with reason {reason}", probe)


def test_a_push_is_heard_of_and_every_commit_shows_its_end(
    cluster: Cluster, forge: Gitea, begin: Begin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gitsync")
    clone = forge.repository("followed", tmp_path)
    keys(cluster, clone, OWNER, forge.token("agent", "write:repository"))
    first = clone.commit("first", {"apps/one.yaml": ONE})
    port = begin(clone)
    cluster.wait_synced(first)
    wait_for("its status", lambda: clone.statuses(first) == {"gitsync/test/root": "success"} or None)
    hook(clone, port)
    second = clone.commit("second", {"apps/one.yaml": ONE.replace('"1"', '"2"')})
    cluster.wait_synced(second)
    assert dig(cluster.get(CONFIG_MAPS, "one"), "data", "a") == "2"
    broken = clone.commit("broken", {"apps/one.yaml": BROKEN})
    wait_for("the failure", lambda: clone.statuses(broken) == {"gitsync/test/root": "failure"} or None)
    told = clone.api("GET", f"/commits/{broken}/status")["statuses"][0]["description"]
    assert told.startswith("failed: apps/one.yaml:")
    wait_for("the branch", lambda: broken in _ledger(clone) or None)
    assert "| root |" in _file(clone, "README.md") or "root" in _file(clone, "README.md")
    clone.git("fetch", "-q", "origin", "+refs/notes/*:refs/notes/*")
    assert '"phase":"failed"' in clone.git("notes", "--ref=gitsync/test", "show", broken).replace(" ", "")
    assert "gitsync/status/test" not in " ".join(r.getMessage() for r in caplog.records if "told of a push" in r.msg)
    assert cluster.condition("WriteBack")[0] == "True"


def _file(clone: Clone, path: str) -> str:
    """A file of the status branch, as it is now."""
    clone.git("fetch", "-q", "origin", "+refs/heads/gitsync/status/test:refs/remotes/origin/status")
    return clone.git("show", f"refs/remotes/origin/status:{path}")


def _ledger(clone: Clone) -> str:
    branches = [one["name"] for one in clone.api("GET", "/branches")]
    return _file(clone, "apps/root.json") if "gitsync/status/test" in branches else ""


def test_a_delivery_with_another_secret_is_refused(
    cluster: Cluster, forge: Gitea, begin: Begin, tmp_path: Path
) -> None:
    clone = forge.repository("unsigned", tmp_path)
    keys(cluster, clone, OWNER, forge.token("agent-2", "write:repository"))
    first = clone.commit("first", {"apps/one.yaml": ONE})
    port = begin(clone)
    cluster.wait_synced(first)
    wrong = hook(clone, port, "somebody-else's")
    second = clone.commit("second", {"apps/one.yaml": ONE.replace('"1"', '"2"')})
    clone.api("DELETE", f"/hooks/{wrong}")
    right = hook(clone, port)
    assert cluster.app().status.attempted_revision == first
    clone.api("POST", f"/hooks/{right}/tests")
    cluster.wait_synced(second)


def test_a_protected_branch_and_a_token_that_only_reads_are_told(
    cluster: Cluster,
    forge: Gitea,
    begin: Begin,
    tmp_path: Path,
    program: gitea_builds.Program,
    folder: Path,
) -> None:
    gitea_server.add_person(program, folder, "robot")
    clone = forge.repository("protected", tmp_path)
    clone.api("PUT", "/collaborators/robot", {"permission": "write"})
    clone.api("POST", "/branch_protections", {"rule_name": "gitsync/**", "enable_push": False})
    keys(cluster, clone, "robot", forge.token("agent", "write:repository", user="robot"))
    first = clone.commit("first", {"apps/one.yaml": ONE})
    port = begin(clone)
    hook(clone, port)
    cluster.wait_synced(first)
    message = written_back(cluster, "PushForbidden")
    assert "gitsync/status/test" in message and "protect" in message.lower()
    assert cluster.condition("Ready")[0] == "True"
    clone.git("fetch", "-q", "origin", "+refs/notes/*:refs/notes/*")
    assert '"stable"' in clone.git("notes", "--ref=gitsync/test", "show", first), "notes are pushed all the same"
    clone.api("PUT", "/collaborators/robot", {"permission": "read"})
    second = clone.commit("second", {"apps/one.yaml": ONE.replace('"1"', '"2"')})
    cluster.wait_synced(second)
    wait_for("the refusals", lambda: "write:repository" in cluster.condition("WriteBack")[2] or None)
    assert cluster.condition("WriteBack")[0] == "False" and cluster.condition("Ready")[0] == "True"


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_a_word_that_it_knows(forge: Gitea, tmp_path: Path, phase: Phase) -> None:
    clone = forge.repository(f"words-{phase}", tmp_path)
    sha = clone.commit("first", {"a": "1"})
    record = Record("test", "orders", sha, phase, "Reason", "it says so", datetime(2026, 1, 1, tzinfo=UTC), ())
    found = forges.Forge("gitea", f"{forge.base}/api/v1", forge.token(f"words-{phase}", "write:repository"))
    request = forges.request(found, clone.url, commitstatuses.of_record(record))
    context = ssl.create_default_context(cafile=str(forge.certificates))
    headers = {"Content-Type": "application/json", **request.headers}
    answer = httpx.post(request.url, content=request.content, headers=headers, verify=context)
    assert forges.judge(found, Answer(answer.status_code, {}, answer.text, 0.0)) == Accepted(), answer.text
    assert clone.statuses(sha) == {"gitsync/test/orders": request.body["state"]}
