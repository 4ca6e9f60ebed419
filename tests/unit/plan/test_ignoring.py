"""Fields that do not count: which differences are dropped, and what is applied in their place."""

from typing import Any

import pytest

from gitsync.model.identities import Identity
from gitsync.model.syncpolicies import IgnoreDifference
from gitsync.plan import diffing, ignoring, scaling
from gitsync.plan.ignoring import Ignored

DEPLOYMENT = Identity("apps", "Deployment", "shop", "web")


def deployment(image: str = "web:1", replicas: int | None = 2, **labels: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}
    if replicas is not None:
        spec["replicas"] = replicas
    meta = {"name": "web", **({"labels": labels} if labels else {})}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def fields(**more: Any) -> dict[str, Any]:
    item = {".": {}, "f:name": {}, "f:image": {}}
    containers = {"f:containers": {'k:{"name":"app"}': item}}
    return {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": containers}, **more}}


def live(obj: dict[str, Any], *others: dict[str, Any], ours: dict[str, Any] | None = None) -> dict[str, Any]:
    entry = {"manager": "gitsync", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": ours or fields()}
    return {**obj, "metadata": {**obj["metadata"], "managedFields": [entry, *others]}}


def left(wanted: dict[str, Any], found: dict[str, Any], which: Ignored) -> list[str]:
    body = ignoring.respected(wanted, found, which)
    counted = ignoring.counted(diffing.compare(body, found), body, found, which)
    return [difference.shown for difference in counted]


@pytest.mark.parametrize(
    ("rule", "applies"),
    [
        ({"group": "apps", "kind": "Deployment"}, True),
        ({"group": "*", "kind": "*"}, True),
        ({"group": "apps", "kind": "Deploy*"}, True),
        ({"group": "", "kind": "Deployment"}, False),
        ({"group": "apps", "kind": "StatefulSet"}, False),
        ({"group": "apps", "kind": "Deployment", "name": "web"}, True),
        ({"group": "apps", "kind": "Deployment", "name": "other"}, False),
        ({"group": "apps", "kind": "Deployment", "namespace": "other"}, False),
    ],
)
def test_a_rule_is_about_kinds_by_glob_and_objects_by_name(rule: dict[str, str], applies: bool) -> None:
    rules = (IgnoreDifference.model_validate(rule),)
    assert bool(ignoring.of(rules, DEPLOYMENT)) is applies


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("/spec/replicas", ["spec.template.spec.containers[name=app].image"]),
        ("/spec", []),
        ("/spec/template/spec/containers/0/image", ["spec.replicas"]),
        ("/spec/template/spec/containers/1/image", ["spec.template.spec.containers[name=app].image", "spec.replicas"]),
        ("/metadata/labels", ["spec.template.spec.containers[name=app].image", "spec.replicas"]),
    ],
)
def test_a_pointer_drops_the_field_and_all_below_it(pointer: str, expected: list[str]) -> None:
    which = Ignored((ignoring.tokens(pointer),))
    found = live(deployment("web:2", 5))
    assert left(deployment("web:1", 2), found, which) == expected


def test_a_field_that_does_not_count_is_applied_as_it_is_in_the_cluster() -> None:
    which = Ignored((("spec", "replicas"), ("metadata", "labels", "a/b")))
    found = live(deployment(replicas=7, **{"a/b": "theirs"}))
    body = ignoring.respected(deployment(replicas=2, **{"a/b": "ours"}), found, which)
    assert (body["spec"]["replicas"], body["metadata"]["labels"]) == (7, {"a/b": "theirs"})
    gone = live(deployment(replicas=None))
    assert "replicas" not in ignoring.respected(deployment(replicas=2), gone, which)["spec"]


def test_a_field_removed_from_git_stays_when_it_does_not_count() -> None:
    which = Ignored((("spec", "replicas"),))
    found = live(deployment(replicas=7))
    assert left(deployment(replicas=None), found, which) == []
    assert ignoring.respected(deployment(replicas=None), found, which)["spec"]["replicas"] == 7


def test_what_a_trusted_manager_set_does_not_count() -> None:
    theirs = {"manager": "autoscaler", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    found = live(deployment("web:2", 5), theirs)
    assert left(deployment("web:1", 2), found, Ignored(managers=frozenset({"autoscaler"}))) == [
        "spec.template.spec.containers[name=app].image"
    ]
    assert "spec.replicas" in left(deployment("web:1", 2), found, Ignored(managers=frozenset({"other"})))
    body = ignoring.respected(deployment("web:1", 2), found, Ignored(managers=frozenset({"autoscaler"})))
    assert body == deployment("web:1", 5)


def test_who_scales_through_the_subresource_is_trusted_without_a_rule() -> None:
    scaled = {
        "manager": "hpa",
        "operation": "Update",
        "subresource": "scale",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    }
    found = live(deployment(replicas=5), scaled)
    assert left(deployment(replicas=2), found, ignoring.NOTHING) == []
    assert ignoring.respected(deployment(replicas=2), found, ignoring.NOTHING)["spec"]["replicas"] == 5


def owned_by(manager: str, *fields: str) -> dict[str, Any]:
    entry = {"manager": manager, "operation": "Apply" if manager == "gitsync" else "Update", "apiVersion": "apps/v1"}
    return {**entry, "fieldsV1": {"f:spec": {f"f:{one}": {} for one in fields}}}


@pytest.mark.parametrize(
    ("replicas", "entries", "scaled"),
    [
        (0, [owned_by("gitsync", "template")], True),
        (5, [owned_by("gitsync", "template")], True),
        (1, [owned_by("gitsync", "template")], False),
        (5, [owned_by("gitsync", "template", "replicas")], False),
        (5, [owned_by("gitsync", "template"), owned_by("kubectl-edit", "replicas")], False),
        (5, [owned_by("somebody", "template")], False),
    ],
    ids=["to zero", "and up", "a default", "ours", "an edit", "not applied by us"],
)
def test_a_field_that_nobody_owns_was_scaled(replicas: int, entries: list[dict[str, Any]], scaled: bool) -> None:
    """A Scale drops a zero, and with it the trace of who set it."""
    found = {**deployment(replicas=replicas), "apiVersion": "apps/v1", "kind": "Deployment"}
    found["metadata"] = {**found.get("metadata", {}), "managedFields": entries}
    wanted = {**deployment(replicas=2), "apiVersion": "apps/v1", "kind": "Deployment"}
    kept = ignoring.respected(wanted, found, ignoring.NOTHING)["spec"].get("replicas")
    assert kept == (None if scaled else 2), "it stays without an owner"
    assert ("spec.replicas" in left(wanted, found, ignoring.NOTHING)) is (
        not scaled and entries[0]["manager"] == "gitsync"
    )
    will_be = scaling.filled(ignoring.respected(wanted, found, ignoring.NOTHING), found)
    assert will_be["spec"]["replicas"] == (replicas if scaled else 2)
    projected = [part for one in entries if (part := scaling.traced(found, one)) is not None]
    assert [one["manager"] for one in projected] == [
        one["manager"] for one in entries if "f:replicas" in one["fieldsV1"]["f:spec"]
    ]


def test_the_status_is_never_applied_for_a_rule_about_it() -> None:
    found = {**live(deployment()), "status": {"replicas": 3}}
    assert "status" not in ignoring.respected(deployment(), found, Ignored((("status",),)))


def test_tokens_are_unescaped_and_text_without_a_slash_is_refused() -> None:
    assert ignoring.tokens("/metadata/annotations/a~1b~0c") == ("metadata", "annotations", "a/b~c")
    with pytest.raises(ValueError, match="must begin with a slash"):
        ignoring.tokens("spec/replicas")


def test_wanted_is_not_changed_in_place() -> None:
    wanted = deployment(replicas=2)
    ignoring.respected(wanted, live(deployment(replicas=9)), Ignored((("spec", "replicas"),)))
    assert wanted == deployment(replicas=2)
