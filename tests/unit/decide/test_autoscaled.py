"""What the job autoscaler decided is no change of a commit."""

from typing import Any

import pytest

from operator_core.conf.defaults import Defaults
from operator_core.decide import autoscaled, plans
from operator_core.decide.plans import Effect
from operator_core.jsonvalues import Object
from operator_core.model import lastspecs

ON, TUNED = {"job.autoscaler.enabled": "true"}, {"job.autoscaler.memory.tuning.enabled": "true"}
OVERRIDES = {"pipeline.jobvertex-parallelism-overrides": "aaaa:4,bbbb:2"}
BASE = {"state.checkpoints.dir": "file:///cp", "state.savepoints.dir": "file:///sp"}


def manifest(conf: dict[str, str], memory: str = "1024m", **job: Any) -> Object:
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": "app", "namespace": "ns"},
        "spec": {
            "image": "flink:1.20",
            "flinkVersion": "v1_20",
            "serviceAccount": "flink",
            "flinkConfiguration": {**BASE, **conf},
            "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
            "taskManager": {"resource": {"cpu": 1, "memory": memory}},
            "job": {"jarURI": "local:///job.jar", "parallelism": 1, "upgradeMode": "savepoint", **job},
        },
    }


def live(body: Object, decided: dict[str, str], memory: str = "1024m") -> Object:
    spec = body["spec"]
    deployed = {
        **spec,
        "flinkConfiguration": {**spec["flinkConfiguration"], **decided},
        "taskManager": {"resource": {"cpu": 1, "memory": memory}},
        "job": {**spec["job"], "state": "running"},
    }
    record = {"state": "DEPLOYED", "lastReconciledSpec": lastspecs.encode(deployed, first_deployment=False)}
    status = {"jobStatus": {"state": "RUNNING"}, "jobManagerDeploymentStatus": "READY", "reconciliationStatus": record}
    return {**body, "status": status}


@pytest.mark.parametrize(
    ("conf", "decided", "memory", "effect"),
    [
        (ON, OVERRIDES, "1024m", Effect.NONE),
        (ON | TUNED, OVERRIDES | {"taskmanager.memory.managed.fraction": "0.2"}, "700m", Effect.NONE),
        (ON, OVERRIDES, "700m", Effect.UPGRADE_SAVEPOINT),
        ({}, OVERRIDES, "1024m", Effect.UPGRADE_SAVEPOINT),
        (ON, {"taskmanager.numberOfTaskSlots": "4"}, "1024m", Effect.UPGRADE_SAVEPOINT),
    ],
    ids=["overrides", "memory tuning", "memory without tuning", "autoscaler off", "another option"],
)
def test_a_commit_that_touches_nothing_else(
    conf: dict[str, str], decided: dict[str, str], memory: str, effect: Effect
) -> None:
    wanted = manifest(conf)
    found = plans.effect_of(wanted, wanted, live=live(wanted, decided, memory))
    assert found.effect is effect, found


def test_a_change_beside_it_is_told_alone() -> None:
    before, after = manifest(ON), manifest(ON, args=["--other"])
    found = plans.effect_of(before, after, live=live(before, OVERRIDES))
    assert (found.effect, found.changes) == (Effect.UPGRADE_SAVEPOINT, ("job.args",))


def test_an_autoscaler_switched_on_for_all_counts_too() -> None:
    wanted = manifest({})
    found = plans.effect_of(wanted, wanted, live=live(wanted, OVERRIDES), defaults=Defaults(ON))
    assert found.effect is Effect.NONE


def test_overrides_that_git_has_give_way_to_the_autoscaler() -> None:
    spec = manifest(ON | {"pipeline.jobvertex-parallelism-overrides": "aaaa:1"})["spec"]
    deployed = manifest(ON | OVERRIDES)["spec"]
    assert autoscaled.masked(spec, deployed, ON)["flinkConfiguration"] == {**BASE, **ON, **OVERRIDES}


def test_a_session_job_is_compared_too() -> None:
    job = {"jarURI": "https://example.org/a.jar", "parallelism": 1, "upgradeMode": "savepoint"}
    spec = {"deploymentName": "shared", "job": job, "flinkConfiguration": {**BASE, **ON}}
    body: Object = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkSessionJob",
        "metadata": {"name": "app", "namespace": "ns"},
        "spec": spec,
    }
    deployed = {**spec, "flinkConfiguration": {**BASE, **ON, **OVERRIDES}}
    record = {"lastReconciledSpec": lastspecs.encode(deployed, first_deployment=False)}
    known = {**body, "status": {"jobStatus": {"state": "RUNNING"}, "reconciliationStatus": record}}
    assert plans.effect_of(body, body, live=known).effect is Effect.NONE
