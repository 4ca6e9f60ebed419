"""A chart with the real helm reaches nothing outside of itself: no network, no cluster, no plugin, no file."""

from pathlib import Path

import pytest
import renderers
from git_repositories import Repository

from gitsync.git import mirrors
from gitsync.model import sources
from gitsync.model.rendersets import RenderSet
from gitsync.render import layouts, rendering
from gitsync.render.buildenvironment import AppContext
from gitsync.sandbox import gotools
from operator_core.jsonvalues import Object

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n"


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A place that every program which must not run would make; the agent's environment asks for them all."""
    mark, program = tmp_path / "ran", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    plugin = tmp_path / "plugins/own"
    plugin.mkdir(parents=True)
    hooks = "platformHooks: {}\ndownloaders:\n- {command: ../../program, protocols: [own]}\n"
    (plugin / "plugin.yaml").write_text(f"name: own\nversion: 0.1.0\ncommand: ../../program\n{hooks}")
    for name, value in {
        "HELM_PLUGINS": str(tmp_path / "plugins"),
        "HELM_POST_RENDERER": str(program),
        "HELM_DEBUG": "true",
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
        "SECRET_OF_THE_AGENT": "s3cret",
        "GITSYNC_HELM": str(renderers.program(gotools.HELM, request.config)),
    }.items():
        monkeypatch.setenv(name, value)
    return mark


def rendered(tmp_path: Path, data: str, helm: Object | None = None, files: dict[str, str] | None = None) -> RenderSet:
    repository = Repository(tmp_path / "repository")
    chart = {"chart/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n", "chart/templates/a.yaml": MAP + data}
    repository.commit({**chart, "outside.txt": "outside", **(files or {})})
    mirror = mirrors.Mirrors(tmp_path / "mirrors").get(repository.url)
    source = sources.Source.model_validate({"repoURL": mirror.url, "path": "chart", "helm": helm})
    place = layouts.Place(source, mirror, mirror.resolve("main"))
    return rendering.render_source(place, AppContext("release", destination="default"))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ('  a: {{ getHostByName "localhost" | quote }}\n', ""),
        ('  a: {{ (lookup "v1" "Namespace" "" "default").metadata | quote }}\n', ""),
        ('  a: {{ .Files.Get "../outside.txt" | quote }}\n', ""),
        ('  a: {{ .Files.Get "/etc/passwd" | quote }}\n', ""),
        ('  a: {{ env "SECRET_OF_THE_AGENT" | quote }}\n', 'function "env" not defined'),
        ('  a: {{ expandenv "$SECRET_OF_THE_AGENT" | quote }}\n', 'function "expandenv" not defined'),
        ('  a: {{ readFile "/etc/passwd" | quote }}\n', 'function "readFile" not defined'),
    ],
)
def test_a_chart_reaches_nothing_outside(marked: Path, tmp_path: Path, data: str, told: str) -> None:
    found = rendered(tmp_path, data)
    if told:
        assert told in "; ".join(map(str, found.errors)) and not found.objects
    else:
        assert found.errors == ()
        assert [one.body["data"]["a"] or "" for one in found.objects] == [""]
    assert not marked.exists()


@pytest.mark.parametrize(
    "parameter",
    [
        {"name": "a", "value": "x --post-renderer=/bin/true"},
        {"name": "a", "value": "x\n--post-renderer\n/bin/true"},
        {"name": "--post-renderer", "value": "/bin/true"},
        {"name": "a", "value": "own://x"},
    ],
)
def test_values_are_never_options(marked: Path, tmp_path: Path, parameter: dict[str, str]) -> None:
    found = rendered(tmp_path, "  a: {{ .Values.a | quote }}\n", {"parameters": [parameter]})
    assert found.errors == ()
    wanted = parameter["value"] if parameter["name"] == "a" else ""
    assert [one.body["data"]["a"] or "" for one in found.objects] == [wanted]
    assert not marked.exists()


def test_a_chart_names_no_post_renderer_and_no_plugin_of_its_own(marked: Path, tmp_path: Path) -> None:
    files = {
        "chart/plugin.yaml": "name: own\nversion: 0.1.0\ncommand: ./run.sh\n",
        "chart/run.sh": f"#!/bin/sh\ntouch {marked}\n",
        "chart/.helm/plugins/own/plugin.yaml": "name: own\nversion: 0.1.0\ncommand: ./run.sh\n",
    }
    found = rendered(tmp_path, "  a: b\n", None, files)
    assert [one.body["data"] for one in found.objects] == [{"a": "b"}]
    assert not marked.exists()
