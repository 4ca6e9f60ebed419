"""In-place scaling: exactly where the Java operator does it, and what a plan says of it."""

import pytest
from situations import JOB_ID, NOW_MS, facts, reasons, running_job, spec, status, step

from operator_core.decide import plans, scalings
from operator_core.decide.decisions import Look, Record, RescaleJob, Step, TriggerStop
from operator_core.decide.flinkfacts import Bounds, Unreachable
from operator_core.decide.needs import Need
from operator_core.model import lastspecs

KEY = "pipeline.jobvertex-parallelism-overrides"
ADAPTIVE = {"jobmanager.scheduler": "Adaptive"}
PRESENT = {"a": Bounds(1, 2), "b": Bounds(2, 2)}
BODY = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", "metadata": {"name": "app"}}


def _changed(before: dict[str, str], after: dict[str, str], *, requirements=PRESENT, job=None, **more: object) -> Step:
    given = facts({**spec(after), **more}, status({**spec(before), **more}), preflight=None)
    answers = {"requirements": requirements} if requirements is not None else {}
    return step(given, job=job or running_job(), **answers)


@pytest.mark.parametrize(
    ("before", "after", "target"),
    [
        pytest.param("a:2", "a:4", {"a": Bounds(1, 4), "b": Bounds(2, 2)}, id="wider"),
        pytest.param("a:2,b:2", "a:2,b:1", {"a": Bounds(1, 2), "b": Bounds(1, 1)}, id="narrower: the lower bound too"),
        pytest.param("", "a:3", {"a": Bounds(1, 3), "b": Bounds(2, 2)}, id="the first override"),
        pytest.param("a:2", "a:3,x:9", {"a": Bounds(1, 3), "b": Bounds(2, 2)}, id="a vertex the job does not have"),
    ],
)
def test_changed_overrides_become_bounds(before: str, after: str, target: dict[str, Bounds]) -> None:
    taken = _changed({**ADAPTIVE, KEY: before}, {**ADAPTIVE, KEY: after})
    assert isinstance(taken.decision, Record) and isinstance(taken.decision.then, RescaleJob)
    assert taken.decision.then.job_id == JOB_ID and dict(taken.decision.then.bounds) == target
    assert taken.status.cluster_info["scaling"] == "a:1-2,b:2-2"
    assert reasons(taken) == ["SpecChanged", "Scaling"]


def test_once_the_bounds_hold_the_spec_is_recorded() -> None:
    """Also when they held before: that counts as success."""
    after = {**ADAPTIVE, KEY: "a:4"}
    taken = _changed({**ADAPTIVE, KEY: "a:2"}, after, requirements={"a": Bounds(1, 4), "b": Bounds(2, 2)})
    assert isinstance(taken.decision, Record) and taken.decision.then is None
    recorded = lastspecs.decode(str(taken.status.reconciliation_status.last_reconciled_spec)).spec
    assert recorded["flinkConfiguration"][KEY] == "a:4"
    assert taken.status.reconciliation_status.state == "DEPLOYED" and reasons(taken) == []
    assert "scaling" not in taken.status.cluster_info


@pytest.mark.parametrize(
    ("deployed", "found", "target"),
    [
        pytest.param("a:2", {"a": Bounds(1, 4), "b": Bounds(2, 2)}, {"a": Bounds(1, 2), "b": Bounds(2, 2)}, id="back"),
        pytest.param("", {"a": Bounds(1, 4), "b": Bounds(2, 2)}, {"a": Bounds(1, 3), "b": Bounds(2, 2)}, id="to none"),
        pytest.param("a:3", {"a": Bounds(1, 3), "b": Bounds(2, 2)}, None, id="never rescaled"),
        pytest.param("a:2", {"a": Bounds(1, 4)}, {"a": Bounds(1, 2)}, id="a vertex that is gone"),
    ],
)
def test_a_rescaling_whose_spec_changed_back_is_undone(deployed: str, found: dict, target: dict | None) -> None:
    """The record says A, the job was given B, and the resource asks for A again before B could be recorded."""
    wanted = spec({**ADAPTIVE, KEY: deployed})
    info = {"scaling": "a:1-3,b:2-2", "flink-version": "1.20.5", "state-size": "1", "exceptions-told": f"0 {NOW_MS}"}
    given = facts(wanted, status(wanted, cluster_info=info), preflight=None, meta={"generation": 3})
    asked = step(given, job=running_job())
    assert isinstance(asked.decision, Look) and asked.decision.needs == (Need.REQUIREMENTS,)
    taken = step(given, job=running_job(), requirements=found)
    if target is None:
        assert taken.decision == Record(None, None) and "scaling" not in taken.status.cluster_info
    else:
        assert isinstance(taken.decision, RescaleJob) and dict(taken.decision.bounds) == target
        settled = step(given, job=running_job(), requirements=target)
        assert settled.decision == Record(None, None) and "scaling" not in settled.status.cluster_info


def test_the_bounds_before_the_first_attempt_are_kept() -> None:
    after = {**ADAPTIVE, KEY: "a:5"}
    given = facts(spec(after), status(spec(ADAPTIVE), cluster_info={"scaling": "a:1-2,b:2-2"}), preflight=None)
    taken = step(given, job=running_job(), requirements={"a": Bounds(1, 4), "b": Bounds(2, 2)})
    assert taken.status.cluster_info["scaling"] == "a:1-2,b:2-2"


@pytest.mark.parametrize("text", ["", "a", "a:", "a:1", "a:x-y", ",,"])
def test_a_damaged_record_of_bounds_is_passed_over(text: str) -> None:
    wanted = spec({**ADAPTIVE, KEY: "a:2"})
    given = facts(wanted, status(wanted, cluster_info={"scaling": text}), preflight=None)
    taken = step(given, job=running_job(), requirements={"a": Bounds(1, 2), "b": Bounds(2, 2)})
    assert taken.decision == Record(None, None)


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        pytest.param({KEY: "a:2"}, {KEY: "a:4"}, {}, id="another scheduler"),
        pytest.param({**ADAPTIVE, KEY: "a:2,b:2"}, {**ADAPTIVE, KEY: "a:4"}, {}, id="an override taken away"),
        pytest.param({**ADAPTIVE, KEY: "a:2"}, ADAPTIVE, {}, id="all taken away"),
        pytest.param(
            {**ADAPTIVE, KEY: "a:2"},
            {**ADAPTIVE, KEY: "a:4", "kubernetes.operator.job.upgrade.inplace-scaling.enabled": "false"},
            {},
            id="switched off",
        ),
        pytest.param({**ADAPTIVE, KEY: "a:2", "x": "1"}, {**ADAPTIVE, KEY: "a:4", "x": "2"}, {}, id="more changed"),
        pytest.param(
            {**ADAPTIVE, KEY: "a:2"}, {**ADAPTIVE, KEY: "a:4"}, {"requirements": Unreachable("no")}, id="no answer"
        ),
    ],
)
def test_everything_else_is_an_upgrade(before: dict[str, str], after: dict[str, str], more: dict) -> None:
    taken = _changed(before, after, **more)
    assert isinstance(taken.decision, Record) and isinstance(taken.decision.then, TriggerStop)


def test_a_refusal_is_remembered_for_its_generation() -> None:
    before, after = {**ADAPTIVE, KEY: "a:2"}, {**ADAPTIVE, KEY: "a:4"}
    refused = {"exceptions-told": "0 0", "scaling-refused": "1"}
    given = facts(spec(after), status(spec(before), cluster_info=refused), preflight=None)
    assert isinstance(step(given, requirements=PRESENT).decision, Record)
    newer = facts(spec(after), given.status, preflight=None, meta={"generation": 2})
    tried = step(newer, requirements=PRESENT).decision
    assert isinstance(tried, Record) and isinstance(tried.then, RescaleJob)


def test_flink_is_asked_only_for_a_change_that_could_be_made_in_place() -> None:
    asked = _changed({**ADAPTIVE, KEY: "a:2"}, {**ADAPTIVE, KEY: "a:4"}, requirements=None)
    assert isinstance(asked.decision, Look) and asked.decision.needs == (Need.REQUIREMENTS,)
    parallelism = facts(spec(ADAPTIVE, parallelism=2), status(spec(ADAPTIVE)), preflight=None)
    assert isinstance(step(parallelism).decision, Record), "in native mode a new job.parallelism is an upgrade"


def test_unreadable_overrides_are_left_to_flink() -> None:
    assert scalings.overrides({KEY: "a"}) == {}
    assert scalings.overrides({KEY: "a:x,b:0,c:3"}) == {"c": 3}


@pytest.mark.parametrize(
    ("conf", "state", "effect"),
    [
        (ADAPTIVE, "RUNNING", plans.Effect.SCALE_IN_PLACE),
        (ADAPTIVE, "RECONCILING", plans.Effect.UPGRADE_SAVEPOINT),
        ({}, "RUNNING", plans.Effect.UPGRADE_SAVEPOINT),
    ],
)
def test_a_plan_tells_it(conf: dict[str, str], state: str, effect: plans.Effect) -> None:
    before, after = spec({**conf, KEY: "a:2"}), spec({**conf, KEY: "a:3"})
    live = {**BODY, "spec": before, "status": status(before, how="savepoint", state=state).to_json()}
    told = plans.effect_of({**BODY, "spec": before}, {**BODY, "spec": after}, live=live)
    assert told.effect is effect and told.changes == (f"flinkConfiguration.{KEY}",)
