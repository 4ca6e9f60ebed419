"""What becomes of deployments that broke by themselves: lost, failed, over, and of changes to finished jobs."""

from dataclasses import replace

import pytest
from situations import HA, NOW_MS, SPEC, condition, facts, reasons, running_job, spec, status, step

from operator_core.decide import plans
from operator_core.decide.decisions import DeleteCluster, Look, Record, Rest, Step
from operator_core.decide.facts import Facts, HaMetadata
from operator_core.decide.flinkfacts import Checkpoints, Flink, JobFailure, Snapshot
from operator_core.model import lastspecs

AGAIN = {"kubernetes.operator.job.restart.failed": "true"}
NEWEST = Checkpoints(True, 3, Snapshot(3, "file:/cp/chk-3", NOW_MS, False, False), None)
NOTHING = Checkpoints(True, 0, None, None)
BOOM = JobFailure("boom", "java.lang.Exception: boom")


def restored(step: Step) -> tuple[str | None, str | None]:
    """How and from where the next deployment starts, as the record says."""
    text = step.status.reconciliation_status.last_reconciled_spec
    job = lastspecs.decode(str(text)).spec["job"]
    return job["upgradeMode"], step.status.job_status.upgrade_savepoint_path


def _failed(conf: dict[str, str], *, lasted: float = 3600, ago: float = 60, restarts: int = 0, **job: object) -> Facts:
    end = NOW_MS - int(ago * 1000)
    ended = running_job("FAILED", start=end - int(lasted * 1000), end=end, modified=1)
    info = {"exceptions-told": f"0 {NOW_MS}", "failed-restarts": str(restarts)}
    deployed = spec(conf, **job)
    return facts(deployed, status(deployed, cluster_info=info), flink=Flink(job=ended, failure=BOOM))


@pytest.mark.parametrize(
    ("mode", "checkpoints", "expected"),
    [
        pytest.param("savepoint", NEWEST, ("savepoint", "file:/cp/chk-3"), id="from its newest checkpoint"),
        pytest.param("last-state", NEWEST, ("savepoint", "file:/cp/chk-3"), id="last-state too"),
        pytest.param("savepoint", NOTHING, ("stateless", None), id="it never had any state"),
        pytest.param("stateless", NEWEST, ("stateless", None), id="stateless"),
    ],
)
def test_a_failed_job_is_run_again_where_that_is_asked_for(mode, checkpoints, expected) -> None:
    taken = step(_failed(AGAIN, upgradeMode=mode), checkpoints=checkpoints)
    assert isinstance(taken.decision, Record) and restored(taken) == expected
    assert reasons(taken) == ["JobStatusChanged", "Error", "RestartFailedJob"]
    left = step(_failed({}, upgradeMode=mode), checkpoints=checkpoints)
    assert isinstance(left.decision, Rest) and condition(left, "Ready")[1] == "Failed"


@pytest.mark.parametrize(
    ("lasted", "restarts", "ago", "runs"),
    [
        (1, 0, 5, True),
        (1, 1, 9, False),
        (1, 1, 11, True),
        (1, 3, 39, False),
        (1, 3, 41, True),
        (1, 50, 299, False),
        (1, 50, 301, True),
        (700, 50, 5, True),
    ],
)
def test_a_job_that_fails_at_once_is_run_again_less_and_less_often(lasted, restarts, ago, runs) -> None:
    taken = step(_failed(AGAIN, lasted=lasted, ago=ago, restarts=restarts), checkpoints=NOTHING)
    assert isinstance(taken.decision, Record if runs else Rest)
    assert ("RestartFailedJob" in reasons(taken)) is runs
    if not runs:
        assert isinstance(taken.decision, Rest) and 0 < float(taken.decision.seconds or 0) <= 300


def _over(conf: dict[str, str], *, state: str = "FINISHED", since: float = 60, **more: object) -> Facts:
    end = NOW_MS - int(since * 1000)
    was = status(spec(conf), state=state)
    was = was.model_copy(update={"job_status": was.job_status.model_copy(update={"update_time": str(end)})})
    return facts(spec(conf), was, flink=Flink(job=running_job(state, end=end, modified=1), failure=BOOM), **more)


@pytest.mark.parametrize("state", ["FINISHED", "FAILED", "CANCELED"])
def test_the_job_manager_of_an_ended_job_goes_after_its_time_to_live(state: str) -> None:
    ttl = {"kubernetes.operator.jm-deployment.shutdown-ttl": "10 min"}
    early, due = _over(ttl, state=state, since=599), _over(ttl, state=state, since=601)
    stays = step(early, checkpoints=NEWEST)
    assert isinstance(stays.decision, Rest) and stays.decision.seconds == 1.0
    goes = step(due, checkpoints=NEWEST)
    assert isinstance(goes.decision, Record) and goes.decision.then == DeleteCluster("uid-jm", None)
    assert goes.status.cluster_info["final-snapshot"] == "file:/cp/chk-3", "what it left behind is recorded before"
    assert isinstance(step(due).decision, Look)


def test_after_that_nothing_is_missing_and_a_rerun_begins_where_it_ended() -> None:
    gone = {"deployment": None, "live_deployment": None, "pods": ()}
    known = {"cluster_info": {"final-snapshot": "file:/cp/chk-3", "stopped-with-savepoint": "true"}}
    was = status(spec(), state="FINISHED", **known)
    rests = step(facts(spec(), was, flink=Flink(), **gone))
    assert isinstance(rests.decision, Rest) and condition(rests, "Ready")[:2] == ("True", "Finished")
    changed = step(facts(spec(parallelism=2), was, flink=Flink(), **gone))
    assert restored(changed) == ("savepoint", "file:/cp/chk-3")


def test_a_failed_job_whose_job_manager_is_gone_is_run_again_too() -> None:
    was = status(spec(AGAIN), state="FAILED", cluster_info={"final-snapshot": "file:/cp/chk-3"})
    given = facts(spec(AGAIN), was, flink=Flink(), deployment=None, live_deployment=None, pods=())
    assert restored(step(given)) == ("savepoint", "file:/cp/chk-3")


@pytest.mark.parametrize(
    ("conf", "mode", "ha", "expected"),
    [
        pytest.param(HA, "last-state", HaMetadata(("x",), True), "last-state", id="HA"),
        pytest.param({}, "stateless", HaMetadata((), False), "stateless", id="stateless"),
        pytest.param({}, "savepoint", HaMetadata((), False), None, id="its newest state is not known"),
        pytest.param(HA, "last-state", HaMetadata((), False), None, id="metadata lost"),
        pytest.param(
            {**HA, "kubernetes.operator.jm-deployment-recovery.enabled": "false"},
            "last-state",
            HaMetadata(("x",), True),
            None,
            id="switched off",
        ),
    ],
)
def test_a_lost_job_manager(conf, mode, ha, expected) -> None:
    deployed = spec(conf, upgradeMode=mode)
    given = facts(deployed, status(deployed), flink=Flink(), deployment=None, live_deployment=None, pods=(), ha=ha)
    taken = step(given)
    if expected is None:
        assert (
            condition(taken, "UpgradeBlocked")[0] == "True"
            and "gitsync.io/restore-from" in condition(taken, "Ready")[2]
        )
    else:
        assert restored(taken)[0] == expected and reasons(taken) == ["Missing", "RecoverDeployment"]


def test_a_job_that_its_job_manager_does_not_know_any_more_is_told_once() -> None:
    """Not while it boots: then nobody has seen it yet."""
    lost = step(facts(spec(), status(spec()), flink=Flink(job=None)))
    assert lost.status.job_status.state == "RECONCILING"
    assert [(event.reason, event.message) for event in lost.events] == [("Missing", "Job Not Found")]
    assert reasons(step(facts(spec(), lost.status, flink=Flink(job=None)))) == []
    assert reasons(step(facts(spec(), status(spec(), state="RECONCILING"), flink=Flink(job=None)))) == []


FINISHED = Flink(job=running_job("FINISHED", end=NOW_MS - 60_000, modified=1), checkpoints=NEWEST)
STOPPED = replace(FINISHED, checkpoints=Checkpoints(True, 3, Snapshot(4, "file:/sp/1", NOW_MS, True, True), None))


@pytest.mark.parametrize(
    ("flink", "change", "reruns"),
    [
        pytest.param(FINISHED, {"job": {**SPEC["job"], "parallelism": 2}}, False, id="a change alone"),
        pytest.param(FINISHED, {"image": "job:2", "restartNonce": 1}, True, id="asked for"),
        pytest.param(STOPPED, {"image": "job:2"}, True, id="it did not end by itself: somebody stopped it"),
    ],
)
def test_a_finished_job_is_not_run_again_by_a_change_alone(flink, change, reruns) -> None:
    second = {"generation": 2}
    given = facts({**spec(), **change}, status(spec(), state="FINISHED"), flink=flink, preflight=None, meta=second)
    taken = step(given)
    assert isinstance(taken.decision, Record if reruns else Rest)
    if not reruns:
        assert taken.status.observed_generation == 2 and condition(taken, "Ready")[:2] == ("True", "Finished")
        (event,) = [each for each in taken.events if each.reason == "FinishedJobKept"]
        assert "job.parallelism" in event.message and "restartNonce" in event.message
        seen = facts({**spec(), **change}, taken.status, flink=flink, meta=second)
        assert reasons(step(seen)) == [], "told once"


def test_a_plan_says_that_a_finished_job_is_kept() -> None:
    was = status(spec(), state="FINISHED").to_json()
    body = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", "metadata": {"name": "app"}}
    old, live = {**body, "spec": spec()}, {**body, "spec": spec(), "status": was}
    kept = plans.effect_of(old, {**body, "spec": spec(parallelism=2)}, live=live)
    assert kept.effect is plans.Effect.NONE and "has finished" in kept.reason
    rerun = plans.effect_of(old, {**body, "spec": {**spec(), "restartNonce": 1}}, live=live)
    assert rerun.effect is plans.Effect.REDEPLOY
    was["clusterInfo"] = {"stopped-with-savepoint": "true"}
    assert plans.effect_of(old, {**body, "spec": spec(parallelism=2)}, live=live).effect is plans.Effect.REDEPLOY


def test_situations_are_what_they_say() -> None:
    """The tables above stand on a resource that is at rest as long as nothing happens to it."""
    calm = step(facts(spec(), status(spec())))
    assert isinstance(calm.decision, Rest) and condition(calm, "Ready")[0] == "True" and not calm.events
