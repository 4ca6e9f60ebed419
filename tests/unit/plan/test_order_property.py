"""The order of applying is a topological order of what objects refer to; the order of deleting is one backwards."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitsync.model.identities import Identity
from gitsync.model.plans import Create, Desired, Plan, Prune, Unchanged
from gitsync.plan import ordering, pruning, stages
from gitsync.plan.healthrules import HEALTHY, Verdict
from operator_core.kube.requests import CONFIG_MAPS

FLINK, GADGETS = "flink.apache.org", "example.org"
NAMES = ("a", "b")
NOBODY = Identity("", "", "", "")
NEEDS: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("", "Namespace"): (),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (),
    ("", "ServiceAccount"): (("", "Namespace"),),
    ("", "Secret"): (("", "Namespace"),),
    ("", "ConfigMap"): (("", "Namespace"),),
    ("", "PersistentVolumeClaim"): (("", "Namespace"),),
    ("rbac.authorization.k8s.io", "Role"): (("", "Namespace"),),
    ("rbac.authorization.k8s.io", "RoleBinding"): (("rbac.authorization.k8s.io", "Role"), ("", "ServiceAccount")),
    ("apps", "Deployment"): (
        ("", "ServiceAccount"),
        ("", "Secret"),
        ("", "ConfigMap"),
        ("", "PersistentVolumeClaim"),
    ),
    (GADGETS, "Gadget"): (("apiextensions.k8s.io", "CustomResourceDefinition"), ("", "Namespace")),
    (FLINK, "FlinkDeployment"): (
        ("", "ServiceAccount"),
        ("", "Secret"),
        ("", "ConfigMap"),
        ("", "PersistentVolumeClaim"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
    ),
    (FLINK, "FlinkSessionJob"): ((FLINK, "FlinkDeployment"),),
    (FLINK, "FlinkStateSnapshot"): ((FLINK, "FlinkDeployment"), (FLINK, "FlinkSessionJob")),
}
"""Which kinds an object of a kind may refer to."""
OBJECTS = st.lists(st.tuples(st.sampled_from(sorted(NEEDS)), st.sampled_from(NAMES)), unique=True, max_size=20)


def identity(one: tuple[tuple[str, str], str]) -> Identity:
    (group, kind), name = one
    return Identity(group, kind, "n", name)


def edges(found: list[Identity]) -> list[tuple[Identity, Identity]]:
    """Pairs of an object and one that may refer to it."""
    return [(a, b) for b in found for a in found if (a.group, a.kind) in NEEDS[(b.group, b.kind)]]


@given(OBJECTS)
def test_what_is_referred_to_is_written_first(objects: list[tuple[tuple[str, str], str]]) -> None:
    found = [identity(one) for one in objects]
    place = {one: number for number, stage in enumerate(ordering.stages(tuple(found))) for one in stage}
    assert place.keys() == set(found), "everything has its turn once"
    for first, then in edges(found):
        assert place[first] < place[then], f"{first} before {then}"


def desired(one: Identity, wave: int) -> Desired:
    body: dict[str, Any] = {"kind": one.kind, "metadata": {"annotations": {"gitsync.io/sync-wave": str(wave)}}}
    reference = {"kind": "FlinkSessionJob", "name": one.name}
    specs = {"FlinkSessionJob": {"deploymentName": one.name}, "FlinkStateSnapshot": {"jobReference": reference}}
    body["spec"] = specs.get(one.kind, {})
    return Desired(one, CONFIG_MAPS, body, "d", "a.yaml", 1)


@given(OBJECTS, st.data())
def test_a_whole_sync_writes_everything_once_waves_first_and_references_within(
    objects: list[tuple[tuple[str, str], str]], data: st.DataObject
) -> None:
    found = [identity(one) for one in objects]
    waves = {one: data.draw(st.integers(0, 2)) for one in found}
    done: list[Identity] = []
    for _ in range(len(found) + 4):
        steps = tuple((Unchanged if one in done else Create)(desired(one, waves[one])) for one in found)
        verdicts: dict[Identity, Verdict | None] = {one: HEALTHY if one in done else None for one in found}
        stage = stages.of_waves(Plan("a" * 40, steps, (), (), ()), verdicts, {}, settles_last=False)
        due = tuple(step.desired.identity for step in stage.steps if stages.is_pending(step))
        done += [one for group in ordering.stages(due) for one in group]
    assert sorted(done) == sorted(found), "nothing is left out, nothing is written twice"
    at = {one: number for number, one in enumerate(done)}
    for first in found:
        for then in found:
            if waves[first] < waves[then] and needed_by(first) not in found:
                assert at[first] < at[then], "an earlier wave comes first"
    for one in found:
        if needed_by(one) in found:
            assert at[needed_by(one)] < at[one], "whatever the waves say"
    for first, then in edges(found):
        if waves[first] == waves[then] and FLINK not in (first.group, then.group):
            assert at[first] < at[then]


def needed_by(one: Identity) -> Identity:
    """What an object waits for whatever its own wave is; nobody where there is no such thing."""
    needs = {"FlinkSessionJob": "FlinkDeployment", "FlinkStateSnapshot": "FlinkSessionJob"}
    return Identity(FLINK, needs[one.kind], one.namespace, one.name) if one.kind in needs else NOBODY


@given(OBJECTS)
def test_what_refers_is_deleted_first(objects: list[tuple[tuple[str, str], str]]) -> None:
    found = [identity(one) for one in objects]
    removals = sorted(
        (Prune(one, CONFIG_MAPS, "u", False) for one in found),
        key=lambda one: ordering.rank(one.identity),
        reverse=True,
    )
    order = [one.identity for one in removals]
    assert {"CustomResourceDefinition", "Namespace"} == pruning.NEVER
    for first, then in edges(found):
        assert order.index(then) < order.index(first), f"{then} goes before {first}"
