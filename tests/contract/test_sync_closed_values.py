"""An agent whose chart has a value file that SOPS encrypted: applied, pruned, refused where it was changed."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import renderers
from syncing import Agent, Cluster, Repository, wait_for

from gitsync.sandbox import gotools
from gitsync.settings import Settings
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, SECRETS

FILES = Path(__file__).parent / "sops"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: '{{ .Values.a | b64enc }}'}\n"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: left}\ndata: {a: '1'}\n"
ARGOCD = "helm: {valueFiles: [closed.yaml]}\n"


@pytest.fixture
def agent(
    cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Agent]:
    settings = Settings.model_validate(
        {
            "namespace": cluster.namespace,
            "destination_namespace": cluster.namespace,
            "poll_seconds": 0.3,
            "repo": str(repository.bare),
            "revision": "main",
            "path": "apps",
            "recurse": False,
            "prune": True,
            "helm": str(renderers.program(gotools.HELM, request.config)),
            "sops_age_key_file": str(FILES / "key.txt"),
        }
    )
    files = {"Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n", ".argocd-source.yaml": ARGOCD}
    files |= {"closed.yaml": (FILES / "all.yaml").read_text(), "templates/a.yaml": SECRET, "templates/b.yaml": MAP}
    repository.commit("Begin", {f"apps/{path}": text for path, text in files.items()})
    running = Agent(Client.connect(kubeconfig=kubeconfig), settings, tmp_path / "agent")
    yield running
    running.stop()


def test_a_chart_with_closed_values_is_applied_and_pruned(
    agent: Agent, cluster: Cluster, repository: Repository, tmp_path: Path
) -> None:
    live = wait_for("the Secret", lambda: cluster.get(SECRETS, "a"))
    assert base64.b64decode(live["data"]["a"]) == b"text"
    wait_for("the ConfigMap", lambda: cluster.get(CONFIG_MAPS, "left"))
    cluster.wait_synced(repository.commit("One less", {"apps/templates/b.yaml": None}))
    wait_for("a second render that has none of it either", lambda: cluster.get(CONFIG_MAPS, "left") is None)
    closed = (FILES / "all.yaml").read_text().replace("h_unencrypted: 3.25", "h_unencrypted: 4.25")
    repository.commit("Changed by hand", {"apps/closed.yaml": closed})
    assert "the value file closed.yaml of apps stays encrypted: its MAC does not fit" in cluster.wait_not_ready(
        "DecryptionFailed"
    )
    assert cluster.get(SECRETS, "a") is not None, "nothing is pruned"
