"""Fields of sources: what is refused, what has no effect, which source stands for an app, variables in texts."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gitsync.model import sources, syncapps
from gitsync.model.rendersets import InputFile, Lent, RenderSet
from gitsync.model.revisions import Revision
from gitsync.model.sources import Source
from gitsync.render import buildenvironment
from gitsync.render.buildenvironment import AppContext

REVISION = Revision("r", "main", "0123456789abcdef", datetime(2026, 1, 1, tzinfo=UTC), "dev", "text")


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ({"plugin": {"name": "x"}}, "plugin"),
        ({"directory": {"jsonnet": {"libs": ["x"]}}}, "directory.jsonnet"),
        ({"helm": {"values": "a: b"}, "kustomize": {"namePrefix": "x"}}, "helm"),
        ({"directory": {"recurse": True}, "kustomize": {"namePrefix": "x"}}, "kustomize"),
        ({"directory": {"include": "*", "detect": True}, "helm": {"releaseName": "x"}}, "helm"),
    ],
)
def test_what_is_refused_names_the_field(source: dict[str, Any], field: str) -> None:
    assert [name for name, _ in sources.problems(source)] == [field]


@pytest.mark.parametrize(
    "source",
    [
        {"plugin": {}, "kustomize": {"namePrefix": "x"}, "helm": {"valueFiles": [], "skipCrds": False}},
        {"directory": {"recurse": True, "jsonnet": {"tlas": []}}},
        {"directory": {"recurse": True, "detect": True}, "kustomize": {"namePrefix": "x"}},
    ],
)
def test_empty_options_of_other_tools_say_nothing(source: dict[str, Any]) -> None:
    assert list(sources.problems(source)) == []


def test_what_has_no_effect_is_told() -> None:
    told = list(sources.ignored({"kustomize": {"version": "v5.0.0"}, "helm": {"passCredentials": True}}))
    assert [one.split(" ")[0] for one in told] == ["kustomize.version", "helm.passCredentials"]


@pytest.mark.parametrize(
    ("spec", "main"),
    [
        ({"source": {"repoURL": "a"}}, "a"),
        ({"source": {"repoURL": "a"}, "sources": [{"repoURL": "b", "path": "."}]}, "b"),
        ({"sources": [{"repoURL": "a", "ref": "values"}, {"repoURL": "b", "path": "x"}]}, "b"),
        ({"sources": [{"repoURL": "a", "ref": "values"}]}, "a"),
    ],
)
def test_the_first_source_that_makes_objects_stands_for_the_app(spec: dict[str, Any], main: str) -> None:
    assert syncapps.Spec.model_validate(spec).main.repo_url == main


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$ARGOCD_APP_NAME", "orders"),
        ("${ARGOCD_APP_NAME}x", "ordersx"),
        ("$ARGOCD_APP_NAMEx", ""),
        ("$ARGOCD_APP_REVISION_SHORT/$ARGOCD_APP_REVISION_SHORT_8", "0123456/01234567"),
        ("$ARGOCD_APP_SOURCE_PATH@$ARGOCD_APP_SOURCE_TARGET_REVISION", "apps@v1"),
        ("$ARGOCD_APP_NAMESPACE|$ARGOCD_APP_PROJECT_NAME", "flink|default"),
        ("$$HOME", "$HOME"),
        ("$HOME", ""),
        ("a$", "a$"),
        ("a$ b", "a$ b"),
        ("${}x", "x"),
        ("${unclosed", "unclosed"),
        ("$1x", "x"),
    ],
)
def test_variables_are_filled_in_as_go_does(text: str, expected: str) -> None:
    source = Source.model_validate({"repoURL": "r", "path": "apps", "targetRevision": "v1"})
    app = AppContext("orders", "sys", "sys", destination="flink")
    assert buildenvironment.expanded(text, buildenvironment.variables(app, source, REVISION)) == expected


@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        (["charts/web/new.yaml"], True),
        (["env/prod.yaml"], True),
        (["env/other.yaml"], False),
        (["values/any/deep.yaml"], True),
        (["valuesx"], False),
        ([], False),
    ],
)
def test_what_a_render_watches_matters_beside_what_it_read(changed: list[str], touched: bool) -> None:
    one = RenderSet(REVISION, "charts/web", inputs=(InputFile("env/prod.yaml", "1"),), watched=("values",))
    assert one.touched_by(changed) is touched
    assert RenderSet(REVISION, "x", exact=True, watched=("",)).touched_by(changed) is bool(changed)


def test_files_that_others_lend_are_part_of_the_content() -> None:
    lent = [
        RenderSet(REVISION, "c", lent=(("values", Lent((InputFile("a.yaml", blob),))),)).content_key for blob in "12"
    ]
    assert lent[0] != lent[1]
