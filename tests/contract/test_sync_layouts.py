"""Charts, several sources, overrides and options beside the manifests, through the whole sync half."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubectls
import pytest
import renderers
from git_repositories import config_map as data_map
from syncing import Agent, Cluster, Repository, Start, wait_for

from gitsync.model import syncapps
from gitsync.model.syncapps import SyncApp
from gitsync.render.helm import Helm
from gitsync.sandbox import gotools
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

CHART = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "charts/web/values.yaml": "who: chart\nmore: chart\n",
    "charts/web/extra.txt": "of the chart\n",
    "charts/web/templates/map.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
data:
  who: {{ .Values.who | quote }}
  more: {{ .Values.more | quote }}
  file: {{ .Files.Get "extra.txt" | trim | quote }}
  outside: {{ .Files.Get "../../secret.txt" | quote }}
  flink: {{ .Capabilities.APIVersions.Has "flink.apache.org/v1beta1/FlinkDeployment" | quote }}
  recent: {{ semverCompare ">=1.28-0" .Capabilities.KubeVersion.Version | quote }}
""",
    "secret.txt": "not the chart's\n",
}


def config_map(name: str, value: str) -> str:
    return data_map(name, value=f'"{value}"')


def applied(app: SyncApp) -> tuple[str, ...]:
    """The commits of all sources that were applied."""
    return (app.status.sync.revisions if app.status.sync is not None else None) or ()


class World:
    """One agent whose root app holds SyncApps, and ways to look at what they make."""

    def __init__(self, cluster: Cluster, repository: Repository, begin: Callable[[], Agent]) -> None:
        self.cluster, self.repository, self.begin = cluster, repository, begin

    def app(self, name: str, *sources: Object, **spec: Any) -> str:
        """A SyncApp of these sources; the repository's own where they name none."""
        whole = [{"repoURL": str(self.repository.bare), "targetRevision": "main", **one} for one in sources]
        given = {"source": whole[0]} if len(whole) == 1 else {"sources": whole}
        destination = {"namespace": self.cluster.namespace}
        policy = {"automated": {"prune": True, "selfHeal": True}}
        body = {"apiVersion": syncapps.API_VERSION, "kind": syncapps.KIND, "metadata": {"name": name}}
        return json.dumps({**body, "spec": {**given, "destination": destination, "syncPolicy": policy, **spec}})

    def data(self, name: str) -> Object:
        found = self.cluster.get(requests.CONFIG_MAPS, name)
        return dig(found, "data", default={}) if found is not None else {}

    def wait_data(self, name: str, **expected: str) -> None:
        def is_so() -> bool:
            found = self.data(name)
            return all(found.get(key) == value for key, value in expected.items())

        wait_for(f"ConfigMap {name} with {expected}", is_so)

    def wait_told(self, name: str, text: str) -> str:
        def told() -> str | None:
            obj = self.cluster.get(requests.SYNC_APPS, name) or {}
            found = [one for one in dig(obj, "status", "conditions", default=[]) if one["type"] == "Ready"]
            return str(found[0]["message"]) if found and text in found[0]["message"] else None

        return wait_for(f"{name} to tell {text!r}", told)


@pytest.fixture
def world(
    cluster: Cluster, repository: Repository, start: Start, request: pytest.FixtureRequest, tmp_path: Path
) -> World:
    def begin() -> Agent:
        helm = renderers.program(gotools.HELM, request.config)
        return start(prune=True, helm=str(helm), kubectl=kubectls.kubectl(tmp_path))

    return World(cluster, repository, begin)


def test_a_chart_with_values_of_its_own_and_of_another_repository(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "values").mkdir()
    values = Repository(tmp_path / "values")
    values.commit("values", {"prod/web.yaml": "more: other\n", "README.md": "x"})
    helm = {"valueFiles": ["$values/prod/web.yaml"], "parameters": [{"name": "who", "value": "$ARGOCD_APP_NAME"}]}
    app = world.app(
        "web",
        {"path": "charts/web", "helm": helm},
        {"repoURL": str(values.bare), "ref": "values"},
        {"path": "plain"},
    )
    world.repository.commit("a chart", {**CHART, "apps/web.json": app, "plain/a.yaml": config_map("beside", "1")})
    runs: list[str] = []
    template = Helm.template

    def counted(self: Helm, chart: Any, *rest: Any) -> Any:
        runs.append(chart.directory)
        return template(self, chart, *rest)

    monkeypatch.setattr(Helm, "template", counted)
    world.begin()
    world.wait_data("web", who="web", more="other", file="of the chart", outside="", flink="true", recent="true")
    world.wait_data("beside", value="1")
    assert len(wait_for("the status", lambda: applied(world.cluster.app("web")) or None)) == 3
    assert runs == ["charts/web"]

    values.commit("not lent", {"README.md": "y", "prod/other.yaml": "more: nothing\n"})
    world.repository.commit("not read", {"docs/readme.md": "x"})
    changed = values.commit("lent", {"prod/web.yaml": "more: newer\n"})
    world.wait_data("web", who="web", more="newer")
    assert runs == ["charts/web", "charts/web"], "commits that touch nothing of the app run nothing"
    wait_for("the new revision", lambda: changed in applied(world.cluster.app("web")))


def test_helm_is_named_where_it_is_missing_and_other_apps_go_on(
    world: World, cluster: Cluster, start: Start, tmp_path: Path
) -> None:
    files = {
        **CHART,
        "apps/web.json": world.app("web", {"path": "charts/web"}),
        "apps/plain.json": world.app("plain", {"path": "plain"}),
        "plain/a.yaml": config_map("plain", "1"),
    }
    world.repository.commit("a chart and a plain app", files)
    start(helm=str(tmp_path / "no-helm"))
    text = world.wait_told("web", "charts/web is a Helm chart")
    assert "install it" in text
    assert {one.reason for one in cluster.app("web").status.conditions if one.type == "Ready"} == {"HelmUnavailable"}
    world.wait_data("plain", value="1")


def test_overrides_and_options_beside_the_manifests(world: World) -> None:
    kustomize = {
        "namePrefix": "x-",
        "images": ["web=registry.example.com/web:$ARGOCD_APP_NAME"],
        "commonAnnotations": {"team": "$ARGOCD_APP_NAMESPACE"},
        "commonAnnotationsEnvsubst": True,
        "components": ["../component"],
    }
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: 'web:1'}]}\n"
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n"
    files = {
        "base/kustomization.yaml": "resources: [map.yaml, pod.yaml]\n",
        "base/map.yaml": config_map("map", "1"),
        "base/pod.yaml": pod,
        "component/kustomization.yaml": component,
        "apps/one.json": world.app("one", {"path": "base", "kustomize": kustomize}),
        "apps/two.json": world.app("two", {"path": "base"}),
        "base/.argocd-source-two.yaml": "kustomize: {nameSuffix: -two}\nrepoURL: https://elsewhere.example.com/x\n",
    }
    world.repository.commit("two apps of one base", files)
    world.begin()
    world.wait_data("x-map-c", value="1")
    world.wait_data("map-two", value="1")
    found = wait_for("the pod", lambda: world.cluster.get(requests.PODS, "x-web-c"))
    assert found["spec"]["containers"][0]["image"] == "registry.example.com/web:one"
    assert found["metadata"]["annotations"]["team"] == world.cluster.namespace
    world.repository.commit("another suffix", {"base/.argocd-source-two.yaml": "kustomize: {nameSuffix: -new}\n"})
    world.wait_data("map-new", value="1")
    wait_for("the old one to go", lambda: world.data("map-two") == {})
    world.wait_data("x-map-c", value="1")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"path": "plain", "plugin": {"name": "x"}}, "spec.source.plugin is not supported"),
        ({"path": "plain", "directory": {"jsonnet": {"tlas": [{"name": "a"}]}}}, "spec.source.directory.jsonnet"),
        ({"path": "plain", "helm": {"releaseName": "a"}, "kustomize": {"namePrefix": "a"}}, "one tool at most"),
        ({"path": "plain", "kustomize": {"namePrefix": "a-"}}, "there is no kustomization.yaml"),
        ({"path": "plain", "helm": {"releaseName": "a"}}, "there is no Chart.yaml"),
    ],
    ids=["plugin", "jsonnet", "two-tools", "no-kustomization", "no-chart"],
)
def test_what_is_not_supported_is_named_in_one_condition(world: World, source: Object, told: str) -> None:
    files = {
        "apps/wrong.json": world.app("wrong", source),
        "apps/right.json": world.app("right", {"path": "plain"}),
        "plain/a.yaml": config_map("plain", "1"),
    }
    world.repository.commit("a wrong app and a right one", files)
    world.begin()
    world.wait_told("wrong", told)
    world.wait_data("plain", value="1")


def test_render_of_an_app_is_what_the_agent_applies(world: World, kubeconfig: Path, tmp_path: Path) -> None:
    app = world.app("web", {"path": "charts/web", "helm": {"valuesObject": {"who": "me"}}}, {"path": "plain"})
    world.repository.commit("a chart", {**CHART, "apps/web.json": app, "plain/a.yaml": config_map("beside", "1")})
    agent = world.begin()
    world.wait_data("web", who="me")
    environment = {"KUBECONFIG": str(kubeconfig), "GITSYNC_HELM": str(agent.settings.helm), "HOME": str(tmp_path)}
    words = ["render", "--app", "web", "--namespace", world.cluster.namespace, "-o", "json"]
    command = [sys.executable, "-m", "gitsync.cli.main", *words]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    objects = json.loads(done.stdout)
    assert [one["metadata"]["name"] for one in objects] == ["web", "beside"]
    assert objects[0]["data"] == world.data("web")


def test_one_app_per_directory(cluster: Cluster, repository: Repository, start: Start) -> None:
    repository.commit(
        "three teams",
        {
            "apps/top.yaml": config_map("top", "1"),
            "apps/Blue_Team/a.yaml": config_map("blue", "1"),
            "apps/red/deep/a.yaml": config_map("red", "1"),
            "apps/.hidden/a.yaml": config_map("hidden", "1"),
            "apps/docs/README.md": "no manifests",
        },
    )
    start(prune=True, app_per_directory=True)

    def names() -> set[str]:
        page = cluster.client.send(requests.listing(requests.SYNC_APPS, cluster.namespace))
        return {one["metadata"]["name"] for one in page["items"] if "deletionTimestamp" not in one["metadata"]}

    wait_for("an app per directory", lambda: names() == {"root", "blue-team", "red"})
    for name in ("top", "blue", "red"):
        wait_for(name, lambda name=name: cluster.get(requests.CONFIG_MAPS, name))  # type: ignore[misc]
    assert cluster.get(requests.CONFIG_MAPS, "hidden") is None
    root = cluster.app().status.sync
    repository.commit("one team changes", {"apps/red/deep/a.yaml": config_map("red", "2")})
    wait_for("the change", lambda: dig(cluster.get(requests.CONFIG_MAPS, "red"), "data", "value") == "2")
    assert cluster.app().status.sync == root, "a change within a directory is not the root app's"
    repository.commit("one goes", {"apps/red/deep/a.yaml": None})
    wait_for("the app and what it had to go", lambda: names() == {"root", "blue-team"})
    wait_for("its objects to go", lambda: cluster.get(requests.CONFIG_MAPS, "red") is None)
    repository.commit("a name that is taken", {"apps/root/a.yaml": config_map("x", "1")})
    message = cluster.wait_not_ready("RenderFailed")
    assert "apps/root" in message and "rename it" in message
    assert names() == {"root", "blue-team"}
