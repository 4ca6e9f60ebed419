"""Which Applications become which SyncApps, and which are refused by which name."""

import copy
from typing import Any

import pytest

from gitsync.model import syncapps
from gitsync.render import applications
from gitsync.render.applications import Child, Refused

APPLICATION: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "orders", "namespace": "argocd"},
    "spec": {
        "project": "default",
        "source": {"repoURL": "https://example.com/r.git", "path": "apps/orders", "targetRevision": "main"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "flink"},
    },
}


def application(**changes: Any) -> dict[str, Any]:
    """The Application with members of its spec replaced; `source__x` changes one of the source."""
    body = copy.deepcopy(APPLICATION)
    for key, value in changes.items():
        if key.startswith("source__"):
            body["spec"]["source"][key.removeprefix("source__")] = value
        else:
            body["spec"][key] = value
    return body


def child(body: dict[str, Any]) -> Child:
    answer = applications.translate(body, "gitsync-system")
    assert isinstance(answer, Child), answer
    syncapps.parse(answer.body)
    return answer


def reasons(body: dict[str, Any]) -> dict[str, str]:
    answer = applications.translate(body, "gitsync-system")
    assert isinstance(answer, Refused), answer
    return dict(answer.reasons)


def test_an_application_becomes_a_sync_app_in_the_agents_namespace() -> None:
    made = child(application())
    assert made.body == {
        "apiVersion": "gitsync.io/v1alpha1",
        "kind": "SyncApp",
        "metadata": {"name": "orders", "namespace": "gitsync-system"},
        "spec": APPLICATION["spec"],
    }
    assert (made.cascades, made.notes) == (False, ())


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"syncPolicy": {"automated": {}}}, "syncPolicy", {"automated": {}}),
        ({"syncPolicy": {"automated": None}}, "syncPolicy", {}),
        (
            {"syncPolicy": {"automated": {"prune": True, "selfHeal": True}}},
            "syncPolicy",
            {"automated": {"prune": True, "selfHeal": True}},
        ),
        (
            {"syncPolicy": {"syncOptions": ["CreateNamespace=true"]}},
            "syncPolicy",
            {"syncOptions": ["CreateNamespace=true"]},
        ),
        ({"revisionHistoryLimit": 3}, "revisionHistoryLimit", 3),
        ({"syncPolicy": {"retry": {"limit": 5}}}, "syncPolicy", {"retry": {"limit": 5}}),
        ({"syncPolicy": {"syncOptions": ["Prune=false"]}}, "syncPolicy", {"syncOptions": ["Prune=false"]}),
        ({"syncPolicy": {"syncOptions": ["Prune=true"]}}, "syncPolicy", {"syncOptions": ["Prune=true"]}),
        (
            {"ignoreDifferences": [{"kind": "Pod", "jsonPointers": ["/spec/x"]}]},
            "ignoreDifferences",
            [{"kind": "Pod", "jsonPointers": ["/spec/x"]}],
        ),
        ({"project": ""}, "project", "default"),
    ],
)
def test_what_a_sync_app_has_is_carried_over(changes: dict[str, Any], field: str, expected: Any) -> None:
    assert child(application(**changes)).body["spec"][field] == expected


def test_directory_options_are_carried_and_empty_ones_of_other_tools_say_nothing() -> None:
    given = application(
        source__directory={"recurse": True, "include": "*.yaml", "jsonnet": {}},
        source__helm={"valueFiles": [], "skipCrds": False},
        source__plugin=None,
    )
    assert child(given).body["spec"]["source"]["directory"] == {"recurse": True, "include": "*.yaml"}


def test_a_single_entry_of_sources_is_the_source_and_wins_over_it() -> None:
    given = application(sources=[{"repoURL": "https://example.com/other.git", "path": "x"}])
    assert child(given).body["spec"]["source"] == {"repoURL": "https://example.com/other.git", "path": "x"}


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"info": [{"name": "a", "value": "b"}]}, "spec.info is left out"),
    ],
)
def test_what_changes_nothing_is_left_out_and_told(changes: dict[str, Any], note: str) -> None:
    assert note in " ".join(child(application(**changes)).notes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"source__plugin": {"name": "x"}}, "spec.source.plugin"),
        ({"sourceHydrator": {"drySource": {}, "x": 1}}, "spec.sourceHydrator"),
        (
            {"syncPolicy": {"retry": {"limit": 1, "backoff": {"duration": "soon"}}}},
            "spec.syncPolicy.retry.backoff.duration",
        ),
        ({"ignoreDifferences": [{"kind": "Pod", "jsonPointers": ["spec"]}]}, "spec.ignoreDifferences.0.jsonPointers.0"),
        ({"syncPolicy": {"syncOptions": ["Invented=true"]}}, "spec.syncPolicy.syncOptions"),
        ({"syncPolicy": {"syncOptions": ["Replace=true"]}}, "spec.syncPolicy.syncOptions"),
        ({"source__repoURL": ""}, "spec.source.repoURL"),
        ({"source__path": ""}, "spec.source.path"),
        ({"source": None}, "spec.source"),
        ({"revisionHistoryLimit": -1}, "spec.revisionHistoryLimit"),
        ({"destination": {"namespace": 3}}, "spec.destination.namespace"),
        ({"inventedField": {"a": 1}}, "spec.inventedField"),
    ],
)
def test_anything_else_refuses_the_application_by_name(changes: dict[str, Any], field: str) -> None:
    assert field in reasons(application(**changes))


def test_two_tools_are_one_too_many() -> None:
    given = application(source__directory={"recurse": True}, source__kustomize={"namePrefix": "a-"})
    answer = applications.translate(given, "n")
    assert isinstance(answer, Refused)
    assert ("spec.source.kustomize", "is given beside directory: a source has one tool at most") in answer.reasons


def test_every_reason_is_in_the_message() -> None:
    answer = applications.translate(application(source__plugin={"name": "x"}, inventedField=1), "n")
    assert isinstance(answer, Refused)
    assert answer.message.startswith("the Application orders is not followed: ")
    assert "spec.source.plugin" in answer.message and "spec.inventedField" in answer.message


@pytest.mark.parametrize(
    ("finalizers", "cascades"),
    [
        ([], False),
        (["resources-finalizer.argocd.argoproj.io"], True),
        (["resources-finalizer.argocd.argoproj.io/background"], True),
        (["foregroundDeletion"], False),
    ],
)
def test_argo_cds_finalizer_makes_deletion_cascade(finalizers: list[str], cascades: bool) -> None:
    body = application()
    body["metadata"]["finalizers"] = finalizers
    assert child(body).cascades is cascades


def test_labels_and_the_sync_wave_stay_and_other_annotations_go() -> None:
    body = application()
    body["metadata"] |= {
        "labels": {"team": "a"},
        "annotations": {
            "argocd.argoproj.io/sync-wave": "2",
            "argocd.argoproj.io/refresh": "hard",
            "notifications.argoproj.io/subscribe.x": "y",
            "gitsync.io/tracking-id": "forged",
        },
    }
    meta = child(body).body["metadata"]
    assert meta["labels"] == {"team": "a"}
    assert meta["annotations"] == {"argocd.argoproj.io/sync-wave": "2"}
