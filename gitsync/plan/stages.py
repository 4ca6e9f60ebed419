"""What of a plan may be written now: waves, hooks and the dependencies between Flink resources.

A sync in several steps is driven by what the cluster shows, not by memory: each pass asks which wave is the first
that is not written or not settled, and everything after it waits. Phases and waves are Argo CD's ("Sync Phases and
Waves"): PreSync hooks, then waves of objects and Sync hooks, then PostSync hooks once all is healthy; a failed hook
or a degraded object fails the sync and runs the SyncFail hooks. Undoing drift waits for nothing. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from gitsync.model.identities import Identity
from gitsync.model.plans import Create, Plan, Prune, Removal, Step, Update, Waiting
from gitsync.plan import annotations, health
from gitsync.plan.healthrules import Verdict
from gitsync.plan.hooks import Hook
from operator_core.decide import renames
from operator_core.jsonvalues import dig

_FLINK = "flink.apache.org"


@dataclass(frozen=True, slots=True)
class Stage:
    """The part of a plan that may be written now, and why the rest waits."""

    steps: tuple[Step, ...]
    removals: tuple[Removal, ...]
    postponed: Mapping[Identity, str] = field(default_factory=dict)
    """Why each object that is not written now waits."""
    waits: str = ""
    """What everything else waits for; empty when nothing is left."""
    fails: str = ""
    """What is degraded, so that later waves are not written."""
    wave: int = 0
    """The wave that is under way."""


def wave_of(step: Step) -> int:
    """The wave of a step's object."""
    return annotations.wave(step.desired.body)


def has_several(plan: Plan, hooks: Iterable[Hook]) -> bool:
    """Whether carrying out the plan takes more than one step."""
    return any(hook.phases for hook in hooks) or len({wave_of(step) for step in plan.steps}) > 1


def whole(plan: Plan, verdicts: Mapping[Identity, Verdict | None]) -> Stage:
    """Everything at once, but for session jobs and snapshots whose cluster or job is not ready for them."""
    held = _held(plan, verdicts)
    return Stage(_written(plan.steps, held), turn(plan.removals), held, waits=next(iter(held.values()), ""))


def of_waves(
    plan: Plan, verdicts: Mapping[Identity, Verdict | None], hooks_left: Mapping[int, str], *, settles_last: bool
) -> Stage:
    """The first wave with something to write; nothing of a later one before it is settled.

    `hooks_left` says per wave what its Sync hooks still wait for; `settles_last`: the last wave counts too,
    because something comes after it.
    """
    turns = _turns(plan)
    waves = sorted({*turns.values(), *hooks_left})
    due: list[Step] = []
    for number, wave in enumerate(waves):
        ours = [step for step in plan.steps if turns[step.desired.identity] == wave]
        later = waves[number + 1 :]
        due += ours
        pending = [step for step in ours if is_pending(step)]
        if pending or hooks_left.get(wave):
            reason = f"wave {wave} is written first" if pending else hooks_left[wave]
            more = bool(later) or settles_last or bool(hooks_left.get(wave))
            return replace(_cut(plan, tuple(due), verdicts, reason, rest=more), wave=wave)
        if not later and not settles_last:
            break
        degraded = [step for step in ours if _status(step, verdicts) == "Degraded"]
        if degraded:
            return _cut(plan, tuple(due), verdicts, _unsettled(degraded[0], wave, verdicts), fails=True)
        unsettled = [step for step in ours if not _is_settled(step, verdicts)]
        if unsettled:
            return _cut(plan, tuple(due), verdicts, _unsettled(unsettled[0], wave, verdicts))
    return whole(plan, verdicts)


def _turns(plan: Plan) -> dict[Identity, int]:
    """The wave of every object; what cannot be before something else is not in an earlier wave than that."""
    own = {step.desired.identity: wave_of(step) for step in plan.steps}
    needs = {step.desired.identity: needed for step in plan.steps if (needed := _needs(step)) in own}

    def turn(one: Identity) -> int:
        # A snapshot needs a job, which may need a cluster, which needs nothing: this ends.
        return max(own[one], turn(needs[one])) if one in needs else own[one]

    return {one: turn(one) for one in own}


def _needs(step: Step) -> Identity | None:
    """The Flink resource that has to be there first: the cluster of a session job, the job of a snapshot."""
    one, body = step.desired.identity, step.desired.body
    if one.group != _FLINK:
        return None
    if one.kind == "FlinkSessionJob":
        return Identity(_FLINK, "FlinkDeployment", one.namespace, str(dig(body, "spec", "deploymentName")))
    reference = dig(body, "spec", "jobReference")
    if one.kind != "FlinkStateSnapshot" or not isinstance(reference, dict):
        return None
    return Identity(_FLINK, str(reference.get("kind", "FlinkDeployment")), one.namespace, str(reference.get("name")))


def _cut(
    plan: Plan,
    due: tuple[Step, ...],
    verdicts: Mapping[Identity, Verdict | None],
    reason: str,
    *,
    fails: bool = False,
    rest: bool = True,
) -> Stage:
    held = _held(plan, verdicts)
    now = {step.desired.identity for step in due}
    late = {s.desired.identity: reason for s in plan.steps if s.desired.identity not in now and is_pending(s)}
    waits = reason if rest else next(iter(held.values()), "")
    renamed = {_before(step) for step in due}
    early = tuple(one for one in plan.removals if not isinstance(one, Prune) or one.identity in renamed)
    removals = early if rest else turn(plan.removals)
    return Stage(_written(due, held), removals, {**late, **held}, waits, reason if fails else "")


def _before(step: Step) -> Identity:
    """What a renamed job was: it goes with the wave of the new name, which waits for its savepoint."""
    now = step.desired.identity
    return replace(now, name=renames.name_before(step.desired.body))


def nothing(plan: Plan, reason: str, *, fails: str = "") -> Stage:
    """Nothing of the plan is written yet."""
    kept = tuple(one for one in plan.removals if not isinstance(one, Prune))
    late = {step.desired.identity: reason for step in plan.steps if is_pending(step)}
    return Stage((), kept, late, reason, fails)


def with_wait(stage: Stage, waits: str) -> Stage:
    """The stage, with something that comes after it."""
    return replace(stage, waits=waits)


def _written(steps: Iterable[Step], held: Mapping[Identity, str]) -> tuple[Step, ...]:
    return tuple(step for step in steps if step.desired.identity not in held)


def turn(removals: tuple[Removal, ...]) -> tuple[Removal, ...]:
    """The removals without the prunes whose turn has not come: those wait until what is before them is gone.

    The highest wave first; in a wave session jobs before their cluster, and both before all else: a job that stops
    with its state still needs its account, its volumes and its configuration.
    """
    ranks = [_prune_rank(one) for one in removals if isinstance(one, Prune) or one.awaits == "deletion"]
    if not ranks:
        return removals
    now = max(ranks)
    return tuple(one for one in removals if not isinstance(one, Prune) or _prune_rank(one) == now)


def _prune_rank(one: Removal) -> tuple[int, int]:
    if one.identity.group != _FLINK:
        return (one.wave, 0)
    return (one.wave, 1 if one.identity.kind == "FlinkDeployment" else 2)


def is_pending(step: Step) -> bool:
    """Whether a step's object is not as Git has it."""
    return isinstance(step, Create | Update | Waiting)


def _status(step: Step, verdicts: Mapping[Identity, Verdict | None]) -> str:
    verdict = verdicts.get(step.desired.identity)
    return verdict.status if verdict is not None else "Healthy"


def _is_settled(step: Step, verdicts: Mapping[Identity, Verdict | None]) -> bool:
    verdict = verdicts.get(step.desired.identity)
    return verdict is None or health.is_settled(verdict)


def _unsettled(step: Step, wave: int, verdicts: Mapping[Identity, Verdict | None]) -> str:
    verdict = verdicts.get(step.desired.identity)
    told = f": {verdict.message}" if verdict is not None and verdict.message else ""
    status = verdict.status if verdict is not None else "not there"
    return f"wave {wave} waits for {step.desired.identity.shown}, which is {status}{told}"


def _held(plan: Plan, verdicts: Mapping[Identity, Verdict | None]) -> dict[Identity, str]:
    """Session jobs and snapshots to be written whose cluster or job in the same plan is changed too, or not ready.

    Changing a cluster and its job at once can lose the job's savepoint: the cluster would go while it is taken. A
    snapshot of a job that does not run yet would only fail.
    """
    steps = {step.desired.identity: step for step in plan.steps}
    held: dict[Identity, str] = {}
    for step in plan.steps:
        needed = _needs(step) if isinstance(step, Create | Update) else None
        first = steps.get(needed) if needed is not None else None
        if needed is None or first is None:
            continue
        if is_pending(first) or _status(first, verdicts) in ("Progressing", "Missing"):
            one = step.desired.identity
            what = "session cluster" if one.kind == "FlinkSessionJob" else "job"
            held[one] = f"{one.shown} waits for its {what} {needed.name} to be ready"
    return held
