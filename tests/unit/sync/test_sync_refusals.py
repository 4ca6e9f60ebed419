"""Writes that the API server or other owners refuse, and fields taken over from former tools."""

from typing import Any

from syncfindings import APP, MAP, desired, plan

from gitsync.apply import adopting
from gitsync.apply.refusals import FREE_REPAIRS, Refusals
from gitsync.model.differences import Difference, Kind
from gitsync.model.plans import Create, Update
from gitsync.model.syncstatuses import Problem


def test_refused_write_waits_longer_each_time_and_only_for_this_content() -> None:
    refusals, problem = Refusals(), Problem(reason="Invalid", message="m")
    one = plan(Create(desired(digest="d1")))
    pauses = [refusals.remember(APP, MAP, "d1", problem, 0.0) for _ in range(3)]
    assert pauses == [2.0, 4.0, 8.0]
    held = refusals.held(APP, one, 1.0)
    assert (held.problems, held.next_try) == ({MAP: problem}, 7.0)
    assert refusals.held(APP, one, 9.0).problems == {}
    assert refusals.held(APP, plan(Create(desired(digest="d2"))), 1.0).problems == {}
    refusals.clear(APP)
    assert refusals.held(APP, one, 1.0).problems == {}


def test_fight_over_a_field_is_not_fought_at_full_speed() -> None:
    refusals = Refusals()
    drift = Update(desired(), (Difference(("spec", "replicas"), Kind.changed),), adopts=False)
    for _ in range(FREE_REPAIRS):
        refusals.repaired(APP, drift, 1.0)
    assert refusals.held(APP, plan(drift), 1.0).problems == {}
    refusals.repaired(APP, drift, 1.0)
    held = refusals.held(APP, plan(drift), 1.0)
    assert "spec.replicas" in held.problems[MAP].message
    assert held.next_try is not None and held.next_try > 0


def entry(manager: str, fields: dict[str, Any], operation: str = "Apply", **rest: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, **rest}


def test_adoption_takes_over_fields_of_former_tools_only() -> None:
    last_applied = {"f:kubectl.kubernetes.io/last-applied-configuration": {}}
    managed = [
        entry(
            "kubectl-client-side-apply",
            {"f:data": {"f:a": {}}, "f:metadata": {"f:annotations": last_applied}},
            "Update",
        ),
        entry("argocd-controller", {"f:data": {"f:b": {}}}),
        entry("some-controller", {"f:data": {"f:c": {}}}, "Update"),
        entry("kubectl-edit", {"f:status": {}}, "Update", subresource="status"),
    ]
    moved = adopting.migrated(managed)
    assert moved is not None
    assert [one["manager"] for one in moved] == ["some-controller", "kubectl-edit", "gitsync"]
    assert moved[-1]["fieldsV1"] == {"f:data": {"f:a": {}, "f:b": {}}, "f:metadata": {"f:annotations": last_applied}}
    assert adopting.migrated([entry("some-controller", {})]) is None
