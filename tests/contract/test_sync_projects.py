"""Projects of the settings and AppProjects of the cluster, as a running agent keeps them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from syncing import Agent, Cluster, Repository, wait_for

from gitsync.settings import Settings
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, SYNC_APPS, Resource

Start = Callable[..., None]
APP_PROJECTS = Resource("argoproj.io", "v1alpha1", "appprojects", "AppProject")
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
SECRET = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: hidden}\n"


@pytest.fixture
def start(cluster: Cluster, repository: Repository, kubeconfig: Path, tmp_path: Path) -> Iterator[Start]:
    agents: list[Agent] = []

    def begin(**changes: object) -> None:
        places = {"namespace": cluster.namespace, "destination_namespace": cluster.namespace, "poll_seconds": 0.3}
        source = {"repo": str(repository.bare), "revision": "main", "path": "apps", "prune": True}
        settings = Settings.model_validate({**places, **source, **changes})
        agents.append(Agent(Client.connect(kubeconfig=kubeconfig), settings, tmp_path / "agent"))

    yield begin
    for agent in agents:
        agent.stop()


def join(cluster: Cluster, project: str) -> None:
    """Put the root app into a project."""
    body: Object = {"spec": {"project": project}}
    cluster.client.send(requests.merge_patch(SYNC_APPS, cluster.namespace, "root", body))


def test_a_kind_the_project_does_not_allow_stops_the_revision(
    cluster: Cluster, repository: Repository, start: Start
) -> None:
    spec = {
        "sourceRepos": [str(repository.bare.parent) + "/*"],
        "destinations": [{"server": "*", "namespace": cluster.namespace}],
        "namespaceResourceWhitelist": [{"group": "", "kind": "ConfigMap"}],
    }
    sha = repository.commit("First", {"apps/a.yaml": MAP})
    start(projects={"team": spec, "narrow": {**spec, "sourceRepos": ["https://example.org/*"]}})
    cluster.wait_synced(sha)
    join(cluster, "team")
    repository.commit("A secret", {"apps/a.yaml": MAP.replace("one", "two") + SECRET})
    message = cluster.wait_not_ready("ProjectRefused")
    assert "the project 'team' does not allow the kind Secret: namespaceResourceWhitelist does not have it" in message
    assert "apps/a.yaml" in message
    assert cluster.get(CONFIG_MAPS, "one") is not None, "nothing of it is applied, nothing is pruned"
    assert cluster.get(CONFIG_MAPS, "two") is None
    join(cluster, "narrow")
    wait_for("the repository's refusal", lambda: "sourceRepos has" in cluster.condition("Ready")[2] or None)
    join(cluster, "nobody")
    wait_for("an unknown name", lambda: "there is no project 'nobody'; there are narrow, team" in told(cluster) or None)
    join(cluster, "team")
    cluster.wait_synced(repository.commit("Back", {"apps/a.yaml": MAP}))


def told(cluster: Cluster) -> str:
    return cluster.condition("Ready")[2]


def test_app_projects_of_the_cluster(cluster: Cluster, repository: Repository, start: Start) -> None:
    define_app_projects(cluster)
    sha = repository.commit("First", {"apps/a.yaml": MAP})
    start()
    cluster.wait_synced(sha)
    join(cluster, "team")
    assert "there is no project 'team'" in cluster.wait_not_ready("ProjectRefused")
    spec: Object = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "elsewhere"}]}
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "team"}, "spec": spec}
    cluster.client.send(requests.create(APP_PROJECTS, cluster.namespace, body))
    wait_for("its rule", lambda: "destinations has 'elsewhere'" in told(cluster) or None)
    wider = {"spec": {"destinations": [{"server": "*", "namespace": "*"}]}}
    cluster.client.send(requests.merge_patch(APP_PROJECTS, cluster.namespace, "team", wider))
    cluster.wait_synced(sha)
    cluster.client.send(requests.delete(requests.CRDS, None, "appprojects.argoproj.io"))


def define_app_projects(cluster: Cluster) -> None:
    """The kind as Argo CD installs it, with a schema that keeps everything."""
    keep = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": keep}}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "AppProject", "plural": "appprojects", "singular": "appproject", "listKind": "AppProjectList"}
    spec: Object = {"group": "argoproj.io", "scope": "Namespaced", "names": names, "versions": [version]}
    body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
    cluster.client.send(requests.create(requests.CRDS, None, {**body, "metadata": {"name": "appprojects.argoproj.io"}}))

    def established() -> bool:
        live = cluster.client.send(requests.get(requests.CRDS, None, "appprojects.argoproj.io"))
        conditions = (live.get("status") or {}).get("conditions") or []
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

    wait_for("the kind AppProject", established)
