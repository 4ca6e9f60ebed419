"""What a change of a manifest does to the Flink job behind it, as the operator half would decide.

The only place where the sync half asks the other: the same rules that will carry the change out say
beforehand what it means, so plan and deed cannot disagree.
"""

from collections.abc import Mapping

from gitsync.model.identities import Identity
from gitsync.model.plans import Create, Desired, Plan, Update
from gitsync.model.syncstatuses import Problem
from gitsync.plan import phases, scaling
from operator_core.conf.defaults import Defaults
from operator_core.decide import plans
from operator_core.decide import renames as operator_renames
from operator_core.decide.plans import Effect, JobEffect
from operator_core.errors import Reason
from operator_core.jsonvalues import Object


def effect(
    identity: Identity,
    old: Object | None,
    new: Object | None,
    *,
    live: Object | None = None,
    defaults: Defaults,
) -> JobEffect | None:
    """The effect of replacing `old` by `new` (None: not there); None for objects that are no Flink job."""
    if not phases.is_job(identity):
        return None
    return plans.effect_of(old, new, live=live, defaults=defaults)


def rejections(plan: Plan, live: Mapping[Identity, Object], defaults: Defaults | None) -> tuple[Problem, ...]:
    """What the operator half would refuse of a plan: told before anything is written, with its place in Git.

    `defaults` is what holds below every resource; None: another operator carries the plan out.
    """
    if defaults is None:
        return _renames(plan)
    found: list[Problem] = []
    for step in plan.steps:
        if not isinstance(step, Create | Update):
            continue
        one = step.desired
        known = _whole(live.get(one.identity))
        told = effect(one.identity, known, one.body, live=known, defaults=defaults)
        if told is not None and told.effect is Effect.REJECTED:
            found.append(_refused(one, told.reason))
    return tuple(found)


def _renames(plan: Plan) -> tuple[Problem, ...]:
    """New names of jobs where another operator starts them: it would start them without their state."""
    created = [step.desired for step in plan.steps if isinstance(step, Create) and phases.is_job(step.desired.identity)]
    text = (
        f"{operator_renames.RENAMED_FROM} is served by gitsync's own operator, which does not run here; "
        "set spec.job.initialSavepointPath to a savepoint of the old job"
    )
    return tuple(_refused(one, text) for one in created if operator_renames.name_before(one.body))


def _refused(one: Desired, why: str) -> Problem:
    text = f"{one.identity.shown}: {why}"
    return Problem(reason=Reason.ValidationError, message=text, file=one.file, line=one.line, object=one.identity.shown)


def foreseen(plan: Plan, live: Mapping[Identity, Object], defaults: Defaults) -> dict[Identity, str]:
    """The effect per Flink job that the writes of a plan will have."""
    changed = [step.desired for step in plan.steps if isinstance(step, Create | Update)]
    writes = {one.identity: scaling.filled(one.body, live.get(one.identity) or {}) for one in changed}
    return of_writes(live, writes, defaults)


def _whole(live: Object | None) -> Object | None:
    """Objects that no app tracks are cached by name only; nothing can be told of their job."""
    return live if live is not None and "spec" in live else None


def of_writes(
    before: Mapping[Identity, Object], after: Mapping[Identity, Object], defaults: Defaults
) -> dict[Identity, str]:
    """The effect per Flink job of writes that were answered with `after`."""
    found: dict[Identity, str] = {}
    for identity, answer in after.items():
        known = _whole(before.get(identity))
        told = effect(identity, known, answer, live=known, defaults=defaults)
        if told is not None:
            found[identity] = told.effect.value
    return found
