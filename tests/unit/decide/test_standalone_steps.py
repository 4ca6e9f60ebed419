"""A standalone cluster's TaskManagers: when they go, when they are made again, when they are scaled in place."""

import pytest
from situations import HA, NOW, deployment, facts, reasons, spec, status, step

from operator_core.decide import records, standalone, stoprecords
from operator_core.decide.decisions import (
    CreateWorkers,
    DeleteCluster,
    DeleteWorkers,
    Look,
    Record,
    Rest,
    ScaleWorkers,
    Step,
)
from operator_core.decide.facts import Facts, HaMetadata
from operator_core.decide.needs import NOT_READ, Need
from operator_core.jsonvalues import Object

STAMP = "2026-01-01T12:00:00Z"
REACTIVE = {"scheduler-mode": "reactive", "taskmanager.numberOfTaskSlots": "2"}


def workers(*, replicas: int = 1, **meta: object) -> Object:
    """The TaskManagers' Deployment."""
    made = deployment(**{"name": "app-taskmanager", "uid": "uid-tm", **meta})
    return {**made, "spec": {"replicas": replicas}}


FOREIGN = workers(ownerReferences=[])
ENDING = workers(deletionTimestamp=STAMP)


def of(wanted: Object, deployed: Object, *, mode: str = "standalone", **more: object) -> Facts:
    """Facts of a cluster of a mode."""
    return facts({**wanted, "mode": mode}, status({**deployed, "mode": mode}), **more)


@pytest.mark.parametrize(
    ("mode", "there", "at_once", "uid"),
    [
        pytest.param("standalone", workers(), True, "uid-tm", id="together"),
        pytest.param("standalone", workers(), False, None, id="the JobManager first"),
        pytest.param("standalone", FOREIGN, True, None, id="somebody else's"),
        pytest.param("standalone", ENDING, True, None, id="going already"),
        pytest.param("standalone", None, True, None, id="none known"),
        pytest.param("native", workers(), True, None, id="native"),
    ],
)
def test_what_goes_with_the_job_manager(mode: str, there: Object | None, at_once: bool, uid: str | None) -> None:
    given = of(spec(), spec(), mode=mode, workers=there)
    assert standalone.deletion(given, deployment(), at_once=at_once) == DeleteCluster("uid-jm", None, workers=uid)


def _told(taken: Step | None) -> str:
    match taken:
        case None:
            return "nothing"
        case Step(decision=Look(needs)):
            return "look " + " ".join(needs)
        case Step(decision=DeleteWorkers(uid)):
            return f"delete {uid}"
        case Step(decision=Rest()) if reasons(taken):
            return " ".join(reasons(taken))
        case Step(decision=Rest()):
            return "wait"
    return str(taken)


@pytest.mark.parametrize(
    ("live", "deleting", "told"),
    [
        pytest.param(NOT_READ, False, f"look {Need.LIVE_WORKERS}", id="nobody looked"),
        pytest.param(None, False, "nothing", id="none"),
        pytest.param(workers(), False, "delete uid-tm", id="left"),
        pytest.param(ENDING, False, "wait", id="going"),
        pytest.param(FOREIGN, False, "DeploymentExists", id="in the way"),
        pytest.param(FOREIGN, True, "nothing", id="not in the way of a deletion"),
    ],
)
def test_a_cluster_is_gone_when_its_task_managers_are(live: object, deleting: bool, told: str) -> None:
    meta = {"deletionTimestamp": STAMP} if deleting else {}
    assert _told(standalone.leftover(of(spec(), spec(), live_workers=live, meta=meta))) == told
    assert standalone.leftover(of(spec(), spec(), mode="native", live_workers=live)) is None


def test_with_the_state_in_ha_metadata_the_job_manager_goes_first() -> None:
    deployed = {**spec(HA, upgradeMode="last-state"), "mode": "standalone"}
    taken = stoprecords.torn_down(facts(deployed, status(deployed)), records.Restore("last-state"))
    given = facts(deployed, taken, workers=workers(), ha=HaMetadata(("app-cluster-config-map",), True))
    assert step(given).decision == DeleteCluster("uid-jm", None, workers=None)


def test_lost_task_managers_are_made_again_as_they_were_deployed() -> None:
    given = of(spec(), spec(), workers=None, live_workers=None)
    made = step(given)
    assert isinstance(made.decision, CreateWorkers) and made.decision.spec["mode"] == "standalone"
    assert reasons(made) == ["Missing"]
    assert step(of(spec(), spec(), workers=None)).decision == Look((Need.LIVE_WORKERS,))
    assert isinstance(step(of(spec(), spec(), workers=workers())).decision, Rest)


@pytest.mark.parametrize(
    ("conf", "job", "replicas", "there", "how"),
    [
        pytest.param(REACTIVE, {}, 3, workers(), "3", id="more"),
        pytest.param(REACTIVE, {"parallelism": 5}, None, workers(), "3", id="by the parallelism"),
        pytest.param(REACTIVE, {}, 3, workers(replicas=3), "recorded", id="there already"),
        pytest.param(REACTIVE, {}, 3, ENDING, "deployed again", id="going"),
        pytest.param(REACTIVE, {}, 3, None, "deployed again", id="none"),
        pytest.param(REACTIVE, {"args": ["x"]}, 3, workers(), "deployed again", id="and more than that"),
        pytest.param({}, {}, 3, workers(), "deployed again", id="not reactive"),
    ],
)
def test_how_replicas_change(
    conf: dict[str, str], job: Object, replicas: int | None, there: Object | None, how: str
) -> None:
    old, new = spec(conf), spec(conf, **job)
    if replicas is not None:
        new = {**new, "taskManager": {**new["taskManager"], "replicas": replicas}}
    taken = step(of(new, old, workers=there, live_workers=there, preflight=None))
    match taken.decision:
        case ScaleWorkers("uid-tm", count):
            assert how == str(count)
            assert reasons(taken) == ["SpecChanged"]
        case Record(then=None):
            assert how == "recorded"
            assert taken.status.task_manager is not None
            assert taken.status.task_manager.replicas == 3
            assert taken.status.reconciliation_status.state == "DEPLOYED"
            assert taken.status.reconciliation_status.reconciliation_timestamp == records.epoch_ms(NOW)
        case _:
            assert how == "deployed again"


@pytest.mark.parametrize(
    ("conf", "there", "told"),
    [
        pytest.param(REACTIVE, workers(replicas=3, annotations={standalone.SCALED_TO: "3"}), 1, id="given by us"),
        pytest.param(REACTIVE, workers(replicas=4, annotations={standalone.SCALED_TO: "3"}), None, id="by others"),
        pytest.param(REACTIVE, workers(replicas=3), None, id="by others alone"),
        pytest.param(REACTIVE, workers(annotations={standalone.SCALED_TO: "1"}), None, id="as recorded"),
        pytest.param({}, workers(replicas=3, annotations={standalone.SCALED_TO: "3"}), None, id="not reactive"),
    ],
)
def test_replicas_for_a_spec_that_changed_back_are_set_right(
    conf: dict[str, str], there: Object, told: int | None
) -> None:
    """The record says one, three were given, and the resource asks for one again before three could be recorded."""
    taken = standalone.unsettled(of(spec(conf), spec(conf), workers=there))
    assert (taken.decision if taken is not None else None) == (None if told is None else ScaleWorkers("uid-tm", told))
    if told is not None:
        assert step(of(spec(conf), spec(conf), workers=there)).decision == ScaleWorkers("uid-tm", told)
