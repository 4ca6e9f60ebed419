"""What a cluster takes, as the Java operator adds it up: recorded ones, and the corners."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from situations import facts, running_job, spec, status, step

from operator_core.conf import flattening
from operator_core.decide import clustersizes
from operator_core.decide.decisions import Record
from operator_core.decide.flinkfacts import Bounds, Version
from operator_core.model import flinkdeployments, lastspecs
from operator_core.model.statuses import TaskManagerInfo

STATUSES = sorted((Path(__file__).parents[2] / "golden" / "statuses").glob("*.json"))
SIZES = (clustersizes.CPU, clustersizes.MEMORY)


@pytest.mark.parametrize("file", STATUSES, ids=[file.stem for file in STATUSES])
def test_recorded_clusters_add_up(file: Path) -> None:
    resource = json.loads(file.read_text())["resource"]
    known = flinkdeployments.parse({"metadata": {"name": "app"}, "status": resource["status"]}).status
    if clustersizes.CPU not in known.cluster_info or known.task_manager is None or not known.task_manager.replicas:
        pytest.skip("nothing is recorded of the size")
    last = lastspecs.deployed(known.reconciliation_status)
    assert last is not None
    conf = flattening.flatten(last.spec["flinkConfiguration"])
    given = facts(spec(), status(spec()))
    given = replace(given, status=known, last_spec=flinkdeployments.parse_spec(last.spec), last_conf=conf)
    assert clustersizes.of(given) == {key: known.cluster_info[key] for key in SIZES}


@pytest.mark.parametrize(
    ("more", "workers", "cpu", "memory"),
    [
        pytest.param({}, 2, "3.0", 3 * 1024, id="one and two"),
        pytest.param({}, 0, "1.0", 1024, id="no TaskManager that somebody asked for"),
        pytest.param({"jobManager": {"replicas": 2}}, 1, "3.0", 3 * 1024, id="a JobManager that waits"),
    ],
)
def test_masters_and_workers(more: dict, workers: int, cpu: str, memory: int) -> None:
    size = {"resource": {"cpu": 1, "memory": "1024m"}}
    deployed = {**spec(), "jobManager": {**size, **more.get("jobManager", {})}, "taskManager": size}
    given = facts(deployed, status(deployed, task_manager=TaskManagerInfo(replicas=workers)))
    assert clustersizes.of(given) == {"total-cpu": cpu, "total-memory": str(memory * 1024 * 1024)}


def test_a_size_nobody_can_tell_is_left_out() -> None:
    deployed = {**spec(), "jobManager": {"resource": {"memory": "2 quarks"}}}
    good = facts(spec(), status(spec()))
    bad = replace(good, last_spec=flinkdeployments.parse_spec(deployed))
    assert clustersizes.of(bad) == {} and clustersizes.of(replace(good, last_spec=None)) == {}


def test_it_is_told_with_the_version() -> None:
    size = {"resource": {"cpu": 1, "memory": "1024m"}}
    deployed = {**spec(), "jobManager": size, "taskManager": size}
    was = status(deployed, cluster_info={}, task_manager=TaskManagerInfo(replicas=1))
    told = step(facts(deployed, was), job=running_job(), version=Version("1.20.5", "x")).status.cluster_info
    assert {key: told[key] for key in SIZES} == {"total-cpu": "2.0", "total-memory": "2147483648"}


def test_a_scaling_in_place_has_it_counted_again() -> None:
    key = "pipeline.jobvertex-parallelism-overrides"
    conf = {"jobmanager.scheduler": "Adaptive"}
    was = status(spec({**conf, key: "a:1"}), cluster_info={"total-cpu": "9.0", "total-memory": "9"})
    given = facts(spec({**conf, key: "a:2"}), was, preflight=None)
    taken = step(given, job=running_job(), requirements={"a": Bounds(1, 2)})
    assert isinstance(taken.decision, Record) and not set(SIZES) & set(taken.status.cluster_info)
