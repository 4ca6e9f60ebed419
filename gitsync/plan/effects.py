"""What a change of a manifest does to the Flink job behind it, as the operator half would decide.

The only place where the sync half asks the other: the same rules that will carry the change out say
beforehand what it means, so plan and deed cannot disagree.
"""

from collections.abc import Mapping

from gitsync.model.identities import Identity
from gitsync.plan import phases
from operator_core.decide import plans
from operator_core.decide.plans import JobEffect
from operator_core.jsonvalues import Object


def effect(
    identity: Identity,
    old: Object | None,
    new: Object | None,
    *,
    live: Object | None = None,
    defaults: Mapping[str, str],
) -> JobEffect | None:
    """The effect of replacing `old` by `new` (None: not there); None for objects that are no Flink job."""
    if not phases.is_job(identity):
        return None
    return plans.effect_of(old, new, live=live, defaults=defaults)


def of_writes(
    before: Mapping[Identity, Object], after: Mapping[Identity, Object], defaults: Mapping[str, str]
) -> dict[Identity, str]:
    """The effect per Flink job of writes that were answered with `after`."""
    found: dict[Identity, str] = {}
    for identity, answer in after.items():
        old = before.get(identity)
        known = old if old is not None and "spec" in old else None
        told = effect(identity, known, answer, live=known, defaults=defaults)
        if told is not None:
            found[identity] = told.effect.value
    return found
