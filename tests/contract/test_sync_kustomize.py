"""Kustomize overlays through the whole sync half: built beside the passes, applied like anything else."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import kubectls
import pytest
from git_repositories import run_git
from syncing import Agent, Cluster, Repository, wait_for

from gitsync.render.kustomize import Kustomize
from gitsync.settings import Settings
from operator_core.jsonvalues import dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS

BASE = "resources: [one.yaml]\n"
ONE = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: "%s"}\n'
OVERLAY = "resources: [../../base]\nnamePrefix: prod-\n"


@pytest.fixture
def start(cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path) -> Iterator[Callable[[], Agent]]:
    settings = Settings.model_validate(
        {
            "repo": str(repository.bare),
            "revision": "main",
            "path": "overlays/prod",
            "cluster": "test",
            "namespace": cluster.namespace,
            "destination_namespace": cluster.namespace,
            "poll_seconds": 0.2,
            "kubectl": kubectls.kubectl(tmp_path),
        }
    )
    with contextlib.ExitStack() as agents:

        def begin() -> Agent:
            agent = Agent(Client.connect(kubeconfig=kubeconfig), settings, tmp_path / "agent")
            agents.callback(agent.stop)
            return agent

        yield begin


def data(cluster: Cluster) -> str:
    return str(dig(cluster.get(CONFIG_MAPS, "prod-one"), "data", "a", default=""))


def test_an_overlay_follows_its_base_and_nothing_else(
    cluster: Cluster, repository: Repository, start: Callable[[], Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    builds: list[str] = []
    build = Kustomize.build

    def counted(self, directory, entries, contents):  # type: ignore[no-untyped-def]
        builds.append(directory)
        return build(self, directory, entries, contents)

    monkeypatch.setattr(Kustomize, "build", counted)
    files = {"base/kustomization.yaml": BASE, "base/one.yaml": ONE % cluster.namespace}
    first = repository.commit("first", {**files, "overlays/prod/kustomization.yaml": OVERLAY})
    agent = start()
    app = cluster.wait_synced(first)
    assert [entry.id for entry in app.status.inventory] == [f"/ConfigMap:{cluster.namespace}/prod-one"]
    assert data(cluster) == cluster.namespace
    wait_for("write-back", lambda: cluster.condition("WriteBack")[0] == "True" or None)
    before, requests_before = len(builds), agent.half.client.requests_sent
    unrelated = repository.commit("unrelated", {"overlays/prod/README.md": "x", "base/other.txt": "x"})
    url, ref = str(repository.bare), "main"
    wait_for("the commit to be seen", lambda: agent.half.newest(url, ref) == unrelated or None)
    wait_for("the pass to end", lambda: agent.half.depth == 0 or None)
    assert (len(builds), agent.half.client.requests_sent) == (before, requests_before)
    assert before == 1
    second = repository.commit("change the base", {"base/one.yaml": ONE % "changed"})
    cluster.wait_synced(second)
    assert data(cluster) == "changed"
    page = wait_for(
        "the status page",
        lambda: (
            text if "root" in (text := run_git("show", "gitsync/status/test:README.md", at=repository.bare)) else None
        ),
    )
    assert "| [root](apps/root.json) |" in page


def test_a_broken_overlay_keeps_what_runs_also_after_a_restart(
    cluster: Cluster, repository: Repository, start: Callable[[], Agent]
) -> None:
    files = {"base/kustomization.yaml": BASE, "base/one.yaml": ONE % f"kept-{cluster.namespace}"}
    first = repository.commit("first", {**files, "overlays/prod/kustomization.yaml": OVERLAY})
    agent = start()
    cluster.wait_synced(first)
    repository.commit("break it", {"overlays/prod/kustomization.yaml": OVERLAY + "patches:\n- path: gone.yaml\n"})
    message = cluster.wait_not_ready("RenderFailed")
    assert "overlays/prod/kustomization.yaml:4: 'gone.yaml' cannot be read" in message
    assert f"(revision {first[:7]} stays applied)" in message
    agent.stop()
    patch = {"data": {"a": "drifted"}}
    cluster.client.send(requests.merge_patch(CONFIG_MAPS, cluster.namespace, "prod-one", patch))
    start()
    wait_for("the drift to be undone", lambda: data(cluster) == f"kept-{cluster.namespace}" or None)
    assert cluster.condition("Ready")[1] == "RenderFailed"
    healed = repository.commit("mend it", {"overlays/prod/kustomization.yaml": OVERLAY})
    cluster.wait_synced(healed)
