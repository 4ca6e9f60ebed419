"""When a job that another operator runs may be deleted, by what its snapshots say."""

import pytest

from gitsync.model.identities import Identity
from gitsync.model.plans import Prune
from gitsync.plan import stateguards
from gitsync.plan.stateguards import Failed, Secured, Take, Wait
from operator_core.jsonvalues import Object
from operator_core.kube.requests import FLINK_DEPLOYMENTS

JOB = Prune(
    Identity("flink.apache.org", "FlinkDeployment", "n", "orders"),
    FLINK_DEPLOYMENTS,
    "0123abcd-uid",
    guards_state=True,
    by_snapshot=True,
)
NAME = "orders-savepoint-deletion-0123abcd-"


def snapshot(number: int, revision: str = "r2", **status: str) -> Object:
    stamp = f"2026-01-01T00:00:{number:02}Z"
    meta = {"name": f"{NAME}{number}", "creationTimestamp": stamp, "annotations": {"gitsync.io/revision": revision}}
    return {"metadata": meta, "status": status}


@pytest.mark.parametrize(
    ("snapshots", "seen", "expected"),
    [
        pytest.param([], "", Take, id="none"),
        pytest.param([snapshot(1)], "", Wait, id="no operator looked at it yet"),
        pytest.param([snapshot(1, state="IN_PROGRESS")], f"{NAME}1", Wait, id="under way"),
        pytest.param([snapshot(1, "r1", state="IN_PROGRESS")], "", Wait, id="asked for by an earlier commit"),
        pytest.param([snapshot(1, state="COMPLETED")], f"{NAME}1", Secured, id="complete"),
        pytest.param([snapshot(1, state="COMPLETED")], "", Take, id="complete since nobody knows when"),
        pytest.param([snapshot(1, state="FAILED")], f"{NAME}1", Failed, id="failed"),
        pytest.param([snapshot(1, state="ABANDONED")], "", Failed, id="abandoned"),
        pytest.param([snapshot(1, "r1", state="FAILED")], "", Take, id="failed for an earlier commit"),
        pytest.param([snapshot(2, state="FAILED"), snapshot(10, state="COMPLETED")], f"{NAME}10", Secured, id="newest"),
        pytest.param([snapshot(2, state="COMPLETED"), snapshot(1, state="FAILED")], f"{NAME}2", Secured, id="unsorted"),
    ],
)
def test_what_a_deletion_needs(snapshots: list[Object], seen: str, expected: type) -> None:
    assert isinstance(stateguards.decide(JOB, "r2", snapshots, seen), expected)


def test_each_try_has_a_name_of_its_own_and_outlives_the_job() -> None:
    first = stateguards.decide(JOB, "r2", [], "")
    again = stateguards.decide(JOB, "r2", [snapshot(1, "r1", state="FAILED")], "")
    assert isinstance(first, Take) and isinstance(again, Take)
    assert [one.snapshot["metadata"]["name"] for one in (first, again)] == [f"{NAME}1", f"{NAME}2"]
    meta = first.snapshot["metadata"]
    assert meta["labels"] == {"gitsync.io/guards": "0123abcd-uid"} and "ownerReferences" not in meta
    assert meta["annotations"]["gitsync.io/kept-by"] == "deletion"


def test_a_failure_says_why_and_the_ways_out() -> None:
    found = stateguards.decide(JOB, "r2", [snapshot(1, state="FAILED", error="no space\nleft")], "")
    assert isinstance(found, Failed)
    assert f"FlinkStateSnapshot n/{NAME}1: no space left" in found.told and "suspend the job" in found.told
