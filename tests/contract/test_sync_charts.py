"""An agent whose apps are charts of a Helm repository and of a registry, rendered by the real helm."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import renderers
import trustme
from chart_servers import ChartServer, chart, depending, packed
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


OPEN_TO_GIT: Object = {"sourceRepos": ["/**"], "destinations": [{"server": "*", "namespace": "*"}]}


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
            "projects": {"closed": closed, "git": OPEN_TO_GIT},
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

        # Charts whose lock names charts of the repository and of the registry.
        for name in ("first", "second"):
            server.publish(name, "1.0.0", packed(name, named(name)))
        server.push("third", "2.1.0", packed("third", named("third")))
        places = {"first": (server.url, "1.x"), "second": (f"{server.url}/", "~1.0"), "third": (server.oci, ">=2")}
        wanted = [{"name": name, "version": v, "repository": url} for name, (url, v) in places.items()]
        exact = {"first": "1.0.0", "second": "1.0.0", "third": "2.1.0"}
        found = [{**one, "version": exact[one["name"]]} for one in wanted]
        files = depending("web", wanted, found)
        repository.commit("A chart", {f"web/{path}": text for path, text in files.items()})
        own: Object = {"repoURL": str(repository.bare), "targetRevision": "main", "path": "web"}
        values = {"first": {"a": "set"}}
        follow(cluster, "locked", {**own, "helm": {"valuesObject": values}})
        for name, value in {"locked": "1", "locked-first": "set", "locked-second": "1", "locked-third": "1"}.items():
            wait_data(cluster, name, value)
        follow(cluster, "unlocked", own, project="git")
        told = "web/Chart.yaml: the dependency first: the project 'git' does not allow the repository"
        wait_told(cluster, "unlocked", told)
    finally:
        agent.stop()


def named(name: str) -> dict[str, str]:
    """A chart whose ConfigMap does not have the name of its release alone."""
    files = chart(name, "2.1.0" if name == "third" else "1.0.0")
    files["templates/map.yaml"] = files["templates/map.yaml"].replace("}}\ndata", f"}}}}-{name}\ndata")
    return files


def wait_data(cluster: Cluster, name: str, value: str) -> None:
    """The chart's ConfigMap with this value."""

    def probe() -> bool:
        live = cluster.get(CONFIG_MAPS, name)
        return live is not None and live["data"] == {"a": value}

    wait_for(f"{name} with {value}", probe)


def wait_told(cluster: Cluster, name: str, text: str) -> None:
    """The app's condition says this."""
    wait_for(f"{name} to tell {text!r}", lambda: text in message_of(cluster, name))
