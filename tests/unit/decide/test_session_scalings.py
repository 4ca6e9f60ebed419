"""Session jobs rescaled in place: the rules of FlinkDeployments, with the mode and version of their cluster."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sessionsituations as s

from operator_core.decide import memories, sessionjobs
from operator_core.decide.decisions import Look, Record, RescaleJob, TriggerStop
from operator_core.decide.flinkfacts import Bounds, Flink
from operator_core.decide.needs import Need
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.decide.sessionstops import SessionStep
from operator_core.model import lastspecs
from operator_core.model.statuses import Condition

KEY = "pipeline.jobvertex-parallelism-overrides"
ADAPTIVE = {"jobmanager.scheduler": "adaptive"}
PRESENT = {"a": Bounds(1, 2), "b": Bounds(2, 2)}
READY = Condition(type="Ready", status="True", reason="Running", observed_generation=1)


def spec(overrides: str, **conf: str):
    return s.spec({"flinkConfiguration": {KEY: overrides, **conf}})


def changed(before, after, *, conf=ADAPTIVE, told=None, requirements=PRESENT) -> SessionFacts:
    """A running job whose spec changed; `told` is what its status remembers, None where it keeps no conditions."""
    was = s.status(before)
    if told is not None:
        was = memories.remembering(was.model_copy(update={"conditions": (READY,)}), told)
    flink = Flink(job=s.job())
    flink = replace(flink, requirements=requirements) if requirements is not None else flink
    facts = s.facts(after, was, session=s.cluster(conf), flink=flink, generation=2)
    return replace(facts, last_conf={**facts.last_conf, KEY: before["flinkConfiguration"].get(KEY, "")})


def effect(step: SessionStep) -> object:
    return step.decision.then if isinstance(step.decision, Record) else step.decision


def test_changed_overrides_become_bounds_and_once_they_hold_the_spec_is_recorded() -> None:
    asking = sessionjobs.decide(changed(spec("a:2"), spec("a:4"), told={}, requirements=None))
    assert asking.decision == Look((Need.REQUIREMENTS,))
    scaling = sessionjobs.decide(changed(spec("a:2"), spec("a:4"), told={}))
    rescale = effect(scaling)
    assert isinstance(rescale, RescaleJob)
    assert dict(rescale.bounds) == {"a": Bounds(1, 4), "b": Bounds(2, 2)}
    assert memories.of(scaling.status) == {"scaling": "a:1-2,b:2-2"}
    assert [event.reason for event in scaling.events] == ["SpecChanged", "Scaling"]
    held = {**PRESENT, "a": Bounds(1, 4)}
    done = sessionjobs.decide(
        changed(spec("a:2"), spec("a:4"), told=dict(memories.of(scaling.status)), requirements=held)
    )
    recorded = lastspecs.decode(done.status.reconciliation_status.last_reconciled_spec or "").spec
    assert recorded["flinkConfiguration"][KEY] == "a:4"
    assert (done.status.observed_generation, memories.of(done.status)) == (2, {})


@pytest.mark.parametrize(
    ("before", "after", "conf", "told"),
    [
        pytest.param(spec("a:2"), spec("a:4"), {}, {}, id="not the adaptive scheduler"),
        pytest.param(spec("a:2,b:2"), spec("a:2"), ADAPTIVE, {}, id="an override taken away"),
        pytest.param(spec("a:2"), spec("a:4", x="y"), ADAPTIVE, {}, id="something else changed too"),
        pytest.param(
            spec("a:2"),
            spec("a:4", **{"kubernetes.operator.job.upgrade.inplace-scaling.enabled": "false"}),
            ADAPTIVE,
            {},
            id="switched off",
        ),
        pytest.param(spec("a:2"), spec("a:4"), ADAPTIVE, {"scaling-refused": "2"}, id="refused by Flink"),
        pytest.param(spec("a:2"), spec("a:4"), ADAPTIVE, None, id="a refusal could not be remembered"),
    ],
)
def test_everything_else_is_a_full_upgrade(before, after, conf, told) -> None:
    assert isinstance(effect(sessionjobs.decide(changed(before, after, conf=conf, told=told))), TriggerStop)


def test_a_rescaling_for_a_spec_that_never_was_recorded_is_set_back() -> None:
    held = {**PRESENT, "a": Bounds(1, 4)}
    told = {"scaling": "a:1-2,b:2-2"}
    step = sessionjobs.decide(changed(spec("a:2"), spec("a:2"), told=told, requirements=held))
    back = effect(step)
    assert isinstance(back, RescaleJob)
    assert dict(back.bounds) == PRESENT
