"""How far a sync with hooks or waves is, and what it does next.

The operation lives in the app's status: which hooks run for it is recorded before they are made, how they ended
before they are deleted, so that a restart goes on where it was. A hook is done when its object's health says so
(Argo CD, "Hooks": kinds without a health rule are done at once). A failed operation is tried again with growing
pauses up to the app's retry limit; a newer revision or a request begins anew at once. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gitsync.model import syncpolicies
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Plan, Prune
from gitsync.model.syncpolicies import Retry
from gitsync.model.syncstatuses import HookState, Operation
from gitsync.plan import hooks, stages
from gitsync.plan.healthrules import Verdict
from gitsync.plan.hooks import DeletePolicy, Hook, HookPhase, Run
from gitsync.plan.stages import Stage
from operator_core.jsonvalues import Object, dig

DELETED = "its object was deleted by somebody else before it ended"


@dataclass(frozen=True, slots=True)
class Sync:
    """What an operation is about."""

    app: AppName
    plan: Plan
    hooks: tuple[Hook, ...]
    verdicts: Mapping[Identity, Verdict | None]
    """Health of live objects, hooks' runs included."""
    live: Mapping[Identity, Object]


@dataclass(frozen=True, slots=True)
class Next:
    """What to do: record `operation`, then make and delete hooks' objects, then write the stage."""

    operation: Operation
    stage: Stage
    make: tuple[Run, ...] = ()
    delete: tuple[Identity, ...] = ()


def begun(plan: Plan, now: datetime, request: str | None, before: Operation | None = None) -> Operation:
    """A new operation for the plan's revision; `before` is the failed one it repeats."""
    attempt = before.attempt + 1 if before is not None else 0
    mark = f"{int(now.timestamp() * 1000)}"
    return Operation(
        revision=plan.revision,
        revisions=plan.revisions,
        mark=mark,
        aim=plan.aim or None,
        request=request,
        phase="Running",
        attempt=attempt,
    )


def began(operation: Operation) -> datetime:
    """When an operation was begun."""
    return datetime.fromtimestamp(int(operation.mark) / 1000, UTC)


def step(operation: Operation, sync: Sync, retry: Retry, now: datetime) -> Next:
    """What comes next."""
    runs = {run.id: run for run in runs_of(operation, sync.app, sync.hooks)}
    states = {one.id: _looked_at(one, runs.get(one.id), operation, sync) for one in operation.hooks}
    known = operation.model_copy(update={"hooks": tuple(states.values())})
    recovered = operation.phase == "Failed" and _has_recovered(known, sync, runs)
    if operation.phase == "Succeeded" or (operation.phase == "Failed" and not recovered):
        return Next(known, _after(operation, sync), delete=_to_delete(known, runs, sync))
    if recovered:
        known = known.model_copy(update={"phase": "Running", "message": None, "retry_at": None})
    if known.phase == "Failing":
        return _failing(known, sync, runs, retry, now)
    failed = next((one for one in known.hooks if one.state == "Failed" and not _is_for_failure(one)), None)
    if failed is not None:
        return _failing(_fails(known, f"the hook {failed.id} failed: {failed.message}"), sync, runs, retry, now)
    return _running(known, sync, runs, retry, now)


def of_deletion(
    operation: Operation, sync: Sync, found: tuple[Run, ...], phase: HookPhase, retry: Retry, now: datetime
) -> Next:
    """What comes next of the hooks `found` of an app's deletion in one phase; its stage waits until they are done.

    One that fails is tried again without end, with the pauses of `retry`.
    """
    runs = {run.id: run for run in found}
    states = tuple(_looked_at(one, runs.get(one.id), operation, sync) for one in operation.hooks)
    known = operation.model_copy(update={"hooks": states})
    failed = next((one for one in states if one.state == "Failed"), None)
    if failed is not None and known.phase != "Failed":
        message = f"the hook {failed.id} failed: {failed.message}"
        pause = _pause(retry.model_copy(update={"limit": -1}), known.attempt) or timedelta(0)
        at = (now + pause).isoformat(timespec="seconds")
        known = known.model_copy(update={"phase": "Failed", "message": message, "retry_at": at})
    if failed is not None:
        return Next(known, stages.nothing(sync.plan, ""), delete=_to_delete(known, runs, sync))
    due, waits = _due(known, runs, phase)
    stage = stages.nothing(sync.plan, waits)
    return (
        _with_hooks(known, sync, runs, stage, due) if waits else Next(known, stage, (), _to_delete(known, runs, sync))
    )


def _has_recovered(operation: Operation, sync: Sync, runs: Mapping[str, Run]) -> bool:
    """Whether a sync that failed because an object was degraded can go on: it is not any more."""
    if any(one.state == "Failed" and not _is_for_failure(one) for one in operation.hooks):
        return False
    left = _left_by_wave(operation, runs, HookPhase.SYNC)
    post = any(run.phase is HookPhase.POST_SYNC for run in runs.values())
    return not stages.of_waves(sync.plan, sync.verdicts, left, settles_last=post).fails


def _is_for_failure(state: HookState) -> bool:
    return state.id.startswith(f"{HookPhase.SYNC_FAIL.value} ")


def current(
    known: Operation | None, plan: Plan, found: tuple[Hook, ...], request: str | None, *, applied: bool, now: datetime
) -> Operation | None:
    """The operation to go on with; None where the plan takes one step and no hook, and nobody asked for it.

    `applied`: the plan's revision was applied whole before, so that only a request runs its hooks again.
    """
    several = stages.has_several(plan, found)
    if request is not None and (known is None or known.request != request):
        return begun(plan, now, request)
    commits = (plan.revision, plan.revisions, plan.aim)
    if known is not None and (several or known.request is not None) and known.is_of(*commits):
        again = known.phase == "Failed" and is_due(known, now)
        return begun(plan, now, known.request, known) if again else known
    return begun(plan, now, None) if several and not applied else None


def _after(operation: Operation, sync: Sync) -> Stage:
    """An operation that ended leaves drift to be undone at once, and what it did not reach unwritten."""
    if operation.phase == "Succeeded":
        return stages.whole(sync.plan, sync.verdicts)
    return stages.nothing(sync.plan, operation.message or "the sync failed", fails=operation.message or "")


def _running(operation: Operation, sync: Sync, runs: Mapping[str, Run], retry: Retry, now: datetime) -> Next:
    due, waits = _due(operation, runs, HookPhase.PRE_SYNC)
    if waits:
        return _with_hooks(operation, sync, runs, stages.nothing(sync.plan, waits), due)
    sync_hooks = _left_by_wave(operation, runs, HookPhase.SYNC)
    post_hooks = any(run.phase is HookPhase.POST_SYNC for run in runs.values())
    stage = stages.of_waves(sync.plan, sync.verdicts, sync_hooks, settles_last=post_hooks)
    if stage.fails:
        return _failing(_fails(operation, stage.fails), sync, runs, retry, now)
    if stage.waits or stage.postponed:
        due = [run for run in runs.values() if run.phase is HookPhase.SYNC and run.hook.wave <= stage.wave]
        return _with_hooks(operation, sync, runs, stage, [run for run in due if _state(operation, run) is None])
    if any(stages.is_pending(one) for one in stage.steps):
        return _with_hooks(operation, sync, runs, stage, [])
    due, waits = _due(operation, runs, HookPhase.POST_SYNC)
    if waits:
        return _with_hooks(operation, sync, runs, stages.with_wait(stage, waits), due)
    if operation.request is not None and _removes(sync.plan):
        # What nobody does unasked goes on only as long as this does.
        return _with_hooks(operation, sync, runs, stage, [])
    ended = operation.model_copy(update={"phase": "Succeeded", "message": None})
    return Next(ended, stage, delete=_to_delete(ended, runs, sync))


def _removes(plan: Plan) -> bool:
    return any(isinstance(one, Prune) or one.awaits for one in plan.removals)


def _fails(operation: Operation, message: str) -> Operation:
    return operation.model_copy(update={"phase": "Failing", "message": message})


def _failing(operation: Operation, sync: Sync, runs: Mapping[str, Run], retry: Retry, now: datetime) -> Next:
    """Run the SyncFail hooks, then end; how they end changes nothing."""
    message = operation.message or "the sync failed"
    due, waits = _due(operation, runs, HookPhase.SYNC_FAIL, tolerant=True)
    stage = stages.nothing(sync.plan, message, fails=message)
    if waits:
        return _with_hooks(operation, sync, runs, stage, due)
    again = _pause(retry, operation.attempt)
    at = (now + again).isoformat(timespec="seconds") if again is not None else None
    ended = operation.model_copy(update={"phase": "Failed", "retry_at": at})
    return Next(ended, stage, delete=_to_delete(ended, runs, sync))


def _pause(retry: Retry, attempt: int) -> timedelta | None:
    """How long to wait before the next attempt; None: there is none."""
    if 0 <= retry.limit <= attempt:
        return None
    first, longest = (syncpolicies.duration(t) for t in (retry.backoff.duration, retry.backoff.max_duration))
    return min(longest, first * float(retry.backoff.factor ** min(attempt, 16)))


def is_due(operation: Operation, now: datetime) -> bool:
    """Whether a failed operation is to be tried again now."""
    return operation.retry_at is not None and datetime.fromisoformat(operation.retry_at) <= now


def seconds_left(operation: Operation, now: datetime) -> float | None:
    """Seconds until a failed operation is tried again; None when it is not."""
    if operation.phase != "Failed" or operation.retry_at is None:
        return None
    return max(0.05, (datetime.fromisoformat(operation.retry_at) - now).total_seconds())


def runs_of(operation: Operation, app: AppName, found: tuple[Hook, ...]) -> tuple[Run, ...]:
    """Every run an operation has or will have."""
    return tuple(
        hooks.run(one, phase, app, operation.revision, operation.mark) for one in found for phase in one.phases
    )


def _state(operation: Operation, run: Run) -> HookState | None:
    return next((one for one in operation.hooks if one.id == run.id), None)


def _looked_at(state: HookState, run: Run | None, operation: Operation, sync: Sync) -> HookState:
    """The state of a hook that was recorded, as the cluster shows it now."""
    if state.state in ("Succeeded", "Failed") or run is None:
        return state
    one = run.desired.identity
    live = sync.live.get(one)
    if live is None or not hooks.belongs(live, operation.mark):
        gone = state.state == "Running"
        return state.model_copy(update={"state": "Failed", "message": DELETED}) if gone else state
    verdict = sync.verdicts.get(one)
    if verdict is None or verdict.status == "Healthy":
        return state.model_copy(update={"state": "Succeeded", "message": None})
    if verdict.status in ("Degraded", "Unknown"):
        return state.model_copy(update={"state": "Failed", "message": verdict.message})
    return state.model_copy(update={"state": "Running", "message": verdict.message})


def _due(
    operation: Operation, runs: Mapping[str, Run], phase: HookPhase, *, tolerant: bool = False
) -> tuple[list[Run], str]:
    """The hooks of a phase that are to be made now, and what the phase waits for: its waves go one by one."""
    ended = ("Succeeded", "Failed") if tolerant else ("Succeeded",)
    ours = sorted((run for run in runs.values() if run.phase is phase), key=lambda run: run.hook.wave)
    left = [run for run in ours if (state := _state(operation, run)) is None or state.state not in ended]
    if not left:
        return [], ""
    first = [run for run in left if run.hook.wave == left[0].hook.wave]
    return [run for run in first if _state(operation, run) is None], f"waits for the {phase.value} hook {_shown(first)}"


def _left_by_wave(operation: Operation, runs: Mapping[str, Run], phase: HookPhase) -> dict[int, str]:
    left: dict[int, list[Run]] = {}
    for run in runs.values():
        state = _state(operation, run)
        if run.phase is phase and (state is None or state.state != "Succeeded"):
            left.setdefault(run.hook.wave, []).append(run)
    return {wave: f"waits for the {phase.value} hook {_shown(found)}" for wave, found in left.items()}


def _shown(runs: list[Run]) -> str:
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    return f"{runs[0].desired.identity.shown}{more}"


def _with_hooks(operation: Operation, sync: Sync, runs: Mapping[str, Run], stage: Stage, due: list[Run]) -> Next:
    """Record hooks before they are made; those recorded and not there yet are made again."""
    added = tuple(HookState(id=run.id, state="Pending") for run in due)
    told = operation.model_copy(update={"hooks": (*operation.hooks, *added)})
    waiting = [run for run in runs.values() if (s := _state(told, run)) is not None and s.state == "Pending"]
    make: list[Run] = []
    delete: list[Identity] = []
    for run in waiting:
        live = sync.live.get(run.desired.identity)
        if live is None:
            make.append(run)
        elif not hooks.belongs(live, operation.mark) and dig(live, "metadata", "deletionTimestamp") is None:
            delete.append(run.desired.identity)
    return Next(told, stage, tuple(make), (*delete, *_to_delete(told, runs, sync)))


def _to_delete(operation: Operation, runs: Mapping[str, Run], sync: Sync) -> tuple[Identity, ...]:
    """Runs that ended, are recorded so, and whose policy says that they go then."""
    wanted = {"Succeeded": DeletePolicy.SUCCEEDED, "Failed": DeletePolicy.FAILED}
    found: list[Identity] = []
    for state in operation.hooks:
        run = runs.get(state.id)
        policy = wanted.get(state.state)
        live = sync.live.get(run.desired.identity) if run is not None else None
        if run is None or policy is None or policy not in run.hook.policies or live is None:
            continue
        if hooks.belongs(live, operation.mark) and dig(live, "metadata", "deletionTimestamp") is None:
            found.append(run.desired.identity)
    return tuple(found)
