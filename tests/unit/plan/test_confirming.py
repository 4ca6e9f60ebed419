"""Nothing is deleted unless two renders of the same commits name the same objects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.model.identities import Identity
from gitsync.model.plans import Desired, Keep, Plan, Prune, Unchanged
from gitsync.plan import confirming
from gitsync.plan.confirming import Second
from operator_core.kube.requests import CONFIG_MAPS


def identity(name: str) -> Identity:
    return Identity("", "ConfigMap", "n", name)


def plan(wanted: frozenset[str], gone: frozenset[str]) -> Plan:
    steps = tuple(Unchanged(Desired(identity(n), CONFIG_MAPS, {}, n, "a.yaml", 1)) for n in sorted(wanted))
    prunes = tuple(Prune(identity(n), CONFIG_MAPS, f"uid-{n}", False) for n in sorted(gone))
    return Plan("a" * 40, steps, (Keep(identity("kept"), "v1", "as told", blocks=False), *prunes), (), ())


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (Second(frozenset({identity("a"), identity("b")})), "a second render of it has ConfigMap n/b"),
        (Second(frozenset()), "a second render of it lacks ConfigMap n/a"),
        (Second(frozenset({identity("a")}), "out of memory"), "the second render of it failed: out of memory"),
    ],
    ids=["there after all", "less each time", "failed"],
)
def test_two_renders_that_differ_delete_nothing(second: Second, words: str) -> None:
    found = confirming.confirmed(plan(frozenset("a"), frozenset("b")), second)
    (told,) = [one for one in found.removals if one.identity == identity("b")]
    assert isinstance(told, Keep) and told.blocks and words in told.reason
    assert found.steps == plan(frozenset("a"), frozenset("b")).steps, "what both have is applied all the same"


def test_two_renders_that_agree_delete_what_they_lack() -> None:
    first = plan(frozenset("a"), frozenset("b"))
    assert confirming.confirmed(first, Second(frozenset({identity("a")}))) == first


def test_only_a_plan_that_deletes_needs_a_second_render() -> None:
    assert confirming.needs(plan(frozenset(), frozenset("b")))
    assert not confirming.needs(plan(frozenset("a"), frozenset()))
    assert not confirming.needs(None)


NAMES = st.frozensets(st.sampled_from("abcdef"))


@given(wanted=NAMES, gone=NAMES, second=NAMES)
def test_what_one_of_two_renders_wants_is_never_deleted(
    wanted: frozenset[str], gone: frozenset[str], second: frozenset[str]
) -> None:
    found = confirming.confirmed(plan(wanted, gone - wanted), Second(frozenset(map(identity, second))))
    deleted = {one.identity.name for one in found.removals if isinstance(one, Prune)}
    assert not deleted & (wanted | second)
    assert deleted == (gone - wanted if wanted == second else set())
    assert len(found.removals) == 1 + len(gone - wanted), "every removal has its row"
