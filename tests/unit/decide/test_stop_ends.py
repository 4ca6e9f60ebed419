"""A job that ends while it is being stopped, before anything was saved: nothing is lost, so nobody is asked.

What Flink says of the ended run is given for both kinds of resource; where it proves nothing a person is asked.
"""

from dataclasses import replace

import pytest
import sessionsituations
from situations import HA, NOW_MS, condition, facts, running_job, spec, status, step
from test_session_protocol import Sessions

from operator_core.decide.decisions import Record, ScaleToZero
from operator_core.decide.flinkfacts import Checkpoints, Flink, Snapshot, TriggerFailed, TriggerPending, TriggerUnknown
from operator_core.model.statuses import SavepointInfo

NOTHING = Checkpoints(enabled=True, completed=0, newest=None, restored=None)
GONE = replace(NOTHING, completed=3)
GIVEN = Snapshot(id=1, path="file:/sp/1", trigger_timestamp=0, is_savepoint=True, is_terminal=False)
FROM_GIVEN = replace(NOTHING, restored=GIVEN)
END = NOW_MS - 30_000
TRIGGER = {"triggerId": "b" * 32, "triggerTimestamp": NOW_MS - 40_000, "triggerType": "UPGRADE"}
ANSWERS = pytest.mark.parametrize(
    "answer", [TriggerPending(), TriggerUnknown(), TriggerFailed("the job failed")], ids=lambda answer: repr(answer)
)


def _application(state: str, answer, left: Checkpoints, conf: dict[str, str] | None = None, **more: object):
    was = status(spec(conf), cluster_info={"flink-version": "1.20.5", "exceptions-told": f"{NOW_MS} {NOW_MS}"})
    info = SavepointInfo(trigger_id="b" * 32, trigger_timestamp=NOW_MS - 40_000, trigger_type="UPGRADE")
    was = was.model_copy(update={"job_status": was.job_status.model_copy(update={"savepoint_info": info})})
    flink = Flink(job=running_job(state, end=END, **more), trigger=answer, checkpoints=left, exceptions=())
    return step(facts(spec(conf, parallelism=2), was, flink=flink, preflight=None))


def _session_job(state: str, answer, left: Checkpoints, conf: dict[str, str] | None = None, **more: object):
    was = sessionsituations.status(sessionsituations.spec(), job_status={"savepointInfo": TRIGGER})
    job = sessionsituations.job(state, end=END, **more)
    flink = Flink(job=job, trigger=answer, checkpoints=left, exceptions=())
    cluster = sessionsituations.cluster(conf)
    return sessionsituations.decided(sessionsituations.spec(parallelism=2), was, session=cluster, flink=flink)


KINDS = pytest.mark.parametrize("of", [_application, _session_job])


@KINDS
@ANSWERS
@pytest.mark.parametrize("conf", [None, HA], ids=["without-ha", "ha"])
def test_a_job_that_failed_before_it_saved_anything_begins_as_it_did_before(of, answer, conf) -> None:
    taken = of("FAILED", answer, NOTHING, conf)
    assert isinstance(taken.decision, Record)
    record = taken.status
    assert record.reconciliation_status.state == "UPGRADING"
    assert record.job_status.savepoint_info.trigger_id is None
    assert record.job_status.upgrade_savepoint_path is None
    assert '"upgradeMode":"stateless"' in (record.reconciliation_status.last_reconciled_spec or "")


@KINDS
@ANSWERS
def test_what_it_began_from_is_gone_on_from(of, answer) -> None:
    taken = of("FAILED", answer, FROM_GIVEN)
    assert isinstance(taken.decision, Record)
    assert taken.status.job_status.upgrade_savepoint_path == "file:/sp/1"


@KINDS
@ANSWERS
@pytest.mark.parametrize("left", [NOTHING, GONE, FROM_GIVEN], ids=["nothing", "discarded", "given"])
def test_a_job_that_finished_meanwhile_is_not_run_again(of, answer, left) -> None:
    taken = of("FINISHED", answer, left)
    assert isinstance(taken.decision, Record)
    record = taken.status
    assert (record.reconciliation_status.state, record.job_status.state) == ("DEPLOYED", "FINISHED")
    assert record.job_status.savepoint_info.trigger_id is None


@KINDS
@pytest.mark.parametrize(
    ("state", "left", "more"),
    [
        pytest.param("FAILED", GONE, {}, id="its checkpoints were deleted"),
        pytest.param("FAILED", NOTHING, {"tasks_total": 0}, id="a result that outlived its JobManager"),
        pytest.param("FINISHED", NOTHING, {"tasks_total": 0}, id="the same of a job that finished"),
        pytest.param("FAILED", NOTHING, {"start": NOW_MS - 35_000}, id="a run that another JobManager took over"),
        pytest.param("FINISHED", NOTHING, {"start": NOW_MS - 35_000}, id="the same, finished"),
    ],
)
def test_what_proves_nothing_waits_for_a_person(of, state, left, more) -> None:
    taken = of(state, TriggerUnknown(), left, HA, **more)
    assert taken.status.job_status.savepoint_info.trigger_id, "the stop stays recorded"
    if of is _session_job:
        assert condition(taken, "UpgradeBlocked")[:2] == ("True", "UpgradeFailed")
    else:
        assert taken.decision == ScaleToZero("uid-jm"), "its savepoint is looked for"


@pytest.mark.parametrize("ha", [False, True], ids=["without-ha", "ha"])
@pytest.mark.parametrize("mishap", ["jobs", "bounded"])
def test_in_the_model_it_ends_well(ha: bool, mishap: str) -> None:
    world = Sessions()
    world.create(ha=ha, mode="savepoint")
    for _ in range(12):
        world.live(1, "cluster", None, None)
    world.edit("a", "parallelism", None, 1)
    assert world._status("a")["jobStatus"]["savepointInfo"]["triggerType"] == "UPGRADE"
    world.strike(mishap, None)
    world.edit("a", "nonce", None, 1)
    for _ in range(8):
        world.strike("wait", None)
        world.live(1, "cluster", None, None)
    assert world._ended("a"), world._status("a")
    world.teardown()
