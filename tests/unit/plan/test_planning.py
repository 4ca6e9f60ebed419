"""Plans: preparation, steps, order, removals with their guards, inventory, what is carried out."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.apply.claims import Claims
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Create, Keep, Plan, Prune, Taken, Unchanged, Update, Waiting
from gitsync.model.rendersets import RenderedObject
from gitsync.model.syncapps import parse
from gitsync.model.syncstatuses import InventoryEntry
from gitsync.plan import identities, ordering, planning, policies, preparing, pruning
from gitsync.plan.planning import AppFacts, Cluster
from gitsync.plan.policies import CarryOut, OnlyCompare
from gitsync.plan.preparing import Prepared
from gitsync.plan.pruning import Leftover, Others, PrunePolicy
from operator_core.kube.requests import CONFIG_MAPS, CRDS, FLINK_DEPLOYMENTS, NAMESPACES, Resource

Object = dict[str, Any]
APP = AppName("sys", "root")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = {
    ("v1", "ConfigMap"): CONFIG_MAPS,
    ("v1", "Namespace"): NAMESPACES,
    ("flink.apache.org/v1beta1", "FlinkDeployment"): FLINK_DEPLOYMENTS,
}
PRUNE = PrunePolicy(prune=True, allow_empty=False, guards_state=True)


def rendered(kind: str, name: str, api_version: str = "v1", line: int = 1, **rest: object) -> RenderedObject:
    return RenderedObject({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **rest}, "a.yaml", line)


def prepare(*objects: RenderedObject, namespace: str = "n") -> Prepared:
    return preparing.prepare(objects, KINDS, APP, namespace)


def identity(name: str, kind: str = "ConfigMap", group: str = "") -> Identity:
    return Identity(group, kind, "n", name)


def tracked(name: str, kind: str = "ConfigMap", api_version: str = "v1", owner: AppName = APP, **rest: Any) -> Object:
    group = api_version.rpartition("/")[0]
    tracking = identities.tracking_id(owner, Identity(group, kind, "n", name))
    meta = {"name": name, "namespace": "n", "uid": f"uid-{name}", "annotations": {"gitsync.io/tracking-id": tracking}}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **rest}


def entry(name: str, **rest: Any) -> InventoryEntry:
    return InventoryEntry(id=str(identity(name)), version="v1", **rest)


def test_namespace_and_tracking_are_filled_in() -> None:
    one = prepare(rendered("ConfigMap", "a")).desired[0]
    assert one.body["metadata"] == {
        "name": "a",
        "namespace": "n",
        "annotations": {"gitsync.io/tracking-id": "sys/root:/ConfigMap:n/a"},
    }


def test_cluster_scoped_objects_lose_a_namespace() -> None:
    one = RenderedObject({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "namespace": "y"}}, "f", 1)
    assert prepare(one).desired[0].identity == Identity("", "Namespace", "", "x")


@pytest.mark.parametrize(
    ("one", "namespace", "reason", "text"),
    [
        (rendered("Gadget", "g", "example.org/v1", 7), "n", "UnknownKind", "does not know the kind Gadget"),
        (rendered("FlinkSessionJob", "g", "flink.apache.org/v1beta1"), "n", "UnknownKind", "gitsync install"),
        (rendered("ConfigMap", ""), "n", "Invalid", "no metadata.name"),
        (rendered("ConfigMap", "a"), "", "Invalid", "names no namespace"),
        (
            RenderedObject(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": {"x": 1}}}, "f", 1
            ),
            "n",
            "Invalid",
            "map of strings",
        ),
    ],
)
def test_problem_known_before_apply_names_the_place(
    one: RenderedObject, namespace: str, reason: str, text: str
) -> None:
    prepared = prepare(one, rendered("Namespace", "x"), namespace=namespace)
    problem = prepared.problems[0]
    assert (problem.reason, problem.file, problem.line) == (reason, one.file, one.line)
    assert text in problem.message
    plan = planning.plan("r1", prepared, AppFacts(APP, (entry("old"),), PRUNE), Cluster({}, {}, {}, {}))
    assert plan.blocked and not plan.steps and not plan.removals
    assert plan.inventory == (entry("old"),)


def test_kind_defined_in_the_same_revision_waits_for_its_definition() -> None:
    spec = {"group": "example.org", "scope": "Namespaced", "names": {"kind": "Gadget", "plural": "gadgets"}}
    definition = rendered(
        "CustomResourceDefinition",
        "gadgets.example.org",
        "apiextensions.k8s.io/v1",
        spec={**spec, "versions": [{"name": "v1"}]},
    )
    kinds = {("apiextensions.k8s.io/v1", "CustomResourceDefinition"): CRDS}
    prepared = preparing.prepare((rendered("Gadget", "g", "example.org/v1"), definition), kinds, APP, "n")
    plan = planning.plan("r1", prepared, AppFacts(APP, (), PRUNE), Cluster({}, {}, {}, {}))
    assert [type(step) for step in plan.steps] == [Create, Waiting]
    assert plan.steps[1].desired.resource == Resource("example.org", "v1", "gadgets", "Gadget")


def test_last_of_two_manifests_of_one_object_wins_with_a_warning() -> None:
    prepared = prepare(rendered("ConfigMap", "a", data={"x": "1"}), rendered("ConfigMap", "a", line=9, data={"x": "2"}))
    assert prepared.desired[0].body["data"] == {"x": "2"}
    assert "a.yaml:1 and in a.yaml:9" in prepared.warnings[0]


def live_as_applied(name: str, data: Object) -> Object:
    body = tracked(name, data=data)
    fields = {
        "f:data": {f"f:{key}": {} for key in data},
        "f:metadata": {"f:annotations": {"f:gitsync.io/tracking-id": {}}},
    }
    applied = {"manager": "gitsync", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
    body["metadata"]["managedFields"] = [applied]
    return body


def test_steps_say_what_each_object_needs() -> None:
    prepared = prepare(
        *(rendered("ConfigMap", name, data={"k": "1"}) for name in ("new", "same", "drift", "adopt", "taken"))
    )
    live = {
        identity("same"): live_as_applied("same", {"k": "1"}),
        identity("drift"): live_as_applied("drift", {"k": "2"}),
        identity("adopt"): {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "adopt", "namespace": "n"}},
        identity("taken"): tracked("taken", owner=AppName("sys", "other")),
    }
    cluster = Cluster(live, {}, {identity("taken"): AppName("sys", "other")}, {})
    plan = planning.plan("r1", prepared, AppFacts(APP, (), PRUNE), cluster)
    steps = {step.desired.identity.name: step for step in plan.steps}
    assert isinstance(steps["new"], Create)
    assert isinstance(steps["same"], Unchanged)
    assert isinstance(steps["drift"], Update) and not steps["drift"].adopts
    assert isinstance(steps["adopt"], Update) and steps["adopt"].adopts
    assert isinstance(steps["taken"], Taken)
    assert str(identity("taken")) not in {one.id for one in plan.inventory}


def test_object_keeps_the_revision_at_which_its_content_changed() -> None:
    prepared = prepare(rendered("ConfigMap", "a", data={"k": "1"}), rendered("ConfigMap", "b", data={"k": "2"}))
    digests = {one.identity.name: one.digest for one in prepared.desired}
    inventory = (entry("a", revision="r0", digest=digests["a"]), entry("b", revision="r0", digest="another"))
    plan = planning.plan("r1", prepared, AppFacts(APP, inventory, PRUNE), Cluster({}, {}, {}, {}))
    assert {one.id: one.revision for one in plan.inventory} == {str(identity("a")): "r0", str(identity("b")): "r1"}


def test_secrets_have_no_digest_in_the_inventory() -> None:
    kinds = {("v1", "Secret"): Resource("", "v1", "secrets", "Secret")}
    prepared = preparing.prepare((rendered("Secret", "s", stringData={"a": "b"}),), kinds, APP, "n")
    plan = planning.plan("r1", prepared, AppFacts(APP, (), PRUNE), Cluster({}, {}, {}, {}))
    assert plan.inventory[0].digest is None


def leftover(live: Object | None, name: str = "x", resource: Resource | None = CONFIG_MAPS) -> Leftover:
    kind = live["kind"] if live is not None else "ConfigMap"
    group = live["apiVersion"].rpartition("/")[0] if live is not None else ""
    return Leftover(entry(name), Identity(group, kind, "n", name), resource, live)


def job(*, mode: str = "savepoint", **status: Any) -> Object:
    body = tracked("x", "FlinkDeployment", "flink.apache.org/v1beta1", spec={"job": {"upgradeMode": mode}})
    return {**body, "status": {"reconciliationStatus": {"lastStableSpec": "{}"}, "lifecycleState": "STABLE", **status}}


@pytest.mark.parametrize(
    ("live", "policy", "expected"),
    [
        pytest.param(None, PRUNE, None, id="gone"),
        pytest.param(tracked("x", owner=AppName("sys", "other")), PRUNE, None, id="another app's"),
        pytest.param(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "n"}},
            PRUNE,
            None,
            id="nobody's",
        ),
        pytest.param(tracked("x"), PRUNE, Prune, id="ours"),
        pytest.param(tracked("x"), PrunePolicy(False, False, True), Keep, id="prune off"),
        pytest.param(job(), PRUNE, Prune, id="state guarded"),
        pytest.param(job(), PrunePolicy(True, False, False), Keep, id="state not guarded"),
        pytest.param(job(mode="stateless"), PrunePolicy(True, False, False), Prune, id="stateless"),
        pytest.param(job(lifecycleState="SUSPENDED"), PrunePolicy(True, False, False), Prune, id="suspended"),
        pytest.param(job(reconciliationStatus={}), PrunePolicy(True, False, False), Prune, id="never ran"),
    ],
)
def test_removal(live: Object | None, policy: PrunePolicy, expected: type | None) -> None:
    found = pruning.decide((leftover(live),), APP, policy, nothing_wanted=False)
    assert [type(one) for one in found] == ([expected] if expected is not None else [])


def test_prune_carries_uid_and_guard() -> None:
    found = pruning.decide((leftover(job()),), APP, PRUNE, nothing_wanted=False)
    assert isinstance(found[0], Prune)
    assert (found[0].uid, found[0].guards_state) == ("uid-x", True)


def test_everything_gone_from_git_is_kept_until_it_is_allowed() -> None:
    kept = pruning.decide((leftover(tracked("x")),), APP, PRUNE, nothing_wanted=True)
    assert isinstance(kept[0], Keep) and kept[0].blocks
    allowed = replace(PRUNE, allow_empty=True)
    assert isinstance(pruning.decide((leftover(tracked("x")),), APP, allowed, nothing_wanted=True)[0], Prune)


@given(
    owner=st.sampled_from([APP, AppName("sys", "other"), None]),
    prune=st.booleans(),
    allow_empty=st.booleans(),
    guards=st.booleans(),
    nothing=st.booleans(),
    deleting=st.booleans(),
    copied=st.booleans(),
)
def test_only_what_is_tracked_as_ours_is_ever_deleted(
    owner: AppName | None, prune: bool, allow_empty: bool, guards: bool, nothing: bool, deleting: bool, copied: bool
) -> None:
    live = tracked("x", owner=owner or APP)
    if owner is None:
        del live["metadata"]["annotations"]
    elif copied:
        live["metadata"]["annotations"]["gitsync.io/tracking-id"] += "-of-another-object"
    if deleting:
        live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    found = pruning.decide((leftover(live),), APP, PrunePolicy(prune, allow_empty, guards), nothing_wanted=nothing)
    if any(isinstance(one, Prune) for one in found):
        assert owner == APP and prune and not copied and not deleting and (allow_empty or not nothing)


@given(st.permutations(["Namespace", "ServiceAccount", "Secret", "ConfigMap", "RoleBinding", "Service", "Deployment"]))
def test_order_does_not_depend_on_the_order_of_files(kinds: list[str]) -> None:
    found = tuple(Identity("", kind, "", kind.lower()) for kind in kinds)
    ordered = [one.kind for stage in ordering.stages(found) for one in stage]
    assert ordered == ["Namespace", "ServiceAccount", "Secret", "ConfigMap", "RoleBinding", "Service", "Deployment"]


def test_flink_comes_last_and_clusters_before_their_jobs() -> None:
    flink = "flink.apache.org"
    found = (
        Identity(flink, "FlinkStateSnapshot", "n", "a"),
        Identity(flink, "FlinkSessionJob", "n", "a"),
        Identity("example.org", "Gadget", "n", "z"),
        Identity(flink, "FlinkDeployment", "n", "z"),
        Identity("", "ConfigMap", "n", "z"),
    )
    ordered = [one.kind for one in sorted(found, key=ordering.rank)]
    assert ordered == ["ConfigMap", "Gadget", "FlinkDeployment", "FlinkSessionJob", "FlinkStateSnapshot"]


def app(
    *, automated: Object | None, revision: str | None = None, annotations: Object | None = None, handled: str = ""
) -> Any:
    return parse(
        {
            "metadata": {"name": "root", "namespace": "sys", "annotations": annotations or {}},
            "spec": {
                "source": {"repoURL": "/r"},
                "syncPolicy": {"automated": automated} if automated is not None else {},
            },
            "status": {
                "sync": {"status": "Synced", "revision": revision} if revision else {"status": "Unknown"},
                "handledSyncRequest": handled or None,
            },
        }
    )


PLAN = Plan("r1", (), (), (), ())
HEALING = {"selfHeal": True}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(app(automated={}), CarryOut(None), id="new revision"),
        pytest.param(app(automated={}, revision="r0"), CarryOut(None), id="next revision"),
        pytest.param(app(automated=HEALING, revision="r1"), CarryOut(None), id="heal"),
        pytest.param(app(automated={}, revision="r1"), "self-heal is off", id="drift without self-heal"),
        pytest.param(app(automated=None), "automated sync is off", id="manual"),
        pytest.param(app(automated={"enabled": False}), "automated sync is off", id="switched off"),
        pytest.param(
            app(automated=None, annotations={"gitsync.io/sync-requested": "7"}), CarryOut("7"), id="asked for"
        ),
        pytest.param(
            app(automated=None, annotations={"gitsync.io/sync-requested": "7"}, handled="7"),
            "automated sync is off",
            id="asked for and done",
        ),
        pytest.param(
            app(automated=HEALING, annotations={"gitsync.io/suspend": '{"reason": "move"}'}),
            "suspended: move",
            id="suspended",
        ),
        pytest.param(
            app(automated=HEALING, annotations={"gitsync.io/suspend": '{"until": "2025-12-31T00:00:00Z"}'}),
            CarryOut(None),
            id="suspension over",
        ),
    ],
)
def test_what_is_carried_out(one: Any, expected: CarryOut | str) -> None:
    decided = policies.decide(one, PLAN, NOW)
    if isinstance(expected, str):
        assert isinstance(decided, OnlyCompare) and expected in decided.reason
    else:
        assert decided == expected


MAP = identity("x")


def test_leftover_that_another_app_wants_is_handed_over_whatever_the_policy() -> None:
    left = (leftover(tracked("x")),)
    for policy in (PRUNE, PrunePolicy(prune=False, allow_empty=False, guards_state=True)):
        found = pruning.decide(left, APP, policy, nothing_wanted=False, others=Others({MAP: AppName("sys", "b")}))
        assert found == ()


def test_leftover_waits_until_every_app_that_may_want_it_is_known() -> None:
    left = (leftover(tracked("x")),)
    others = Others({}, AppName("sys", "b"))
    found = pruning.decide(left, APP, PRUNE, nothing_wanted=False, others=others)
    assert isinstance(found[0], Keep) and found[0].awaits == "claims" and "sys/b" in found[0].reason
    assert isinstance(pruning.decide(left, APP, PRUNE, nothing_wanted=False)[0], Prune)


def test_claims_are_known_when_every_app_of_the_repository_was_looked_at() -> None:
    newest = {("r", "main"): "s1", ("x", "main"): "s9"}
    claims = Claims(lambda url, ref: newest.get((url, ref)))
    a, b, elsewhere = AppName("sys", "a"), AppName("sys", "b"), AppName("sys", "c")
    places = {a: ("r", "main"), b: ("r", "main"), elsewhere: ("x", "main")}
    assert claims.unknown(a, "r", places) == b
    claims.wants(b, [MAP])
    claims.looked_at(b, ("r", "main"), "s1")
    assert claims.unknown(a, "r", places) is None
    assert claims.claimed(a, [MAP], places) == {MAP: b}
    assert claims.claimed(b, [MAP], places) == {}
    newest[("r", "main")] = "s2"
    assert claims.unknown(a, "r", places) == b
    claims.drop(b)
    assert claims.claimed(a, [MAP], places) == {}
