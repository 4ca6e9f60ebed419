"""What an app changes in its kustomization, as `kustomize edit` would."""

from typing import Any

import pytest

from gitsync.model.sources import Kustomize
from gitsync.render import kustomizeedits
from gitsync.render.kustomizations import Unfit

VALUES = {"ARGOCD_APP_NAME": "orders", "ARGOCD_APP_REVISION": "abc"}


def edited(content: dict[str, Any], **options: Any) -> dict[str, Any]:
    wanted = Kustomize.model_validate(options)
    return kustomizeedits.edits(wanted, "overlays/prod", VALUES, {"components/a"}.__contains__)(content)


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ({}, {"namePrefix": "a-", "nameSuffix": "-z"}, {"namePrefix": "a-", "nameSuffix": "-z"}),
        ({"namePrefix": "old-"}, {"namePrefix": "new-"}, {"namePrefix": "new-"}),
        ({"namespace": "old"}, {"namespace": "new"}, {"namespace": "new"}),
        ({}, {"images": ["web:2"]}, {"images": [{"name": "web", "newTag": "2"}]}),
        ({}, {"images": ["web@sha256:ab"]}, {"images": [{"name": "web", "digest": "sha256:ab"}]}),
        ({}, {"images": ["web=r/x"]}, {"images": [{"name": "web", "newName": "r/x"}]}),
        ({}, {"images": ["web=r:5000/x:2"]}, {"images": [{"name": "web", "newName": "r:5000/x", "newTag": "2"}]}),
        ({}, {"images": ["web:$ARGOCD_APP_NAME"]}, {"images": [{"name": "web", "newTag": "orders"}]}),
        (
            {"images": [{"name": "web", "newName": "old", "newTag": "1"}, {"name": "zoo", "newTag": "3"}]},
            {"images": ["web:2", "air:1"]},
            {
                "images": [
                    {"name": "air", "newTag": "1"},
                    {"name": "web", "newTag": "2"},
                    {"name": "zoo", "newTag": "3"},
                ]
            },
        ),
        (
            {"images": [{"name": "web", "newName": "old", "newTag": "1"}]},
            {"images": ["web=*:2"]},
            {"images": [{"name": "web", "newName": "old", "newTag": "2"}]},
        ),
        (
            {"replicas": [{"name": "b", "count": 1}, {"name": "c", "count": 9}]},
            {"replicas": [{"name": "b", "count": 3}, {"name": "a", "count": "2"}]},
            {"replicas": [{"name": "a", "count": 2}, {"name": "b", "count": 3}, {"name": "c", "count": 9}]},
        ),
        ({"commonLabels": {"a": "1"}}, {"commonLabels": {"b": "2"}}, {"commonLabels": {"a": "1", "b": "2"}}),
        (
            {"commonLabels": {"a": "1"}},
            {"commonLabels": {"a": "2"}, "forceCommonLabels": True},
            {"commonLabels": {"a": "2"}},
        ),
        (
            {"commonLabels": {"a": "1"}},
            {"commonLabels": {"b": "2"}, "labelWithoutSelector": True},
            {"commonLabels": {"a": "1"}, "labels": [{"pairs": {"b": "2"}, "includeSelectors": False}]},
        ),
        (
            {"labels": [{"pairs": {"a": "1"}, "includeTemplates": True}]},
            {"commonLabels": {"b": "2"}, "labelWithoutSelector": True, "labelIncludeTemplates": True},
            {"labels": [{"pairs": {"a": "1", "b": "2"}, "includeTemplates": True}]},
        ),
        (
            {},
            {"commonAnnotations": {"by": "$ARGOCD_APP_NAME-$UNKNOWN-$$"}},
            {"commonAnnotations": {"by": "$ARGOCD_APP_NAME-$UNKNOWN-$$"}},
        ),
        (
            {},
            {"commonAnnotations": {"by": "${ARGOCD_APP_NAME}-$UNKNOWN-$$"}, "commonAnnotationsEnvsubst": True},
            {"commonAnnotations": {"by": "orders--$"}},
        ),
        (
            {"patches": [{"path": "a.yaml"}]},
            {"patches": [{"patch": "- op: remove", "target": {"kind": "Deployment", "labelSelector": "a=b"}}]},
            {
                "patches": [
                    {"path": "a.yaml"},
                    {"patch": "- op: remove", "target": {"kind": "Deployment", "labelSelector": "a=b"}},
                ]
            },
        ),
        (
            {"components": ["../x"]},
            {"components": ["../../components/a", "../x"]},
            {"components": ["../x", "../../components/a"]},
        ),
        (
            {},
            {"components": ["../../components/a", "../../components/b"], "ignoreMissingComponents": True},
            {"components": ["../../components/a"]},
        ),
    ],
)
def test_every_option_is_the_edit_it_stands_for(
    content: dict[str, Any], options: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = str(content)
    assert edited(content, **options) == expected
    assert str(content) == before, "what was parsed is left as it is"


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        ({"commonLabels": {"a": "1"}}, {"commonLabels": {"a": "2"}}, "has 'a' already; set forceCommonLabels"),
        (
            {"commonAnnotations": {"a": "1"}},
            {"commonAnnotations": {"a": "2"}},
            "has 'a' already; set forceCommonAnnotations",
        ),
        ({}, {"images": ["web"]}, "'web' must be <image>=<new image>"),
        ({}, {"replicas": [{"name": "a", "count": "many"}]}, "'many' is no number"),
        ({}, {"commonLabels": {"a": "1"}, "labelIncludeTemplates": True}, "needs labelWithoutSelector"),
        ({"patches": {"a": 1}}, {"patches": [{"path": "a"}]}, "patches must be a list"),
    ],
)
def test_what_cannot_be_edited_is_named(content: dict[str, Any], options: dict[str, Any], told: str) -> None:
    with pytest.raises(Unfit) as raised:
        edited(content, **options)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"images": ["web:$ARGOCD_APP_REVISION_SHORT"]}, True),
        ({"images": ["web:$ARGOCD_APP_NAME"]}, False),
        ({"commonAnnotations": {"a": "$ARGOCD_APP_REVISION"}}, False),
        ({"commonAnnotations": {"a": "$ARGOCD_APP_REVISION"}, "commonAnnotationsEnvsubst": True}, True),
    ],
)
def test_edits_that_name_the_commit_differ_for_every_one(options: dict[str, Any], expected: bool) -> None:
    assert kustomizeedits.names_the_commit(Kustomize.model_validate(options)) is expected
