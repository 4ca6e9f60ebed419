"""The health check's rules as tables: restarts within a window, checkpoints that complete, and what is remembered."""

from dataclasses import replace

import pytest
from situations import HA, NOW, NOW_MS, condition, facts, reasons, running_job, spec, status, step

from operator_core.decide import health
from operator_core.decide.decisions import CancelJob, Look, Record, Rest
from operator_core.decide.facts import HaMetadata
from operator_core.decide.flinkfacts import Flink, Metrics
from operator_core.decide.health import Health
from operator_core.decide.needs import Need

PREFIX = "kubernetes.operator.cluster.health-check."
ON = {PREFIX + "enabled": "true"}
MINUTE = 60_000


def _judged(before: Health | None, restarts: int, completed: int = 0, **conf: str) -> Health:
    given = {PREFIX + key.replace("_", "."): value for key, value in conf.items()}
    given |= {"execution.checkpointing.interval": conf["interval"]} if "interval" in conf else {}
    return health.evaluated(before, Metrics(restarts, completed), NOW, given)


@pytest.mark.parametrize(
    ("ago", "before", "now", "unhealthy"),
    [
        pytest.param(MINUTE, 0, 64, False, id="as many as allowed"),
        pytest.param(MINUTE, 0, 65, True, id="one more"),
        pytest.param(4 * MINUTE, 0, 129, False, id="scaled to the window and truncated"),
        pytest.param(4 * MINUTE, 0, 130, True, id="scaled to the window"),
        pytest.param(MINUTE, 100, 10, False, id="a counter that fell begins anew"),
        pytest.param(-MINUTE, 0, 999, False, id="a clock that went back begins anew"),
    ],
)
def test_restarts_within_the_window(ago: int, before: int, now: int, unhealthy: bool) -> None:
    then = NOW_MS - ago
    found = _judged(Health(then, before, then, 0, then), now)
    assert (found.error is not None) is unhealthy
    if unhealthy:
        assert "restarted" in str(found.error) and found.restarts == now, "the next window begins with the restart"


def test_the_baseline_moves_once_it_is_older_than_the_window() -> None:
    for ago, moved in ((MINUTE, False), (3 * MINUTE, True)):
        then = NOW_MS - ago
        found = _judged(Health(then, 5, then, 0, then), 6)
        assert (found.restarts, found.restarts_since) == ((6, NOW_MS) if moved else (5, then))


@pytest.mark.parametrize(
    ("conf", "minutes", "completed", "stuck"),
    [
        pytest.param({}, 600, 0, False, id="no window and no checkpoints: no rule"),
        pytest.param({"checkpoint-progress.window": "5 min"}, 21, 0, True, id="the timeout counts twice"),
        pytest.param({"checkpoint-progress.window": "5 min"}, 19, 0, False, id="not yet"),
        pytest.param({"checkpoint-progress.window": "30 min"}, 29, 0, False, id="the configured window is longer"),
        pytest.param({"checkpoint-progress.window": "30 min"}, 31, 0, True, id="and is over"),
        pytest.param({"checkpoint-progress.window": "30 min"}, 31, 1, False, id="one completed"),
        pytest.param({"interval": "1 h"}, 121, 0, True, id="two intervals"),
        pytest.param({"interval": "1 h", "tolerable": "1"}, 121, 0, False, id="tolerated failures count"),
        pytest.param({"interval": "1 s", "checkpoint-progress.enabled": "false"}, 600, 0, False, id="off"),
    ],
)
def test_checkpoints_must_complete(conf: dict[str, str], minutes: int, completed: int, stuck: bool) -> None:
    given = {PREFIX + key: value for key, value in conf.items() if key not in ("interval", "tolerable")}
    if "interval" in conf:
        given["execution.checkpointing.interval"] = conf["interval"]
    if "tolerable" in conf:
        given["execution.checkpointing.tolerable-failed-checkpoints"] = conf["tolerable"]
    then = NOW_MS - minutes * MINUTE
    found = health.evaluated(Health(NOW_MS - MINUTE, 0, NOW_MS - MINUTE, 0, then), Metrics(0, completed), NOW, given)
    assert (found.error is not None) is stuck


def test_both_complaints_are_told() -> None:
    then = NOW_MS - 3 * 60 * MINUTE
    found = health.evaluated(
        Health(NOW_MS - MINUTE, 0, NOW_MS - MINUTE, 0, then),
        Metrics(100, 0),
        NOW,
        {"execution.checkpointing.interval": "1 h"},
    )
    assert str(found.error).count("|") == 1


def test_the_memory_has_the_java_operators_form() -> None:
    written = health.text(Health(1, 2, 3, 4, 5, "x"))
    assert written == (
        '{"timeStamp":1,"numRestarts":2,"numRestartsEvaluationTimeStamp":3,"numCompletedCheckpoints":4,'
        '"numCompletedCheckpointsIncreasedTimeStamp":5,"healthResult":{"healthy":false,"error":"x"}}'
    )
    assert health.last(status(spec(), cluster_info={health.INFO: written})) == Health(1, 2, 3, 4, 5, "x")
    assert health.last(status(spec(), cluster_info={health.INFO: "what?"})) is None


def test_nothing_is_written_while_nothing_is_learnt() -> None:
    """A healthy job costs one request of a pass and at most one write per window."""
    known = {health.INFO: health.text(Health(NOW_MS - 30_000, 3, NOW_MS - 30_000, 7, NOW_MS - 30_000))}
    given = facts(spec(ON), status(spec(ON), cluster_info=known), flink=Flink(metrics=Metrics(3, 9)))
    assert health.observed(given, given.status) is given.status


def _unhealthy(conf: dict[str, str], **job: object):
    sick = health.text(Health(NOW_MS - 1000, 0, NOW_MS - 1000, 0, NOW_MS - 1000))
    known = {"flink-version": "x", "state-size": "1", "exceptions-told": f"0 {NOW_MS}", health.INFO: sick}
    deployed = spec({**ON, **conf}, **job)
    return facts(deployed, status(deployed, cluster_info=known))


def test_the_counters_are_asked_for_only_where_it_is_switched_on() -> None:
    on, off = step(_unhealthy({})), step(facts(spec(), status(spec())))
    assert isinstance(on.decision, Look) and on.decision.needs == (Need.METRICS,)
    assert isinstance(off.decision, Rest)


@pytest.mark.parametrize(
    ("conf", "mode", "ha", "how"),
    [
        pytest.param(HA, "last-state", HaMetadata(("a",), True), "last-state", id="HA"),
        pytest.param({}, "savepoint", HaMetadata((), False), "cancel", id="cancelled, its newest checkpoint kept"),
        pytest.param({}, "stateless", HaMetadata((), False), "stateless", id="stateless"),
    ],
)
def test_an_unhealthy_job_is_restarted_from_its_newest_checkpoint(conf, mode, ha, how) -> None:
    given = replace(_unhealthy(conf, upgradeMode=mode), ha=ha)
    taken = step(given, metrics=Metrics(100, 0))
    assert reasons(taken) == ["RestartUnhealthyJob"]
    assert isinstance(taken.decision, Record)
    if how == "cancel":
        assert isinstance(taken.decision.then, CancelJob)
    else:
        assert f'"upgradeMode":"{how}"' in str(taken.status.reconciliation_status.last_reconciled_spec)


def test_where_cancelling_would_lose_checkpoints_it_waits_and_says_so() -> None:
    gone = {"execution.checkpointing.externalized-checkpoint-retention": "DELETE_ON_CANCELLATION"}
    waiting = step(_unhealthy(gone), metrics=Metrics(100, 0))
    assert isinstance(waiting.decision, Rest) and condition(waiting, "Ready")[0] == "False"


def test_a_job_that_is_over_has_no_health() -> None:
    given = _unhealthy({})
    over = step(given, job=running_job("FINISHED", end=NOW_MS - 10_000), metrics=Metrics(100, 0))
    assert "RestartUnhealthyJob" not in reasons(over)
