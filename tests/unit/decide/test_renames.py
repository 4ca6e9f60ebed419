"""A renamed job waits for the savepoint of its old name's deletion, and never starts from anything older unasked."""

from __future__ import annotations

import pytest
from situations import facts, spec

from operator_core.decide import applications, plans, renames
from operator_core.decide.decisions import CreateCluster, Record, Rest
from operator_core.decide.facts import Predecessor
from operator_core.jsonvalues import Object
from operator_core.model.statuses import FlinkDeploymentStatus

OLD = Predecessor("before", exists=False, deleting=False)


def snapshot(path: str, made: str, *, kept: str = "", exists: bool = True, complete: bool = True) -> Object:
    return {
        "metadata": {"name": path, "creationTimestamp": made, "annotations": {"gitsync.io/kept-by": kept}},
        "spec": {"savepoint": {"alreadyExists": exists, "path": path if exists else "file:/sp"}},
        "status": {"path": path} if complete else {"state": "IN_PROGRESS"},
    }


def decided(before: Predecessor, *, annotations: Object | None = None, mode: str = "savepoint"):
    annotations = {"gitsync.io/renamed-from": before.name, **(annotations or {})}
    known = facts(
        spec(upgradeMode=mode),
        FlinkDeploymentStatus(),
        annotations=annotations,
        deployment=None,
        live_deployment=None,
        predecessor=before,
    )
    return applications.decide(known)


def restored(step) -> str | None:
    assert isinstance(step.decision, Record), step.decision
    assert isinstance(step.decision.then, CreateCluster)
    return step.decision.then.savepoint_path


def blocked(step) -> str:
    assert isinstance(step.decision, Rest), step.decision
    return next(c.message for c in step.status.conditions if c.type == "UpgradeBlocked" and c.status == "True")


def ready(step) -> tuple[str, str]:
    assert isinstance(step.decision, Rest), step.decision
    return next((c.reason, c.message) for c in step.status.conditions if c.type == "Ready")


DELETED = snapshot("file:/sp/last", "2026-01-01T10:00:00Z", kept="deletion")
EARLIER = snapshot("file:/sp/manual", "2026-01-01T09:00:00Z", exists=False)
LATER = snapshot("file:/sp/second", "2026-01-01T11:00:00Z", exists=False)


@pytest.mark.parametrize(
    "snapshots",
    [
        (DELETED,),
        (EARLIER, DELETED),
        (DELETED, snapshot("file:/sp/x", "2026-01-01T10:00:00Z", exists=False)),
        (DELETED, snapshot("file:/sp/x", "2026-01-01T11:00:00Z", exists=False, complete=False)),
    ],
    ids=["alone", "after a manual one", "of the same second", "one that never came to be"],
)
def test_the_job_goes_on_from_the_savepoint_of_the_deletion(snapshots: tuple[Object, ...]) -> None:
    assert restored(decided(Predecessor("before", False, False, snapshots))) == "file:/sp/last"


@pytest.mark.parametrize("deleting", [False, True])
def test_it_waits_while_the_old_name_exists(deleting: bool) -> None:
    reason, message = ready(decided(Predecessor("before", True, deleting, (DELETED,))))
    assert reason == "RenamePending"
    assert "FlinkDeployment before" in message
    assert ("being stopped" in message) is deleting


@pytest.mark.parametrize(
    ("snapshots", "said"),
    [
        ((), "no state of it is known"),
        ((EARLIER,), "file:/sp/manual, older than its last run"),
        ((DELETED, LATER), "file:/sp/second, older than its last run"),
    ],
    ids=["nothing", "only an earlier one", "deleted, made again, and lost"],
)
def test_older_state_is_never_taken_unasked(snapshots: tuple[Object, ...], said: str) -> None:
    message = blocked(decided(Predecessor("before", False, False, snapshots)))
    assert said in message
    assert "gitsync.io/accept-state-loss" in message
    assert "gitsync.io/restore-from" in message


def test_requests_open_what_blocks() -> None:
    lost = decided(OLD, annotations={"gitsync.io/accept-state-loss": "yes"})
    assert restored(lost) is None
    assert any("yes" in c.message for c in lost.status.conditions if c.type == "RequestsHandled")
    named = decided(OLD, annotations={"gitsync.io/restore-from": "now file:/sp/manual"})
    assert restored(named) == "file:/sp/manual"


def test_without_state_there_is_nothing_to_inherit() -> None:
    assert restored(decided(OLD, mode="stateless")) is None


def test_a_name_that_names_itself_is_refused() -> None:
    assert "names the resource itself" in blocked(decided(Predecessor("app", True, False)))


def test_a_recorded_start_that_was_replaced_keeps_what_it_inherits() -> None:
    first = decided(Predecessor("before", False, False, (DELETED,)))
    newer = facts(
        spec(parallelism=2),
        first.status,
        annotations={"gitsync.io/renamed-from": "before"},
        meta={"generation": 2},
        deployment=None,
        live_deployment=None,
        predecessor=Predecessor("before", False, False, (DELETED,)),
    )
    step = applications.decide(newer)
    assert restored(step) == "file:/sp/last"
    assert step.status.observed_generation == 2


def test_the_plan_says_where_the_state_comes_from() -> None:
    manifest: Object = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "app", "namespace": "ns", "annotations": {renames.RENAMED_FROM: "before"}},
        "spec": spec(),
    }
    told = plans.effect_of(None, manifest)
    assert told.reason == "the job goes on from the savepoint with which before is deleted"
