"""Last-state upgrades: which checkpoint is new enough, when a cancellation comes first, and without HA."""

import pytest
from situations import HA, NOW_MS, facts, running_job, spec, status, step

from operator_core.decide.decisions import CancelJob, Look, Record, Rest, Step, TriggerStop
from operator_core.decide.facts import HaMetadata
from operator_core.decide.flinkfacts import Checkpoints, Flink, Snapshot, Unreachable
from operator_core.decide.needs import Need

AGE = {"kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age": "1 min"}
CANCEL = {"kubernetes.operator.job.upgrade.last-state.job-cancel.enabled": "true"}
DELETES = {"execution.checkpointing.externalized-checkpoint-retention": "DELETE_ON_CANCELLATION"}
METADATA = HaMetadata(("app-cluster-config-map",), True)


def _seen(checkpoint: int | None = None, pending: int | None = None, savepoint: int | None = None) -> Checkpoints:
    """Statistics with the newest of each so many seconds old."""
    at = None if checkpoint is None else Snapshot(1, "file:/cp/chk-1", NOW_MS - checkpoint * 1000, False, False)
    taken = None if savepoint is None else Snapshot(2, "file:/sp/2", NOW_MS - savepoint * 1000, True, False)
    return Checkpoints(True, 1, taken or at, None, at, None if pending is None else NOW_MS - pending * 1000)


def _changed(conf: dict[str, str], *, ha: HaMetadata = METADATA, job=None, mode: str = "last-state", **flink) -> Step:
    deployed, wanted = spec(conf, upgradeMode=mode), spec(conf, upgradeMode=mode, parallelism=2)
    old = running_job(start=NOW_MS - 600_000)
    given = facts(wanted, status(deployed), flink=Flink(job=job or old), ha=ha, preflight=None)
    return step(given, **flink)


def _how(taken: Step) -> str:
    match taken.decision:
        case Record(then=TriggerStop()):
            return "savepoint"
        case Record(then=CancelJob()):
            return "cancel"
        case Record(then=None):
            return "last-state"
        case Rest():
            return "wait"
        case Look(needs):
            return "look " + " ".join(needs)
    return str(taken.decision)


@pytest.mark.parametrize(
    ("conf", "statistics", "how"),
    [
        pytest.param({}, None, "last-state", id="no rule, and nobody is asked"),
        pytest.param(AGE, None, f"look {Need.CHECKPOINTS}", id="asked"),
        pytest.param(AGE, _seen(checkpoint=59), "last-state", id="young enough"),
        pytest.param(AGE, _seen(checkpoint=61), "savepoint", id="too old"),
        pytest.param(AGE, _seen(), "savepoint", id="none at all"),
        pytest.param(AGE, _seen(checkpoint=61, pending=5), "wait", id="another is under way"),
        pytest.param(AGE, _seen(checkpoint=600, pending=61), "savepoint", id="and takes too long"),
        pytest.param(AGE, _seen(checkpoint=61, savepoint=5), "savepoint", id="HA does not know a savepoint"),
        pytest.param(AGE, Unreachable("busy"), "wait", id="no answer"),
    ],
)
def test_how_old_the_newest_checkpoint_may_be(conf, statistics, how) -> None:
    answers = {} if statistics is None else {"checkpoints": statistics}
    assert _how(_changed({**HA, **conf}, **answers)) == how


def test_a_job_that_just_started_has_no_old_checkpoint() -> None:
    assert _how(_changed({**HA, **AGE}, job=running_job(start=NOW_MS - 30_000))) == "last-state"


@pytest.mark.parametrize(
    ("conf", "ha", "state", "how"),
    [
        pytest.param(HA, METADATA, "RUNNING", "last-state", id="HA metadata"),
        pytest.param({**HA, **CANCEL}, METADATA, "RUNNING", "cancel", id="cancelling is asked for"),
        pytest.param({**HA, **CANCEL}, METADATA, "RESTARTING", "cancel", id="also while it restarts"),
        pytest.param({**HA, **CANCEL, **DELETES}, METADATA, "RUNNING", "last-state", id="it would lose checkpoints"),
        pytest.param({}, HaMetadata((), False), "RUNNING", "cancel", id="no HA: the checkpoint that is kept"),
        pytest.param(HA, HaMetadata((), False), "RUNNING", "cancel", id="HA without a checkpoint"),
        pytest.param(DELETES, HaMetadata((), False), "RUNNING", "wait", id="no HA, and none would be kept"),
    ],
)
def test_through_metadata_or_by_cancelling(conf, ha, state, how) -> None:
    job = running_job(state, start=NOW_MS - 600_000)
    assert _how(_changed(conf, ha=ha, job=job)) == how


@pytest.mark.parametrize(
    ("conf", "state", "start", "how"),
    [
        pytest.param(HA, "RUNNING", 600, "savepoint", id="runs"),
        pytest.param(HA, "INITIALIZING", 30, "wait", id="boots"),
        pytest.param(HA, "RESTARTING", 30, "last-state", id="falls back"),
        pytest.param({}, "RESTARTING", 30, "cancel", id="falls back without HA"),
        pytest.param(
            {**HA, "kubernetes.operator.job.upgrade.last-state-fallback.enabled": "false"},
            "RESTARTING",
            30,
            "wait",
            id="may not fall back",
        ),
    ],
)
def test_a_savepoint_upgrade_of_a_job_that_does_not_run(conf, state, start, how) -> None:
    job = running_job(state, start=NOW_MS - start * 1000)
    assert _how(_changed(conf, job=job, mode="savepoint")) == how
