"""One-shot actions in Git: never drift, never repeated by self-heal, brought along by the next commit."""

from typing import Any

import pytest
from planned import APP, KINDS, PRUNE, rendered

from gitsync.model.plans import Create, Step, Unchanged, Update
from gitsync.model.rendersets import RenderedObject
from gitsync.model.syncstatuses import InventoryEntry
from gitsync.plan import health, planning, preparing
from gitsync.plan.planning import AppFacts, Cluster
from operator_core.kube.requests import FLINK_STATE_SNAPSHOTS

FLINK = "flink.apache.org/v1beta1"
SERVED = {**KINDS, (FLINK, "FlinkStateSnapshot"): FLINK_STATE_SNAPSHOTS}


def job(**fields: object) -> RenderedObject:
    return rendered("FlinkDeployment", "app", FLINK, spec={"image": "job:1", "job": {"parallelism": 1, **fields}})


def prepared(one: RenderedObject) -> preparing.Prepared:
    return preparing.prepare((one,), SERVED, APP, preparing.Place("n"))


def owned(value: Any) -> Any:
    """FieldsV1 of an object that was applied whole."""
    return {f"f:{key}": owned(below) for key, below in value.items()} if isinstance(value, dict) else {}


def planned(
    one: RenderedObject,
    *,
    applied: str,
    revision: str = "r1",
    brought_by: str = "r1",
    before: RenderedObject | None = None,
    live: dict[str, object] | None = None,
) -> Step:
    """The step for an object; `before` is what was applied, `live` the changed fields of `spec.job` (None: absent)."""
    wanted, was = prepared(one), prepared(before or one).desired[0]
    entry = InventoryEntry(id=str(was.identity), version="v1beta1", revision=brought_by, digest=was.digest)
    cluster: dict[Any, Any] = {}
    if live is not None:
        body = {**was.body, "spec": {**was.body["spec"], "job": {**was.body["spec"]["job"], **live}}}
        fields = owned({"metadata": {"annotations": was.body["metadata"]["annotations"]}, "spec": was.body["spec"]})
        manager = {"manager": "gitsync", "operation": "Apply", "apiVersion": FLINK, "fieldsV1": fields}
        cluster[was.identity] = {**body, "metadata": {**body["metadata"], "managedFields": [manager]}}
    facts = AppFacts(APP, (entry,), PRUNE, applied=applied)
    return planning.plan(revision, wanted, facts, Cluster(cluster, {}, {}, {})).steps[0]


@pytest.mark.parametrize("nonce", ["savepointTriggerNonce", "checkpointTriggerNonce", "savepointRedeployNonce"])
def test_a_nonce_that_somebody_raised_in_the_cluster_is_no_drift(nonce: str) -> None:
    """Putting Git's number back would take another savepoint."""
    assert isinstance(planned(job(**{nonce: 1}), applied="r1", live={nonce: 9}), Unchanged)


def test_other_drift_is_healed_without_repeating_the_nonce() -> None:
    step = planned(job(savepointTriggerNonce=1), applied="r1", live={"savepointTriggerNonce": 9, "parallelism": 7})
    assert isinstance(step, Update)
    assert [one.shown for one in step.differences] == ["spec.job.parallelism"]
    assert step.desired.body["spec"]["job"] == {"parallelism": 1, "savepointTriggerNonce": 9}


def test_a_commit_brings_its_nonce() -> None:
    step = planned(
        job(savepointTriggerNonce=2),
        applied="r1",
        revision="r2",
        before=job(savepointTriggerNonce=1),
        live={"savepointTriggerNonce": 1},
    )
    assert isinstance(step, Update) and step.desired.body["spec"]["job"]["savepointTriggerNonce"] == 2


def test_a_commit_that_was_not_applied_whole_still_brings_its_nonce() -> None:
    """The inventory names the content before it is applied: after a crash in between it is not spent."""
    step = planned(job(savepointTriggerNonce=2), applied="r0", live={"savepointTriggerNonce": 1})
    assert isinstance(step, Update)


def snapshot() -> RenderedObject:
    spec = {"jobReference": {"kind": "FlinkDeployment", "name": "app"}, "savepoint": {"disposeOnDelete": False}}
    return rendered("FlinkStateSnapshot", "before-release", FLINK, spec=spec)


@pytest.mark.parametrize(
    ("applied", "revision", "made"),
    [
        pytest.param("r1", "r1", False, id="self-heal"),
        pytest.param("r1", "r2", False, id="a commit that does not touch it"),
        pytest.param("r0", "r1", True, id="not applied whole yet"),
    ],
)
def test_a_snapshot_that_was_deleted_is_not_taken_again(applied: str, revision: str, made: bool) -> None:
    step = planned(snapshot(), applied=applied, revision=revision)
    assert isinstance(step, Create if made else Unchanged)
    assert made or health.of_step(step, {}) is None, "nothing waits for it"


def test_a_changed_snapshot_is_a_new_one() -> None:
    other = snapshot()
    other.body["spec"]["savepoint"] = {"formatType": "NATIVE"}
    assert isinstance(planned(other, before=snapshot(), applied="r1", revision="r2"), Create)


def test_everything_else_that_is_absent_is_made_again() -> None:
    assert isinstance(planned(job(), applied="r1"), Create)
