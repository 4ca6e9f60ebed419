"""Looking for the newest state in S3-compatible stores: which places, how listings are joined, what a failure means."""

from dataclasses import replace

import pytest
from situations import JOB_ID, NOW_MS, condition, facts, spec, status, step

from operator_core.decide import statelistings, statestores
from operator_core.decide.decisions import EndListing, Look, Record, Rest, StartListing, Step
from operator_core.decide.facts import Facts, Listing
from operator_core.decide.flinkfacts import Flink
from operator_core.decide.needs import Need
from operator_core.decide.statestores import ListStores, StorePlace
from operator_core.model.statuses import FlinkDeploymentStatus, Savepoint, SavepointInfo

GONE: dict = {"deployment": None, "live_deployment": None, "pods": (), "flink": Flink()}
CONF = {"state.checkpoints.dir": "s3://bucket/cp", "state.savepoints.dir": "s3a://bucket/sp/"}
CHECKPOINT = f"s3://bucket/cp/{JOB_ID}/chk-7"
SAVEPOINT = f"s3a://bucket/sp/savepoint-{JOB_ID[:6]}-0123456789ab"
OWN = (
    StorePlace("s3", "bucket", f"cp/{JOB_ID}", "chk-"),
    StorePlace("s3a", "bucket", "sp", f"savepoint-{JOB_ID[:6]}-"),
)


def _asked(conf: dict[str, str] | None = None, **more: object) -> Facts:
    body = spec({**CONF, **(conf or {})})
    values: dict = {**GONE, "annotations": {"gitsync.io/restore-from": "r1 latest"}, **more}
    return facts(body, values.pop("was", status(body)), **values)


def _done(*found: tuple[str, int]) -> Listing:
    return Listing("r1", "done", found)


def _failed(ended: int = NOW_MS) -> Listing:
    return Listing("r1", "failed", cause="bucket b: access is denied", ended=ended)


def _restored(taken: Step) -> str | None:
    assert isinstance(taken.decision, Record), taken.decision
    return taken.status.job_status.upgrade_savepoint_path


def _recorded(location: str, *, given: str | None = None, state: str = "running") -> FlinkDeploymentStatus:
    was = status(spec(CONF, state=state))
    info = SavepointInfo(last_savepoint=Savepoint(time_stamp=NOW_MS, location=location))
    job = was.job_status.model_copy(update={"savepoint_info": info, "upgrade_savepoint_path": given})
    return was.model_copy(update={"job_status": job})


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        pytest.param({}, OWN, id="both"),
        pytest.param({"state.savepoints.dir": "gs://bucket/sp"}, OWN[:1], id="no other stores"),
        pytest.param({"state.checkpoints.dir": "file:///cp"}, OWN[1:], id="no directories"),
        pytest.param(
            {"state.savepoints.dir": "s3p://bucket"},
            (OWN[0], replace(OWN[1], scheme="s3p", directory="")),
            id="the top",
        ),
        pytest.param(
            {"state.checkpoints.dir": "s3://bucket//a/cp//"},
            (replace(OWN[0], directory=f"a/cp/{JOB_ID}"), OWN[1]),
            id="slashes",
        ),
        pytest.param(
            {"state.checkpoints.dir": "s3://bucket/_e_/cp", "s3.entropy.key": "_e_"},
            OWN,
            id="where metadata is written",
        ),
    ],
)
def test_places(conf: dict[str, str], expected: tuple[StorePlace, ...]) -> None:
    assert statelistings.places(_asked(conf)) == expected


def test_recorded_states_of_other_jobs_are_looked_at_too() -> None:
    asked = _asked(was=_recorded("s3://bucket/sp/mine", given="s3://other/sp/x"))
    assert [place.known for place in statelistings.places(asked)] == [(), ("sp/mine",)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3a://b/x//y/", "s3://b/x/y"),
        ("s3p://b", "s3://b/"),
        ("file:///b/x", None),
        ("s3:///x", None),
        ("/s3/x", None),
    ],
)
def test_one_spelling(path: str, expected: str | None) -> None:
    assert statestores.plain(path) == expected


def test_stores_are_asked_by_a_lane_and_no_pod() -> None:
    assert step(_asked()).decision == Look((Need.STORE_LISTING,))
    begun = step(_asked(store_listing=None)).decision
    assert isinstance(begun, ListStores) and (begun.places, begun.purpose) == (OWN, "r1")
    assert isinstance(step(_asked(store_listing=Listing("older", "done"))).decision, ListStores)
    waiting = step(_asked(store_listing=Listing("r1", "pending")))
    assert waiting.decision == Rest(1.0) and "s3://bucket/cp" in condition(waiting, "Ready")[2]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([(CHECKPOINT, 5), (SAVEPOINT, 3)], CHECKPOINT, id="the newest"),
        pytest.param([(CHECKPOINT, 3), (SAVEPOINT, 5)], SAVEPOINT, id="also where it is a savepoint"),
        pytest.param([("s3a://bucket/sp/mine", 9), (CHECKPOINT, 1)], CHECKPOINT, id="its own"),
    ],
)
def test_the_newest_of_its_own_is_taken(found: list[tuple[str, int]], expected: str) -> None:
    taken = step(_asked(store_listing=_done(*((path, NOW_MS + at) for path, at in found))))
    assert _restored(taken) == expected
    assert isinstance(taken.decision, Record) and taken.decision.then == EndListing()


def test_a_recorded_state_counts_unless_the_store_says_it_is_gone() -> None:
    """Its spelling may be that of another plugin."""
    was = _recorded(SAVEPOINT.replace("s3a:", "s3:"))
    there = _asked(was=was, store_listing=_done((CHECKPOINT, NOW_MS - 9), (SAVEPOINT, NOW_MS)))
    assert statestores.plain(_restored(step(there)) or "") == statestores.plain(SAVEPOINT)
    gone = _asked(was=was, store_listing=_done((CHECKPOINT, NOW_MS - 9)))
    assert _restored(step(gone)) == CHECKPOINT


def test_directories_and_stores_are_joined() -> None:
    both = {"state.checkpoints.dir": "file:///cp"}
    stored = _done((SAVEPOINT, NOW_MS))
    assert step(_asked(both, store_listing=stored)).decision == Look((Need.STATE_LISTING,))
    assert isinstance(step(_asked(both, store_listing=stored, listing=None)).decision, StartListing)
    local = _done((f"/cp/{JOB_ID}/chk-3", NOW_MS - 1))
    assert _restored(step(_asked(both, store_listing=stored, listing=local))) == SAVEPOINT
    newer = _done((f"/cp/{JOB_ID}/chk-3", NOW_MS + 1))
    assert _restored(step(_asked(both, store_listing=stored, listing=newer))) == f"file:/cp/{JOB_ID}/chk-3"


def test_a_store_that_cannot_be_listed_is_no_proof_that_nothing_newer_is_there() -> None:
    blocked = step(_asked(was=_recorded(SAVEPOINT), store_listing=_failed()))
    value, reason, message = condition(blocked, "UpgradeBlocked")
    assert (value, reason) == ("True", "RestoreFailed") and blocked.decision == Rest(60.0)
    assert "access is denied" in message and SAVEPOINT in message and "in place of this request" in message


def test_nor_is_it_one_where_state_loss_is_accepted_beside_it() -> None:
    both = {"gitsync.io/restore-from": "r1 latest", "gitsync.io/accept-state-loss": "l1"}
    assert condition(step(_asked(annotations=both, store_listing=_failed())), "UpgradeBlocked")[0] == "True"
    nothing = step(_asked(annotations=both, store_listing=_done()))
    assert _restored(nothing) is None and condition(nothing, "RequestsHandled")[2] == "r1 l1"


def test_a_failure_is_tried_again_after_a_while() -> None:
    assert isinstance(step(_asked(store_listing=_failed(NOW_MS - 59_000))).decision, Rest)
    assert isinstance(step(_asked(store_listing=_failed(NOW_MS - 60_000))).decision, ListStores)


def test_a_stop_that_ended_settled_the_state_whatever_the_store_says() -> None:
    stopped = _recorded(SAVEPOINT, given=SAVEPOINT, state="suspended")
    assert _restored(step(_asked(was=stopped, store_listing=_failed()))) == SAVEPOINT


def test_the_savepoint_of_a_stop_whose_job_manager_was_lost_is_found() -> None:
    was = status(spec(CONF))
    info = SavepointInfo(trigger_id="b" * 32, trigger_timestamp=NOW_MS - 9000, trigger_type="UPGRADE")
    was = was.model_copy(update={"job_status": was.job_status.model_copy(update={"savepoint_info": info})})
    lost = facts(spec(CONF, parallelism=2), was, **GONE)
    assert step(lost).decision == Look((Need.STORE_LISTING,))
    listing = Listing("b" * 32, "done", ((SAVEPOINT, NOW_MS - 8000), (CHECKPOINT, NOW_MS)))
    assert _restored(step(replace(lost, store_listing=listing))) == SAVEPOINT
    failed = step(replace(lost, store_listing=replace(_failed(), purpose="b" * 32)))
    value, reason, message = condition(failed, "UpgradeBlocked")
    assert (value, reason, failed.decision) == ("True", "UpgradeFailed", Rest(60.0))
    assert "access is denied" in message and "gitsync.io/restore-from" in message
