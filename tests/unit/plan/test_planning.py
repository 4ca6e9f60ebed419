"""Plans: preparation, steps, order, removals with their guards, inventory, what is carried out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planned import APP, PRUNE, Object, entry, identity, prepare, rendered, tracked

from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Create, Taken, Unchanged, Update, Waiting
from gitsync.model.rendersets import RenderedObject
from gitsync.plan import ordering, planning, preparing
from gitsync.plan.planning import AppFacts, Cluster
from operator_core.kube.requests import CRDS, Resource


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
    prepared = preparing.prepare(
        (rendered("Gadget", "g", "example.org/v1"), definition), kinds, APP, preparing.Place("n")
    )
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
    prepared = preparing.prepare((rendered("Secret", "s", stringData={"a": "b"}),), kinds, APP, preparing.Place("n"))
    plan = planning.plan("r1", prepared, AppFacts(APP, (), PRUNE), Cluster({}, {}, {}, {}))
    assert plan.inventory[0].digest is None


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
