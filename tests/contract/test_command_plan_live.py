"""`gitsync plan --live` beside a real API server: the SyncApp says what is read and how."""

import json
from pathlib import Path

import pytest
from syncing import Agent, Cluster, Repository, Run, wait_for

from gitsync.settings import Settings
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, SYNC_APPS

FILES = Path(__file__).parent / "sops"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: '1'}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture
def settings(cluster: Cluster, repository: Repository) -> Settings:
    places = {"namespace": cluster.namespace, "destination_namespace": cluster.namespace, "poll_seconds": 3600}
    return Settings.model_validate({**places, "repo": str(repository.bare), "revision": "main", "path": "root"})


def test_the_options_of_the_app_count(
    settings: Settings, cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path, run: Run
) -> None:
    """The prefix of its names is in the SyncApp alone."""
    files = {"root/empty.yaml": "", "apps/one.yaml": MAP, "apps/kustomization.yaml": "resources: [one.yaml]\n"}
    repository.commit("Begin", files)
    agent = Agent(Client.connect(kubeconfig=kubeconfig), settings, tmp_path / "agent")
    try:
        source = {"repoURL": str(repository.bare), "targetRevision": "main", "path": "apps"}
        spec = {
            "source": {**source, "kustomize": {"namePrefix": "of-the-app-"}},
            "destination": {"namespace": cluster.namespace},
            "syncPolicy": {"automated": {}},
        }
        body = {"apiVersion": "gitsync.io/v1alpha1", "kind": "SyncApp", "metadata": {"name": "web"}, "spec": spec}
        cluster.client.send(requests.create(SYNC_APPS, cluster.namespace, body))
        wait_for("the app's object", lambda: cluster.get(CONFIG_MAPS, "of-the-app-one"))
    finally:
        agent.stop()
    live = ("plan", "--live", "--app", "web", "--repo", str(repository.bare), "-o", "json")
    code, text = run(*live, "main")
    assert code == 0, text
    repository.commit("Change", {"apps/one.yaml": MAP.replace("'1'", "'2'")})
    code, text = run(*live, "main")
    changes = json.loads(text)["changes"]
    assert code == 1 and [(one["action"], one["name"]) for one in changes] == [("change", "of-the-app-one")], text
    code, text = run(*live, "--path", "apps", "--destination-namespace", cluster.namespace, "main")
    changes = json.loads(text)["changes"]
    assert ("create", "one") in [(one["action"], one["name"]) for one in changes], "the command line's path wins"
