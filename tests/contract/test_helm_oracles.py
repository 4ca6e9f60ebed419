"""Charts beside the real helm: the same objects as `helm template`, object by object."""

import subprocess
from pathlib import Path

import pytest
import renderers
from git_repositories import Repository
from helm_charts import CHARTS, Given

from gitsync.git import mirrors
from gitsync.manifests import yamlgo
from gitsync.model import sources
from gitsync.render import layouts, rendering
from gitsync.render.buildenvironment import AppContext
from gitsync.sandbox import gotools
from operator_core.jsonvalues import Object, dig

pytestmark = pytest.mark.full


@pytest.mark.parametrize("given", CHARTS, ids=lambda given: given.name)
def test_helm_makes_the_same_objects(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    helm = renderers.program(gotools.HELM, request.config)
    monkeypatch.setenv("GITSYNC_HELM", str(helm))
    repository = Repository(tmp_path / "repository")
    repository.commit(given.files)
    mirror = mirrors.Mirrors(tmp_path / "mirrors").get(repository.url)
    source = sources.Source.model_validate({"repoURL": mirror.url, "path": "chart", "helm": given.helm})
    app = AppContext("release", destination="flink")
    ours = rendering.render_source(layouts.Place(source, mirror, mirror.resolve("main")), app)
    assert ours.errors == ()
    theirs = template(helm, repository.work, given, tmp_path / "home")
    assert theirs, "the chart makes something"
    assert by_name([without_sync_annotations(one.body) for one in ours.objects]) == by_name(theirs)


def template(helm: Path, work: Path, given: Given, home: Path) -> list[Object]:
    """What helm itself makes of the working directory."""
    home.mkdir()
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    if any("file://" in str(text) for text in given.files.values()):
        built = [str(helm), "dependency", "update", "chart", "--skip-refresh"]
        subprocess.run(built, cwd=work, env=environment, check=True, capture_output=True)
    crds = [] if given.helm.get("skipCrds") else ["--include-crds"]
    command = [str(helm), "template", "release", "chart", "--namespace=flink", *crds, *given.arguments]
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [one.value for one in yamlgo.load_all(done.stdout) if one.value is not None]


def without_sync_annotations(body: Object) -> Object:
    """Without what Helm's hooks mean to a sync; that is compared with Argo CD's rules elsewhere."""
    annotations = dig(body, "metadata", "annotations", default={})
    left = {key: value for key, value in annotations.items() if not key.startswith("argocd.argoproj.io/")}
    meta = {key: value for key, value in body["metadata"].items() if key != "annotations"}
    return {**body, "metadata": {**meta, **({"annotations": left} if left else {})}}


def by_name(objects: list[Object]) -> dict[tuple[str, str], Object]:
    found = {(one["kind"], one["metadata"]["name"]): one for one in objects}
    assert len(found) == len(objects)
    return found
