"""Snapshots that a job's own resource asks for: by nonce, request or schedule, as resources and in the legacy form."""

from dataclasses import replace
from datetime import timedelta

import pytest
from situations import JOB_ID, NOW, NOW_MS, condition, facts, reasons, running_job, spec, status, step
from snapshotobjects import LEGACY, nonce_of, snapshot

from operator_core.decide import snapshotrecords, snapshots, stoprecords
from operator_core.decide.decisions import NewSnapshot, Record, Rest, TriggerCheckpoint, TriggerSavepoint
from operator_core.model import lastspecs
from operator_core.model.statuses import Condition

EVERY_MINUTE = {"kubernetes.operator.periodic.savepoint.interval": "1 min"}


TOLD = (Condition(type="Running", status="True"),)


def test_a_nonce_is_recorded_as_handled_with_the_trigger_before_anything_is_made() -> None:
    taken = step(facts(spec(savepointTriggerNonce=5), status(spec()), snapshots=()))
    assert isinstance(taken.decision, Record) and taken.decision.failpoint == "snapshot-recorded"
    assert taken.decision.then == NewSnapshot("savepoint", "MANUAL", NOW_MS, path="file:///sp")
    info = taken.status.job_status.savepoint_info
    assert (info.trigger_id, info.trigger_timestamp, info.trigger_type) == ("b" * 32, NOW_MS, "MANUAL")
    assert nonce_of(taken) == 5
    record = taken.status.reconciliation_status
    assert record.last_reconciled_spec == record.last_stable_spec, "a nonce does not make a stable job unstable"


def test_the_record_becomes_a_resource_once_and_is_then_forgotten() -> None:
    wanted = spec(savepointTriggerNonce=5)
    first = step(facts(wanted, status(spec()), snapshots=()))
    crashed = facts(wanted, first.status, snapshots=(), now=NOW + timedelta(seconds=30))
    again = step(crashed)
    assert again.decision == first.decision.then  # type: ignore[union-attr]
    name = snapshotrecords.name_of("app", again.decision)  # type: ignore[arg-type]
    assert name == f"app-savepoint-manual-{NOW_MS}"
    done = step(replace(crashed, snapshots=(snapshot(name, state=None),)))
    assert isinstance(done.decision, Rest) and snapshotrecords.pending(done.status, "savepoint") is None
    assert isinstance(step(replace(crashed, status=done.status)).decision, Rest), "a nonce is good for one snapshot"


@pytest.mark.parametrize(
    ("conf", "nonces", "effect"),
    [
        (LEGACY, {"savepointTriggerNonce": 5}, TriggerSavepoint(JOB_ID, "b" * 32, "file:///sp", "CANONICAL")),
        (
            {**LEGACY, "kubernetes.operator.savepoint.format.type": "NATIVE"},
            {"savepointTriggerNonce": 5},
            TriggerSavepoint(JOB_ID, "b" * 32, "file:///sp", "NATIVE"),
        ),
        (LEGACY, {"checkpointTriggerNonce": 5}, TriggerCheckpoint(JOB_ID, "b" * 32, "FULL")),
        (
            {**LEGACY, "kubernetes.operator.checkpoint.type": "INCREMENTAL"},
            {"checkpointTriggerNonce": 5},
            TriggerCheckpoint(JOB_ID, "b" * 32, "INCREMENTAL"),
        ),
        ({}, {"checkpointTriggerNonce": 5}, NewSnapshot("checkpoint", "MANUAL", NOW_MS)),
        (
            {"kubernetes.operator.savepoint.dispose-on-delete": "true"},
            {"savepointTriggerNonce": 5},
            NewSnapshot("savepoint", "MANUAL", NOW_MS, path="file:///sp", dispose_on_delete=True),
        ),
    ],
)
def test_what_is_taken(conf: dict[str, str], nonces: dict[str, int], effect: object) -> None:
    taken = step(facts(spec(conf, **nonces), status(spec(conf)), snapshots=()))
    assert isinstance(taken.decision, Record) and taken.decision.then == effect


@pytest.mark.parametrize(
    ("recorded", "wanted", "fires"),
    [
        ({}, {"savepointTriggerNonce": 1}, True),
        ({"savepointTriggerNonce": 1}, {"savepointTriggerNonce": 1}, False),
        ({"savepointTriggerNonce": 2}, {"savepointTriggerNonce": 1}, True),
        ({"savepointTriggerNonce": 1}, {}, False),
    ],
)
def test_which_nonces_fire(recorded: dict[str, int], wanted: dict[str, int], fires: bool) -> None:
    taken = step(facts(spec(**wanted), status(spec(**recorded)), snapshots=()))
    assert isinstance(taken.decision, Record) == fires


@pytest.mark.parametrize("job", [running_job("RESTARTING"), running_job(tasks_settled=1), running_job("FAILING")])
def test_a_job_that_does_not_run_is_not_asked(job) -> None:
    given = facts(spec(EVERY_MINUTE, savepointTriggerNonce=1), status(spec(EVERY_MINUTE)), snapshots=())
    waits = step(given, job=job)
    assert isinstance(waits.decision, Rest) and nonce_of(waits) is None
    assert waits.decision.seconds is not None and waits.decision.seconds >= 0.5, "nothing spins until it runs"


def test_a_request_is_answered_once_with_the_name_of_what_is_made() -> None:
    asked = {"gitsync.io/snapshot-requested": "friday"}
    given = facts(spec(), status(spec(), conditions=TOLD), snapshots=(), annotations=asked)
    taken = step(given)
    assert isinstance(taken.decision, Record) and isinstance(taken.decision.then, NewSnapshot)
    assert condition(taken, "RequestsHandled")[2] == "friday"
    assert f"app-savepoint-manual-{NOW_MS}" in condition(taken, "UpgradeBlocked")[2]
    name = f"app-savepoint-manual-{NOW_MS}"
    after = step(replace(given, status=taken.status, snapshots=(snapshot(name),)))
    again = step(replace(given, status=after.status, snapshots=(snapshot(name),)))
    assert isinstance(again.decision, Rest) and condition(again, "RequestsHandled")[2] == "friday"
    checkpoint = step(
        replace(
            given,
            resource={
                **given.resource,
                "metadata": {
                    **given.resource["metadata"],
                    "annotations": {"gitsync.io/snapshot-requested": "x checkpoint"},
                },
            },
        )
    )
    assert checkpoint.decision.then == NewSnapshot("checkpoint", "MANUAL", NOW_MS)  # type: ignore[union-attr]


def test_a_request_is_not_carried_out_where_its_answer_cannot_be_kept() -> None:
    """Without conditions in the status it would be carried out again on every pass."""
    asked = {"gitsync.io/snapshot-requested": "friday"}
    assert isinstance(step(facts(spec(), status(spec()), snapshots=(), annotations=asked)).decision, Rest)


def test_a_request_without_anywhere_to_put_a_savepoint_is_answered_with_why() -> None:
    bare = spec()
    bare["flinkConfiguration"].pop("state.savepoints.dir")
    taken = step(
        facts(
            bare,
            status(bare, conditions=TOLD),
            snapshots=(),
            annotations={"gitsync.io/snapshot-requested": "friday"},
        )
    )
    assert isinstance(taken.decision, Rest) and reasons(taken) == ["SavepointError"]
    assert condition(taken, "RequestsHandled")[2] == "friday"
    assert snapshotrecords.pending(taken.status, "savepoint") is None


def test_a_schedule_is_due_by_the_status_and_stays_on_its_grid() -> None:
    """Created at 11:00:00, last at 11:58:30: due since 11:59:30, so the next is at 12:00:30."""
    was = status(spec(EVERY_MINUTE))
    info = was.job_status.savepoint_info.model_copy(update={"last_periodic_savepoint_timestamp": NOW_MS - 90_000})
    was = was.model_copy(update={"job_status": was.job_status.model_copy(update={"savepoint_info": info})})
    taken = step(facts(spec(EVERY_MINUTE), was, snapshots=()))
    assert isinstance(taken.decision, Record)
    assert taken.decision.then == NewSnapshot("savepoint", "PERIODIC", NOW_MS, path="file:///sp")
    assert taken.status.job_status.savepoint_info.last_periodic_savepoint_timestamp == NOW_MS - 30_000
    rest = snapshotrecords.handed_over(taken.status, "savepoint")
    waits = step(facts(spec(EVERY_MINUTE), rest, snapshots=()), job=running_job(start=NOW_MS))
    assert isinstance(waits.decision, Rest) and waits.decision.seconds == pytest.approx(15, abs=4)
    late = step(facts(spec(EVERY_MINUTE), rest, snapshots=(), now=NOW + timedelta(seconds=29)))
    assert isinstance(late.decision, Rest) and late.decision.seconds == pytest.approx(1.01)


@pytest.mark.parametrize(
    ("state", "fires"), [("IN_PROGRESS", False), (None, False), ("COMPLETED", True), ("FAILED", True)]
)
def test_a_schedule_waits_for_its_snapshot_before(state: str | None, fires: bool) -> None:
    """A slow savepoint is not overtaken by the next; nothing spins meanwhile."""
    earlier = snapshot("app-savepoint-periodic-1", state=state)
    taken = step(facts(spec(EVERY_MINUTE), status(spec(EVERY_MINUTE)), snapshots=(earlier,)))
    assert isinstance(taken.decision, Record) == fires
    assert not isinstance(taken.decision, Rest) or (taken.decision.seconds or 0) > 1


def test_without_a_record_a_schedule_goes_on_from_the_newest_resource() -> None:
    """As after a hand-over: the Java operator leaves no time in the status when it makes resources."""
    earlier = snapshot("app-savepoint-periodic-1", created="2026-01-01T11:59:30Z")
    taken = step(facts(spec(EVERY_MINUTE), status(spec(EVERY_MINUTE)), snapshots=(earlier,)))
    assert isinstance(taken.decision, Rest)


def test_an_upgrade_leaves_a_resource_and_no_history() -> None:
    was = status(spec(), how="savepoint")
    given = facts(spec(), was, snapshots=())
    given = replace(given, status=stoprecords.triggered(given, "t" * 32, "CANONICAL"))
    taken = stoprecords.savepoint_taken(given, "file:/sp/1")
    assert taken.job_status.savepoint_info.savepoint_history == ()
    given = replace(given, status=taken, last=lastspecs.decode(taken.reconciliation_status.last_reconciled_spec or ""))
    made = snapshots.of_upgrade(given)
    assert made == NewSnapshot("savepoint", "UPGRADE", NOW_MS, path="file:/sp/1", already_exists=True)
    assert step(given).decision == made
    assert snapshots.of_upgrade(replace(given, snapshots=(snapshot(f"app-savepoint-upgrade-{NOW_MS}"),))) is None
    legacy = replace(given, snapshots=None)
    assert snapshots.of_upgrade(legacy) is None
    assert (
        len(
            stoprecords.savepoint_taken(
                replace(legacy, status=was), "file:/sp/1"
            ).job_status.savepoint_info.savepoint_history
        )
        == 1
    )


def test_the_newest_savepoint_of_a_resource_is_noted_in_the_status() -> None:
    """From there the ledger and `restore-from latest` know it."""

    def taken(name: str, second: int, **more: object):
        made = snapshot(name, **more)  # type: ignore[arg-type]
        made["status"]["triggerTimestamp"] = f"2026-01-01T11:59:{second:02d}.5Z"
        return made

    resources = (
        taken("early", 10, trigger="PERIODIC"),
        taken("newest", 20, trigger="MANUAL"),
        taken("running", 30, state="IN_PROGRESS"),
        taken("recorded", 40, alreadyExists=True),
        taken("checkpoint", 50, kind="checkpoint"),
    )
    given = facts(spec(savepointTriggerNonce=4), status(spec(savepointTriggerNonce=4)), snapshots=resources)
    noted = snapshots.noted(given)
    last = noted.job_status.savepoint_info.last_savepoint
    assert last is not None
    assert (last.location, last.trigger_type, last.trigger_nonce) == ("file:/sp/newest", "MANUAL", 4)
    assert last.time_stamp == NOW_MS - 39_500
    assert snapshots.noted(replace(given, status=noted)) is noted
    namesake = facts(spec(), status(spec()), snapshots=resources, meta={"creationTimestamp": "2026-01-01T12:00:00Z"})
    assert snapshots.noted(namesake) is namesake.status, "what a job of the same name left is not its state"
