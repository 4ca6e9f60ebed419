"""Child apps that exist are changed and deleted only where what made them says so."""

from typing import Any

import pytest
from planned import APP, PRUNE, entry, identity, prepare, rendered, tracked

from gitsync.model.plans import Keep, Prune, Unchanged, Update
from gitsync.plan import planning
from gitsync.plan.planning import AppFacts, Cluster
from gitsync.plan.pruning import NO_CHILDREN, PrunePolicy
from operator_core.kube.requests import CONFIG_MAPS


class Rules:
    """Nothing may be changed; what may be deleted depends on `allow_empty`."""

    def why_not_updated(self, live: Any) -> str:
        return "its set only creates apps"

    def why_not_pruned(self, live: Any, *, allow_empty: bool) -> tuple[str, bool]:
        return ("", False) if allow_empty else ("its set generates nothing", True)


def plan(rules: Any, *, allow_empty: bool = False) -> Any:
    live = {identity("a"): tracked("a", data={"k": "live"}), identity("gone"): tracked("gone")}
    cluster = Cluster(live, {identity("gone"): CONFIG_MAPS}, {}, {})
    policy = PrunePolicy(prune=True, allow_empty=allow_empty, guards_state=True)
    facts = AppFacts(APP, (entry("a"), entry("gone")), policy, children=rules)
    return planning.plan("r1", prepare(rendered("ConfigMap", "a", data={"k": "git"})), facts, cluster)


def test_without_rules_children_are_like_any_other_object() -> None:
    found = plan(NO_CHILDREN)
    assert [type(step) for step in found.steps] == [Update]
    assert [type(one) for one in found.removals] == [Prune]
    assert PRUNE.prune


@pytest.mark.parametrize(("allow_empty", "removal"), [(False, Keep), (True, Prune)])
def test_rules_keep_children_as_they_are(allow_empty: bool, removal: type) -> None:
    found = plan(Rules(), allow_empty=allow_empty)
    assert [type(step) for step in found.steps] == [Unchanged]
    (one,) = found.removals
    assert type(one) is removal
    if isinstance(one, Keep):
        assert (one.reason, one.blocks) == ("its set generates nothing", True)
        assert [held.id for held in found.inventory] == [str(identity("a")), str(identity("gone"))]


def test_what_does_not_exist_is_made_whatever_the_rules_say() -> None:
    cluster = Cluster({}, {}, {}, {})
    facts = AppFacts(APP, (), PRUNE, children=Rules())
    found = planning.plan("r1", prepare(rendered("ConfigMap", "a")), facts, cluster)
    assert [type(step).__name__ for step in found.steps] == ["Create"]
