"""An agent whose mirrors have no contents: all layouts render in few fetches, and one that fails costs nothing."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import kubectls
import pytest
from git_https import GitServer
from hostile import config_map, follow, is_synced, message_of
from syncing import Agent, Cluster, Repository, wait_for

from gitsync.git import notes
from gitsync.settings import Settings
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, SECRETS

OVERLAY = (
    "resources: [../../base]\nnamePrefix: prod-\nconfigMapGenerator:\n- {name: rules, files: [rules.txt]}\n"
    "generatorOptions: {disableNameSuffixHash: true}\n"
)
SET = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: made}
spec:
  goTemplate: true
  generators:
  - git: {repoURL: %(url)s, revision: main, files: [{path: "sets/*/config.json"}]}
  template:
    metadata: {name: 'made-{{.name}}'}
    spec:
      project: default
      source: {repoURL: %(url)s, targetRevision: main, path: 'made/{{.name}}'}
      destination: {namespace: %(namespace)s, server: https://kubernetes.default.svc}
      syncPolicy: {automated: {}}
"""


@pytest.fixture
def far(tmp_path: Path) -> Repository:
    """A repository behind the server, most of whose bytes no app reads."""
    (tmp_path / "far").mkdir()
    made = Repository(tmp_path / "far")
    subprocess.run(["git", "config", "uploadpack.allowFilter", "true"], cwd=made.bare, check=True)
    (made.work / "models").mkdir()
    for number in range(4):
        (made.work / "models" / f"{number}.bin").write_bytes(os.urandom(250_000))
    return made


@pytest.fixture
def server(far: Repository, tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(far.bare.parent, tmp_path) as running:
        running.behaviour.user, running.behaviour.password = "robot", "t0ken"
        yield running


@pytest.fixture
def agent(cluster: Cluster, server: GitServer, kubeconfig: Path, tmp_path: Path) -> Iterator[Agent]:
    secret: Object = {
        "metadata": {"name": "far", "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "stringData": {"url": server.url("bare.git"), "username": "robot", "password": "t0ken", "partial": "true"},
    }
    cluster.client.send(requests.create(SECRETS, cluster.namespace, secret))
    settings: Object = {
        "namespace": cluster.namespace,
        "destination_namespace": cluster.namespace,
        "poll_seconds": 0.2,
        "cluster": "test",
        "git_ca_file": str(server.ca_file),
        "kubectl": kubectls.kubectl(tmp_path),
    }
    running = Agent(Client.connect(kubeconfig=kubeconfig), Settings.model_validate(settings), tmp_path / "agent")
    yield running
    running.stop()


def layouts(cluster: Cluster, url: str) -> dict[str, str | None]:
    return {
        "apps/plain.yaml": config_map("plain"),
        "apps/set.yaml": SET % {"url": url, "namespace": cluster.namespace},
        "sets/x/config.json": '{"name": "x"}',
        "made/x/x.yaml": config_map("of-x"),
        "base/kustomization.yaml": "resources: [one.yaml]\n",
        "base/one.yaml": config_map("one"),
        "overlays/prod/kustomization.yaml": OVERLAY,
        "overlays/prod/rules.txt": "rule 1\n",
    }


def value(cluster: Cluster, name: str, key: str) -> str:
    return str(dig(cluster.get(CONFIG_MAPS, name), "data", key, default=""))


def test_every_layout_from_a_mirror_without_contents(
    cluster: Cluster, far: Repository, server: GitServer, agent: Agent, tmp_path: Path
) -> None:
    url = server.url("bare.git")
    first = far.commit("First", layouts(cluster, url))
    follow(cluster, "plain", repoURL=url, path="apps")
    follow(cluster, "prod", repoURL=url, path="overlays/prod")
    wait_for("both", lambda: is_synced(cluster, "plain", first) and is_synced(cluster, "prod", first))
    wait_for("the generated app", lambda: is_synced(cluster, "made-x", first))
    assert value(cluster, "prod-rules", "rules.txt") == "rule 1\n"
    (mirror,) = (tmp_path / "agent").rglob("bare-*.git")
    assert sum(one.stat().st_size for one in mirror.rglob("*") if one.is_file()) < 500_000

    wait_for("the record", lambda: noted(far, first))
    before = server.behaviour.filtered
    second = far.commit("Second", {"base/one.yaml": config_map("one", "2"), "overlays/prod/rules.txt": "rule 2\n"})
    wait_for("the second commit", lambda: is_synced(cluster, "prod", second))
    assert (value(cluster, "prod-one", "a"), value(cluster, "prod-rules", "rules.txt")) == ("2", "rule 2\n")
    assert server.behaviour.filtered - before == 2, "one fetch for the commit, one for all that is read of it"
    wait_for("the record of the second", lambda: noted(far, second))


def noted(far: Repository, sha: str) -> bool:
    """Whether the agent wrote its records of a commit into the repository."""
    shown = subprocess.run(
        ["git", "notes", f"--ref={notes.ref_of('test')}", "show", sha], cwd=far.bare, capture_output=True
    )
    return shown.returncode == 0


def test_contents_that_cannot_be_had_are_told_and_nothing_is_pruned(
    cluster: Cluster, repository: Repository, far: Repository, server: GitServer, agent: Agent
) -> None:
    near_sha = repository.commit("Near", {"apps/a.yaml": config_map("near")})
    first = far.commit("First", {"apps/a.yaml": config_map("kept"), "apps/b.yaml": config_map("too")})
    follow(cluster, "near", repoURL=str(repository.bare), path="apps")
    follow(cluster, "far", repoURL=server.url("bare.git"), path="apps")
    wait_for("both", lambda: is_synced(cluster, "far", first) and is_synced(cluster, "near", near_sha))

    changed = config_map("kept", "2")
    named = subprocess.run(["git", "hash-object", "--stdin"], input=changed.encode(), capture_output=True, check=True)
    server.behaviour.fails_for = named.stdout.strip()
    second = far.commit("Second", {"apps/a.yaml": changed, "apps/b.yaml": None})
    said = wait_for("the failure", lambda: message_of(cluster, "far") or None)
    assert "cannot read https://localhost" in said and "500" in said
    near_sha = repository.commit("Goes on", {"apps/a.yaml": config_map("near", "2")})
    wait_for("the other repository", lambda: is_synced(cluster, "near", near_sha))
    assert value(cluster, "kept", "a") != "2"
    assert cluster.get(CONFIG_MAPS, "too") is not None, "nothing is pruned meanwhile"

    server.behaviour.fails_for = b""
    wait_for("the second commit", lambda: is_synced(cluster, "far", second))
    assert value(cluster, "kept", "a") == "2"
