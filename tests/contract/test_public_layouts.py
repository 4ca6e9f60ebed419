"""The layouts of public examples, rendered to the objects that the tools themselves make of them."""

import subprocess
from pathlib import Path

import public_layouts
import pytest
import renderers
from git_repositories import Repository

from gitsync.git import mirrors
from gitsync.manifests import yamlgo
from gitsync.model import sources
from gitsync.model.rendersets import RenderSet
from gitsync.render import applications, layouts, rendering
from gitsync.render.applications import Child
from gitsync.render.buildenvironment import AppContext
from gitsync.sandbox import gotools
from operator_core.jsonvalues import Object


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository")
    made.commit(public_layouts.FILES)
    return made


def render(repository: Repository, path: str, **options: object) -> RenderSet:
    mirror = mirrors.Mirrors(repository.bare.parent / "mirrors").get(repository.url)
    source = sources.Source.model_validate({"repoURL": mirror.url, "path": path, **options})
    return rendering.render_source(
        layouts.Place(source, mirror, mirror.resolve("main")), AppContext("release", destination="default")
    )


def bodies(rendered: RenderSet) -> list[Object]:
    assert rendered.errors == ()
    return [one.body for one in rendered.objects]


def documents(text: str) -> list[Object]:
    return [one.value for one in yamlgo.load_all(text) if one.value is not None]


@pytest.mark.parametrize("path", ["guestbook", "sync-waves", "pre-post-sync", "flink"])
def test_directories_of_manifests(repository: Repository, path: str) -> None:
    files = sorted(name for name in public_layouts.FILES if name.startswith(f"{path}/"))
    expected = [body for name in files for body in documents(public_layouts.FILES[name])]
    assert expected
    assert bodies(render(repository, path)) == expected


def test_jsonnet_is_refused_with_a_reason(repository: Repository) -> None:
    rendered = render(repository, "jsonnet-guestbook")
    told = "Jsonnet is not evaluated: render it before committing, or exclude the file"
    assert [str(one) for one in rendered.errors] == [f"jsonnet-guestbook/guestbook.jsonnet: {told}"]


@pytest.mark.full
@pytest.mark.parametrize("path", ["kustomize-guestbook", "flink-kustomize", "flink-base"])
def test_kustomizations_beside_kustomize(repository: Repository, path: str, request: pytest.FixtureRequest) -> None:
    kustomize = renderers.program(gotools.KUSTOMIZE, request.config)
    built = subprocess.run([kustomize, "build", repository.work / path], check=True, capture_output=True, text=True)
    assert by_name(bodies(render(repository, path))) == by_name(documents(built.stdout))


@pytest.mark.full
@pytest.mark.parametrize(
    ("path", "options", "arguments"),
    [
        ("helm-guestbook", {}, []),
        ("helm-guestbook", {"valueFiles": ["values-production.yaml"]}, ["--values=values-production.yaml"]),
        ("flink-chart", {}, []),
        (
            "flink-chart",
            {"parameters": [{"name": "jobs.orders.parallelism", "value": "8"}]},
            ["--set=jobs.orders.parallelism=8"],
        ),
    ],
)
def test_charts_beside_helm(
    repository: Repository,
    path: str,
    options: Object,
    arguments: list[str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    helm = renderers.program(gotools.HELM, request.config)
    monkeypatch.setenv("GITSYNC_HELM", str(helm))
    command = [helm, "template", "release", ".", "--namespace=default", *arguments]
    made = subprocess.run(command, cwd=repository.work / path, check=True, capture_output=True, text=True)
    assert by_name(bodies(render(repository, path, helm=options))) == by_name(documents(made.stdout))


@pytest.mark.full
def test_an_app_of_apps_that_is_a_chart(
    repository: Repository, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITSYNC_HELM", str(renderers.program(gotools.HELM, request.config)))
    made = [applications.translate(body, "gitsync-system") for body in bodies(render(repository, "apps"))]
    children = {one.name: one.body["spec"] for one in made if isinstance(one, Child)}
    assert len(children) == len(made) == 3
    assert children["sync-waves"]["source"] == {
        "repoURL": "https://git.example.org/apps",
        "targetRevision": "HEAD",
        "path": "sync-waves",
    }
    assert {name: spec["destination"]["namespace"] for name, spec in children.items()} == {
        name: name for name in ("guestbook", "kustomize-guestbook", "sync-waves")
    }


def by_name(objects: list[Object]) -> dict[tuple[str, str], Object]:
    assert objects
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}
