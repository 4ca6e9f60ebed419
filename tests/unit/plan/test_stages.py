"""What of a plan may be written: waves by what is settled, session jobs after their cluster, prunes in turn."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.model.identities import Identity
from gitsync.model.plans import Create, Desired, Keep, Plan, Prune, Step, Unchanged
from gitsync.plan import stages
from gitsync.plan.healthrules import HEALTHY, Verdict
from gitsync.plan.stages import Stage
from operator_core.kube import requests

PROGRESSING, DEGRADED = Verdict("Progressing", "starts"), Verdict("Degraded", "broken")


def desired(name: str, wave: int = 0, kind: str = "ConfigMap", group: str = "", **spec: Any) -> Desired:
    identity = Identity(group, kind, "n", name)
    meta = {"name": name, "namespace": "n", "annotations": {"gitsync.io/sync-wave": str(wave)}}
    return Desired(identity, requests.CONFIG_MAPS, {"kind": kind, "metadata": meta, "spec": spec}, name, "f.yaml", 1)


def plan(*steps: Step, removals: tuple[Any, ...] = ()) -> Plan:
    return Plan("a" * 40, steps, removals, (), ())


def names(stage: Stage) -> list[str]:
    return [step.desired.identity.name for step in stage.steps if stages.is_pending(step)]


def verdicts(**given: Verdict | None) -> dict[Identity, Verdict | None]:
    return {Identity("", "ConfigMap", "n", name): verdict for name, verdict in given.items()}


@pytest.mark.parametrize(
    ("first", "health", "written", "waits"),
    [
        (Create, None, ["a"], "wave 0 is written first"),
        (Unchanged, PROGRESSING, [], "wave 0 waits for ConfigMap n/a, which is Progressing: starts"),
        (Unchanged, HEALTHY, ["b"], ""),
        (Unchanged, None, ["b"], ""),
        (Unchanged, Verdict("Suspended"), ["b"], ""),
    ],
    ids=["not written", "not settled", "settled", "no health", "suspended on purpose"],
)
def test_a_wave_waits_for_the_one_before(
    first: type[Create] | type[Unchanged], health: Verdict | None, written: list[str], waits: str
) -> None:
    stage = stages.of_waves(
        plan(first(desired("a")), Create(desired("b", 1))), verdicts(a=health), {}, settles_last=False
    )
    assert (names(stage), stage.waits) == (written, waits)


def test_a_degraded_object_fails_the_waves_after_it_only() -> None:
    failing = stages.of_waves(
        plan(Unchanged(desired("a")), Create(desired("b", 1))), verdicts(a=DEGRADED), {}, settles_last=False
    )
    assert "is Degraded: broken" in failing.fails and names(failing) == []
    last = stages.of_waves(plan(Unchanged(desired("a"))), verdicts(a=DEGRADED), {}, settles_last=False)
    assert last.fails == ""
    before_hooks = stages.of_waves(plan(Unchanged(desired("a"))), verdicts(a=DEGRADED), {}, settles_last=True)
    assert before_hooks.fails != ""


def test_hooks_of_a_wave_hold_the_next_one() -> None:
    stage = stages.of_waves(
        plan(Unchanged(desired("a")), Create(desired("b", 2))), {}, {1: "waits for a hook"}, settles_last=False
    )
    assert (names(stage), stage.waits, stage.wave) == ([], "waits for a hook", 1)


def test_what_waits_says_why() -> None:
    stage = stages.of_waves(plan(Create(desired("a")), Create(desired("b", 1))), {}, {}, settles_last=False)
    assert stage.postponed == {Identity("", "ConfigMap", "n", "b"): "wave 0 is written first"}


@pytest.mark.parametrize(
    ("cluster", "health", "held"),
    [
        (Create, None, True),
        (Unchanged, PROGRESSING, True),
        (Unchanged, Verdict("Missing"), True),
        (Unchanged, DEGRADED, False),
        (Unchanged, HEALTHY, False),
    ],
)
def test_a_session_job_waits_for_its_cluster_of_the_same_plan(
    cluster: type[Create] | type[Unchanged], health: Verdict | None, held: bool
) -> None:
    session = desired("s", kind="FlinkDeployment", group="flink.apache.org")
    job = desired("j", kind="FlinkSessionJob", group="flink.apache.org", deploymentName="s")
    other = desired("k", kind="FlinkSessionJob", group="flink.apache.org", deploymentName="elsewhere")
    stage = stages.whole(plan(cluster(session), Create(job), Create(other)), {session.identity: health})
    assert ("j" not in names(stage)) is held
    assert "k" in names(stage)
    assert bool(stage.waits) is held


def prune(name: str, wave: int = 0, kind: str = "ConfigMap", group: str = "") -> Prune:
    return Prune(Identity(group, kind, "n", name), requests.CONFIG_MAPS, "uid", False, wave)


def going(name: str, wave: int) -> Keep:
    return Keep(Identity("", "ConfigMap", "n", name), "v1", "being deleted", blocks=False, awaits="deletion", wave=wave)


@pytest.mark.parametrize(
    ("removals", "first"),
    [
        ((prune("a", 0), prune("b", 3)), {"b"}),
        ((prune("a", 0), going("b", 3)), set()),
        ((prune("a", 0), prune("b", 0)), {"a", "b"}),
        (
            (
                prune("s", 0, "FlinkDeployment", "flink.apache.org"),
                prune("j", 0, "FlinkSessionJob", "flink.apache.org"),
            ),
            {"j"},
        ),
        (
            (prune("account", 0, "ServiceAccount"), prune("d", 0, "FlinkDeployment", "flink.apache.org")),
            {"d"},
        ),
    ],
    ids=[
        "highest wave",
        "waits for a higher one",
        "same wave",
        "session job before its cluster",
        "a job before what it needs to stop",
    ],
)
def test_prunes_go_in_turn(removals: tuple[Any, ...], first: set[str]) -> None:
    stage = stages.whole(plan(removals=removals), {})
    assert {one.identity.name for one in stage.removals if isinstance(one, Prune)} == first


def test_nothing_is_pruned_before_the_last_wave() -> None:
    stage = stages.of_waves(
        plan(Create(desired("a")), Create(desired("b", 1)), removals=(prune("x"),)), {}, {}, settles_last=False
    )
    assert [one for one in stage.removals if isinstance(one, Prune)] == []


def test_the_old_name_of_a_job_goes_with_the_wave_of_the_new_one() -> None:
    new = desired("new", 0, "FlinkDeployment", "flink.apache.org")
    new.body["metadata"]["annotations"]["gitsync.io/renamed-from"] = "old"
    old = prune("old", 0, "FlinkDeployment", "flink.apache.org")
    renamed = plan(Create(new), Create(desired("b", 1)), removals=(old, prune("x")))
    stage = stages.of_waves(renamed, {}, {}, settles_last=False)
    assert stage.removals == (old,)
    assert names(stage) == ["new"]


STEPS = st.lists(
    st.tuples(st.integers(-2, 2), st.booleans(), st.sampled_from([None, HEALTHY, PROGRESSING, DEGRADED])), max_size=8
)


@given(STEPS)
def test_nothing_is_written_while_an_earlier_wave_is_not_settled(rows: list[tuple[int, bool, Verdict | None]]) -> None:
    steps: list[Step] = []
    health: dict[Identity, Verdict | None] = {}
    for number, (wave, pending, verdict) in enumerate(rows):
        one = desired(f"o{number}", wave)
        steps.append(Create(one) if pending else Unchanged(one))
        health[one.identity] = verdict
    stage = stages.of_waves(plan(*steps), health, {}, settles_last=False)
    for step in stage.steps:
        if not stages.is_pending(step):
            continue
        for other in steps:
            if stages.wave_of(other) < stages.wave_of(step):
                verdict = health[other.desired.identity]
                assert not stages.is_pending(other)
                assert verdict is None or verdict.status == "Healthy"
    # Something is always said about what is not written.
    written = {step.desired.identity for step in stage.steps}
    left = [s.desired.identity for s in steps if stages.is_pending(s) and s.desired.identity not in written]
    assert set(left) <= set(stage.postponed)
