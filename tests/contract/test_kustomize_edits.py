"""Overrides of apps against the real `kustomize edit`: the same kustomization comes out."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import renderers
import yaml

from gitsync.model.sources import Kustomize
from gitsync.render import kustomizeedits
from gitsync.sandbox import gotools

GIVEN = """\
resources: [a.yaml]
images:
- {name: web, newName: old/web, newTag: "1"}
- {name: zoo, newTag: "3"}
replicas:
- {name: b, count: 1}
commonLabels: {team: one}
labels:
- pairs: {plain: "1"}
commonAnnotations: {note: one}
components: [c1]
"""


@pytest.mark.parametrize(
    ("options", "command"),
    [
        ({"namePrefix": "a-"}, ["set", "nameprefix", "--", "a-"]),
        ({"nameSuffix": "-a"}, ["set", "namesuffix", "--", "-a"]),
        ({"namespace": "n"}, ["set", "namespace", "--", "n"]),
        ({"images": ["web:2"]}, ["set", "image", "web:2"]),
        ({"images": ["web=*:2"]}, ["set", "image", "web=*:2"]),
        ({"images": ["web=r:5000/x"]}, ["set", "image", "web=r:5000/x"]),
        ({"images": ["air@sha256:ab", "zoo=new"]}, ["set", "image", "air@sha256:ab", "zoo=new"]),
        ({"replicas": [{"name": "a", "count": 2}, {"name": "b", "count": 3}]}, ["set", "replicas", "a=2", "b=3"]),
        ({"commonLabels": {"x": "y"}}, ["add", "label", "x:y"]),
        ({"commonLabels": {"team": "y"}, "forceCommonLabels": True}, ["add", "label", "--force", "team:y"]),
        (
            {"commonLabels": {"x": "y"}, "labelWithoutSelector": True},
            ["add", "label", "--without-selector", "x:y"],
        ),
        (
            {"commonLabels": {"x": "y"}, "labelWithoutSelector": True, "labelIncludeTemplates": True},
            ["add", "label", "--without-selector", "--include-templates", "x:y"],
        ),
        ({"commonAnnotations": {"x": "y"}}, ["add", "annotation", "x:y"]),
        (
            {"commonAnnotations": {"note": "y"}, "forceCommonAnnotations": True},
            ["add", "annotation", "--force", "note:y"],
        ),
        ({"components": ["c2"]}, ["add", "component", "c2"]),
    ],
)
def test_an_override_is_what_kustomize_edits(
    options: dict[str, Any], command: list[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kustomize = renderers.program(gotools.KUSTOMIZE, request.config)
    for name in ("c1", "c2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kustomization.yaml").write_text(
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        )
    place = tmp_path / "kustomization.yaml"
    place.write_text(GIVEN)
    subprocess.run([kustomize, "edit", *command], cwd=tmp_path, check=True, capture_output=True)
    wanted = kustomizeedits.edits(Kustomize.model_validate(options), "", {}, lambda _: True)
    assert plain(wanted(yaml.safe_load(GIVEN))) == plain(yaml.safe_load(place.read_text()))


def plain(content: dict[str, Any]) -> dict[str, Any]:
    """Without what `edit` always adds, and without what says the default."""
    rest = {key: value for key, value in content.items() if key not in ("apiVersion", "kind")}
    labels = [{key: value for key, value in one.items() if value is not False} for one in rest["labels"]]
    return {**rest, "labels": labels}
