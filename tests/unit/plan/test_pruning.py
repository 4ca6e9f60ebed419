"""What is deleted, kept or handed over of what Git no longer holds."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planned import APP, PRUNE, Object, entry, identity, tracked

from gitsync.apply.claims import Claims
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Keep, Prune
from gitsync.plan import pruning
from gitsync.plan.pruning import Leftover, Others, PrunePolicy
from operator_core.kube.requests import CONFIG_MAPS, Resource


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
    places = {a: (("r", "main"),), b: (("y", "v1"), ("r", "main")), elsewhere: (("x", "main"),)}
    assert claims.unknown(a, {"r"}, places) == b
    claims.wants(b, [MAP])
    claims.looked_at(b, {("r", "main"): "s1", ("y", "v1"): None})
    assert claims.unknown(a, {"r"}, places) is None
    assert claims.claimed(a, [MAP], places) == {MAP: b}
    assert claims.claimed(b, [MAP], places) == {}
    newest[("r", "main")] = "s2"
    assert claims.unknown(a, {"r"}, places) == b
    claims.drop(b)
    assert claims.claimed(a, [MAP], places) == {}
