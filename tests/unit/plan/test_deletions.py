"""What an object that was deleted waits for, and when that is too long."""

from datetime import UTC, datetime, timedelta

import pytest
from planned import Object, identity

from gitsync.model.plans import Deletion, Keep, Plan, Prune
from gitsync.plan import deletions
from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS

SINCE = datetime(2026, 1, 1, 12, tzinfo=UTC)
FLINK = "flinkdeployments.flink.apache.org/finalizer"
JOB = identity("j", "FlinkDeployment", "flink.apache.org")


def live(*finalizers: str) -> Object:
    return {"metadata": {"deletionTimestamp": "2026-01-01T12:00:00Z", "finalizers": list(finalizers)}}


def going(*finalizers: str, since: datetime = SINCE) -> Keep:
    return deletions.keep(JOB, "v1beta1", Deletion(since, finalizers))


def test_only_what_was_deleted_is_going() -> None:
    assert deletions.of({"metadata": {"finalizers": ["a/b"]}}) is None
    assert deletions.of(live("a/b")) == Deletion(SINCE, ("a/b",))
    assert deletions.of({"metadata": {"deletionTimestamp": "2026-01-01T12:00:00Z"}}) == Deletion(SINCE, ())


def test_a_deletion_that_was_accepted_is_kept_until_the_object_is_gone() -> None:
    gone = identity("gone")
    prunes = (Prune(JOB, FLINK_DEPLOYMENTS, "u1", True), Prune(gone, CONFIG_MAPS, "u2", False))
    after = deletions.after(Plan("r", (), prunes, (), ()), {JOB: live(FLINK)})
    assert after.removals == (going(FLINK), prunes[1])
    assert [one.identity for one in deletions.pending(after)] == [JOB]
    assert deletions.pending(None) == ()


@pytest.mark.parametrize(
    ("finalizers", "minutes", "blocked"),
    [((FLINK,), 4.9, False), ((FLINK,), 5, True), ((), 60, False)],
    ids=["soon", "too long", "a pod that ends by itself"],
)
def test_a_finalizer_blocks_after_a_while(finalizers: tuple[str, ...], minutes: float, blocked: bool) -> None:
    now = SINCE + timedelta(minutes=minutes)
    one = going(*finalizers)
    assert deletions.is_blocked(one, now) is blocked
    assert (deletions.next_look([one], now) is None) is blocked


def test_the_next_look_is_when_the_first_becomes_blocked() -> None:
    now = SINCE + timedelta(minutes=2)
    later = going(FLINK, since=SINCE + timedelta(minutes=1))
    assert deletions.next_look([later, going(FLINK)], now) == 180.0
    assert deletions.next_look([], now) is None


@pytest.mark.parametrize(
    ("finalizer", "hint"),
    [
        (FLINK, "the Flink operator ends it when the job has ended"),
        ("foregroundDeletion", "an object that it owns is still there"),
        ("corp.example/own", "whoever set it must end it"),
    ],
)
def test_who_blocks_is_named_with_the_way_out(finalizer: str, hint: str) -> None:
    text = deletions.told_blocked(going(finalizer), SINCE + timedelta(minutes=7))
    assert text.startswith("FlinkDeployment n/j is being deleted for 7 minutes; ")
    assert f"the finalizer {finalizer} blocks it: {hint}" in text
