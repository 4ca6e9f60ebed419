"""A value file that the real sops encrypted, given to the real helm."""

from pathlib import Path

import pytest
import renderers
from git_repositories import Repository

from gitsync.git import mirrors
from gitsync.model import sources
from gitsync.render import agekeys, layouts, rendering
from gitsync.render.agekeys import AgeKeys
from gitsync.render.buildenvironment import AppContext
from gitsync.sandbox import gotools
from operator_core.errors import Reason, Stalled

FILES = Path(__file__).parent / "sops"
KEYS = AgeKeys(agekeys.identities_in((FILES / "key.txt").read_text()))
SECRET = (
    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n"
    '  all: {{ printf "%v %v %v %v" .Values.a .Values.b .Values.g.deep.er (index .Values.e 2) | b64enc }}\n'
)


def test_helm_gets_plain_values_without_a_file(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITSYNC_HELM", str(renderers.program(gotools.HELM, request.config)))
    repository = Repository(tmp_path / "repository")
    chart = {"chart/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n", "chart/templates/a.yaml": SECRET}
    repository.commit({**chart, "chart/secrets.yaml": (FILES / "all.yaml").read_text()})
    mirror = mirrors.Mirrors(tmp_path / "mirrors").get(repository.url)
    given = {"repoURL": mirror.url, "path": "chart", "helm": {"valueFiles": ["secrets.yaml"]}}
    place = layouts.Place(sources.Source.model_validate(given), mirror, mirror.resolve("main"))
    with pytest.raises(Stalled, match=r"the value file secrets\.yaml of chart stays encrypted") as caught:
        rendering.render_source(place, AppContext("release", destination="flink"))
    assert caught.value.reason is Reason.DecryptionFailed
    rendered = rendering.render_source(place, AppContext("release", destination="flink", open_key=KEYS.open_key))
    assert rendered.errors == ()
    assert [one.body["data"] for one in rendered.objects] == [{"all": "dGV4dCA3IDEwMDAgZmFsc2U="}]
