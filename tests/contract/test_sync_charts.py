"""An agent whose apps are charts of a Helm repository and of a registry, rendered by the real helm."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import renderers
import trustme
from chart_servers import ChartServer, chart, packed
from syncing import Agent, Cluster, Repository, wait_for
from test_sync_hostile_content import message_of

from gitsync.sandbox import gotools
from gitsync.settings import Settings
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import CONFIG_MAPS, SYNC_APPS


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return made


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[ChartServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ChartServer(context) as running:
        yield running


def follow(cluster: Cluster, name: str, *sources: Object, project: str = "default") -> None:
    spec: Object = {
        "project": project,
        "sources": list(sources),
        "destination": {"namespace": cluster.namespace},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    }
    if len(sources) == 1:
        spec["source"] = spec.pop("sources")[0]
    body = {"apiVersion": "gitsync.io/v1alpha1", "kind": "SyncApp", "metadata": {"name": name}, "spec": spec}
    cluster.client.send(requests.create(SYNC_APPS, cluster.namespace, body))


def test_charts_of_a_repository_and_a_registry(
    cluster: Cluster,
    repository: Repository,
    server: ChartServer,
    kubeconfig: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    helm = renderers.program(gotools.HELM, request.config)
    server.publish("app", "1.2.0", packed("app", chart("app", "1.2.0", "old")))
    server.push("app", "3.0.0", packed("app", chart("app", "3.0.0", "registry")))
    repository.commit("Values", {"values/prod.yaml": "a: lent\n"})
    closed: Object = {"sourceRepos": ["https://example.org/*"], "destinations": [{"server": "*", "namespace": "*"}]}
    settings = Settings.model_validate(
        {
            "namespace": cluster.namespace,
            "destination_namespace": cluster.namespace,
            "poll_seconds": 0.4,
            "git_ca_file": str(tmp_path / "ca.pem"),
            "helm": str(helm),
            "projects": {"closed": closed},
            "cluster": "test",
        }
    )
    agent = Agent(Client.connect(kubeconfig=kubeconfig), settings, tmp_path / "agent")
    try:
        plain: Object = {"repoURL": server.url, "chart": "app", "targetRevision": "1.*"}
        follow(cluster, "plain", plain)
        values: Object = {"repoURL": str(repository.bare), "targetRevision": "main", "ref": "values"}
        follow(cluster, "lent", {**plain, "helm": {"valueFiles": ["$values/values/prod.yaml"]}}, values)
        follow(cluster, "registry", {"repoURL": server.oci, "chart": "app", "targetRevision": ">=2"})
        follow(cluster, "refused", plain, project="closed")
        follow(cluster, "missing", {**plain, "chart": "other"})
        wait_data(cluster, "plain", "old")
        wait_data(cluster, "lent", "lent")
        wait_data(cluster, "registry", "registry")
        wait_told(cluster, "refused", "the project 'closed' does not allow the repository")
        wait_told(cluster, "missing", "has no chart 'other'; it has app")
        server.publish("app", "1.3.0", packed("app", chart("app", "1.3.0", "new")))
        wait_data(cluster, "plain", "new")
        server.publish("app", "1.4.0", packed("app", chart("app", "1.4.0", "forged")), digest="0" * 64)
        wait_told(cluster, "plain", "app 1.4.0 is not what its repository says")
        wait_data(cluster, "plain", "new")
    finally:
        agent.stop()


def wait_data(cluster: Cluster, name: str, value: str) -> None:
    """The chart's ConfigMap with this value."""

    def probe() -> bool:
        live = cluster.get(CONFIG_MAPS, name)
        return live is not None and live["data"] == {"a": value}

    wait_for(f"{name} with {value}", probe)


def wait_told(cluster: Cluster, name: str, text: str) -> None:
    """The app's condition says this."""
    wait_for(f"{name} to tell {text!r}", lambda: text in message_of(cluster, name))
