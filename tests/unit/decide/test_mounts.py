"""Volumes that cannot be mounted: when events are asked for them, and what is told."""

from dataclasses import replace

import pytest
from situations import NOW_MS, condition, deployment, facts, reasons, spec, status, step

from operator_core.decide import mounts, podfailures, rollbacks, wanted
from operator_core.decide.decisions import Look, Rest
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import Flink
from operator_core.decide.needs import Need
from operator_core.jsonvalues import Object

TEXT = 'MountVolume.SetUp failed for volume "keys" : secret "keys" not found'


def pod(*, since: str = "2026-01-01T11:59:00Z", prepared: str | None = "False", **more: object) -> Object:
    """A pod that a kubelet took at `since`; `prepared` None: a kubelet that only knows Initialized."""
    told = [{"type": "Initialized", "status": "False"}, {"type": "PodScheduled", "status": "True"}]
    told += [{"type": "PodReadyToStartContainers", "status": prepared}] if prepared else []
    return {"metadata": {"name": "app-1", "uid": "u"}, "status": {"startTime": since, "conditions": told, **more}}


def waiting(*pods: Object, **more: object) -> Facts:
    unserved = deployment()
    born = unserved["metadata"]["creationTimestamp"]
    unserved["status"] = {"conditions": [{"type": "Available", "status": "False", "lastTransitionTime": born}]}
    return facts(spec(), status(spec(), state="RECONCILING"), flink=Flink(), deployment=unserved, pods=pods, **more)


@pytest.mark.parametrize(
    ("given", "due"),
    [
        pytest.param(pod(), True, id="it waits for a minute"),
        pytest.param(pod(prepared=None), True, id="an older kubelet"),
        pytest.param(pod(since="2026-01-01T11:59:55Z"), False, id="for a moment"),
        pytest.param(pod(prepared="True"), False, id="its volumes are there"),
        pytest.param({"metadata": {"name": "app-1", "uid": "u"}, "status": {}}, False, id="no node took it"),
        pytest.param(
            pod(containerStatuses=[{"name": "main", "restartCount": 1, "state": {}}]), False, id="it was ready before"
        ),
    ],
)
def test_when_events_are_asked_for(given: Object, due: bool) -> None:
    found = step(waiting(given))
    assert (found.decision == Look((Need.MOUNTS,))) is due


def test_the_next_look_comes_when_it_has_waited_long_enough() -> None:
    assert mounts.pause(waiting(pod(since="2026-01-01T11:59:56Z")), 60.0) == 6.0
    assert mounts.pause(waiting(pod()), 60.0) == 30.0
    assert mounts.pause(waiting(), 60.0) == 60.0


def test_what_the_events_say_is_told() -> None:
    found = step(replace(waiting(pod()), unmounted=TEXT))
    assert condition(found, "Ready") == ("False", "FailedMount", TEXT)
    assert found.status.job_manager_deployment_status == "ERROR" and reasons(found) == ["FailedMount"]
    assert found.decision == Rest(30.0)
    silent = step(replace(waiting(pod()), unmounted=None))
    assert condition(silent, "Ready")[1] != "FailedMount" and isinstance(silent.decision, Rest)


def test_a_volume_on_its_way_is_no_reason_to_roll_back_early() -> None:
    conf = {"kubernetes.operator.deployment.rollback.enabled": "true"}
    was = status(spec(conf), stable=False)
    stable = status(spec(conf, parallelism=7)).reconciliation_status.last_reconciled_spec
    changes = {"reconciliation_timestamp": NOW_MS - 40_000, "last_stable_spec": stable}
    record = was.reconciliation_status.model_copy(update=changes)
    young = replace(
        waiting(pod(), unmounted=TEXT),
        resource=facts(spec(conf), was).resource,
        conf=conf,
        status=was.model_copy(update={"reconciliation_status": record}),
        last=facts(spec(conf), was).last,
    )
    taken = step(young)
    assert isinstance(taken.decision, Rest) and condition(taken, "Ready")[1] == "FailedMount"
    image = podfailures.PodFailure("ErrImagePull", "no such image")
    want = wanted.Wanted(spec(conf), 1)
    assert rollbacks.step(young, want, mounts.failure(young)) is None
    assert rollbacks.step(young, want, image) is not None
