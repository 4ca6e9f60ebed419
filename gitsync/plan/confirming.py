"""What a plan may delete, given what a second render of the same commits says should exist.

Pure. A removal is proven by two renders that were made apart and name the same objects. Where they differ, one of them
is wrong or the manifests are made at random, and nothing is deleted; what both have is applied all the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gitsync.model.identities import Identity
from gitsync.model.plans import Keep, Plan, Prune

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Second:
    """What the second render names; `problem` where it is not whole."""

    wanted: frozenset[Identity]
    problem: str = ""


def needs(plan: Plan | None) -> bool:
    """Whether a plan deletes something, so that a second render is worth its while."""
    return plan is not None and any(isinstance(one, Prune) for one in plan.removals)


def confirmed(plan: Plan, second: Second) -> Plan:
    """The plan, which deletes nothing unless the second render names the same objects."""
    why = _difference(plan, second)
    if not why:
        return plan
    reason = f"no longer in Git as revision {plan.revision[:7]} was rendered first, but {why}; nothing is deleted"
    removals = tuple(
        Keep(one.identity, one.resource.version, reason, blocks=True, wave=one.wave) if isinstance(one, Prune) else one
        for one in plan.removals
    )
    return replace(plan, removals=removals)


def _difference(plan: Plan, second: Second) -> str:
    if second.problem:
        return f"the second render of it failed: {second.problem}"
    first = frozenset(step.desired.identity for step in plan.steps)
    only_first, only_second = first - second.wanted, second.wanted - first
    if only_second:
        return f"a second render of it has {_listed(only_second)}: two renders of one commit must not differ"
    if only_first:
        return f"a second render of it lacks {_listed(only_first)}: two renders of one commit must not differ"
    return ""


def _listed(identities: Iterable[Identity]) -> str:
    names = [one.shown for one in sorted(identities)]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
