"""Carries a plan out, as far as it may be now: records first, then hooks, then objects.

What the plan is going to touch, and which hooks run for it, is in the app's status before the first write; a restart
goes on from there. What has to wait (a later wave, a hook, a sync window, an approval) is told with its reason and
looked at again when something it waits for changes. Decides nothing itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from gitsync.apply.applying import Applied, Applier, NewNamespace
from gitsync.apply.hookruns import HookRuns
from gitsync.apply.refusals import NOTHING_HELD, Held, Refusals
from gitsync.apply.restartbudgets import RestartBudget
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Create, Plan, Prune, Update
from gitsync.model.projects import SyncWindow
from gitsync.model.syncapps import SyncApp
from gitsync.model.syncstatuses import Operation, Problem
from gitsync.passes import comparing
from gitsync.passes.comparing import Compared, Comparer
from gitsync.plan import effects, gates, health, operations, policies, stages, syncrequests
from gitsync.plan.gates import Closed
from gitsync.plan.hooks import Run
from gitsync.plan.operations import Next, Sync
from gitsync.plan.policies import CarryOut, OnlyCompare
from gitsync.plan.stages import Stage
from gitsync.report import status
from gitsync.report.publishing import Publisher
from operator_core.conf.defaults import Defaults
from operator_core.decide.plans import Effect
from operator_core.errors import Reason
from operator_core.kube.requests import Resource
from operator_core.outcomes import After
from operator_core.runtime import failpoints
from operator_core.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Written:
    """What came of carrying a plan out."""

    carried_out: bool
    held_back: str = ""
    request: str | None = None
    applied: Applied | None = None
    held: Held = NOTHING_HELD
    operation: Operation | None = None
    postponed: Mapping[Identity, str] = field(default_factory=dict)
    """Objects that are written later, and why."""
    waits: str = ""
    problems: tuple[Problem, ...] = ()
    again: float | None = None
    """Seconds until the next step."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """Writes plans. Safe to share between threads."""

    clock: Clock
    comparer: Comparer
    applier: Applier
    hook_runs: HookRuns
    refusals: Refusals
    publisher: Publisher
    operator_defaults: Callable[[], Defaults]
    windows: Callable[[str], Iterable[SyncWindow]]
    """The sync windows of a project."""
    budget: RestartBudget

    def carry_out(
        self, name: AppName, app: SyncApp, compared: Compared, still_wanted: Callable[[], bool]
    ) -> Written | After:
        """Write what the plan asks for. Raises what the API server's loss raises."""
        plan = compared.plan
        if plan is None:
            # Nothing can be done for the request but to say why: that answers it.
            return Written(False, request=policies.pending_request(app) if compared.stalled else None)
        match policies.decide(app, plan, self.clock.now()):
            case OnlyCompare(reason):
                return Written(False, held_back=reason, operation=app.status.operation)
            case CarryOut(request):
                pass
        gate = self._gate(app, compared, plan)
        if gate is not None:
            left = (gate.until - self.clock.now()).total_seconds() if gate.until is not None else None
            again = max(0.1, left) if left is not None else None
            return Written(False, held_back=gate.reason, operation=app.status.operation, again=again)
        if request is not None:
            self.refusals.clear(name)
        found = self._next(name, app, compared, plan, request)
        if isinstance(found, After):
            return found
        return self._write(name, app, compared, (plan, found, request), still_wanted)

    def _gate(self, app: SyncApp, compared: Compared, plan: Plan) -> Closed | None:
        """What stands in the plan's way now."""
        operation = app.status.operation
        commits = (plan.revision, plan.revisions, plan.aim)
        under_way = operation is not None and operation.phase == "Running" and operation.is_of(*commits)
        begun = operations.began(operation) if operation is not None and under_way else None
        foreseen: Mapping[Identity, str] = {}
        if app.spec.sync_policy.approval != "never":
            foreseen = effects.foreseen(plan, compared.live or {}, self.operator_defaults())
        return gates.closed(app, plan, self.windows(app.spec.project), foreseen, self.clock.now(), begun)

    def _next(
        self, name: AppName, app: SyncApp, compared: Compared, plan: Plan, request: str | None
    ) -> Next | Stage | After:
        """The stage that may be written, with the operation it belongs to where there is one."""
        now = self.clock.now()
        live = dict(compared.live or {})
        verdicts = {step.desired.identity: health.of_step(step, live) for step in plan.steps}
        applied = comparing.is_applied(app, plan)
        operation = None
        if compared.is_newest and not syncrequests.selection(request):
            known = app.status.operation
            operation = operations.current(known, plan, compared.hooks, request, applied=applied, now=now)
        if operation is None:
            return stages.whole(plan, verdicts)
        runs = operations.runs_of(operation, name, compared.hooks)
        places = {run.desired.identity: run.desired.resource for run in runs}
        seen = self.comparer.objects(places)
        if isinstance(seen, After):
            return seen
        verdicts |= {one: health.assess(obj) for one, obj in seen.items()}
        sync = Sync(name, plan, compared.hooks, verdicts, {**live, **seen})
        return operations.step(operation, sync, app.spec.sync_policy.retry, now)

    def _write(
        self,
        name: AppName,
        app: SyncApp,
        compared: Compared,
        what: tuple[Plan, Next | Stage, str | None],
        still_wanted: Callable[[], bool],
    ) -> Written | After:
        plan, found, request = what
        only = syncrequests.selection(request)
        stage = gates.selected(found.stage if isinstance(found, Next) else found, only)
        operation = found.operation if isinstance(found, Next) else None
        held = self.refusals.held(name, plan, self.clock.monotonic())
        chosen, stage = self._within_budget(_chosen(plan, stage, held), stage, compared)
        runs = (found.make, found.delete) if isinstance(found, Next) else ((), ())
        served = None if gates.is_left(plan, stage, only) else request
        written = _told(app, stage, operation, served, held, self.clock)
        writes = bool(chosen.steps or chosen.removals)
        if not writes and not any(runs) and operation == app.status.operation:
            return written
        if not self._record(name, app, compared, plan, chosen, operation):
            return After(0.0)
        refused = self._run_hooks(compared, runs)
        if not writes:
            return replace(written, problems=(*written.problems, *refused), again=_soon(written, any(runs)))
        applied = self.applier.apply(chosen, still_wanted, namespace=_namespace_to_make(app))
        self._learn(name, app, plan, applied)
        if applied.lost is not None:
            raise applied.lost
        failpoints.reach("applied")
        again = _soon(written, operation is not None and operation.phase == "Running")
        if applied.securing:
            waits = next(iter(applied.securing.values()))
            served = None if only else served
            written, again = (
                replace(written, waits=waits, request=served),
                min(_SAVEPOINT_SECONDS, again or _SAVEPOINT_SECONDS),
            )
        return replace(written, applied=applied, problems=(*written.problems, *refused), again=again)

    def _within_budget(self, chosen: Plan, stage: Stage, compared: Compared) -> tuple[Plan, Stage]:
        """The plan without the jobs for whose restart there is no place now."""
        told = effects.foreseen(chosen, compared.live or {}, self.operator_defaults())
        restarting = [one for one, effect in told.items() if effect in _RESTARTS]
        granted = self.budget.take(restarting) if restarting else frozenset()
        late = {one: NO_PLACE for one in restarting if one not in granted}
        if not late:
            return chosen, stage
        steps = tuple(step for step in chosen.steps if step.desired.identity not in late)
        waits = stage.waits or f"{next(iter(late)).shown} {NO_PLACE}"
        return replace(chosen, steps=steps), replace(stage, postponed={**stage.postponed, **late}, waits=waits)

    def _record(
        self,
        name: AppName,
        app: SyncApp,
        compared: Compared,
        plan: Plan,
        chosen: Plan,
        operation: Operation | None,
    ) -> bool:
        """Have the status accepted that must be there before the first write; False: the app changed meanwhile."""
        news = compared.is_newest and bool(chosen.steps or chosen.removals) and _is_news(app, plan)
        if not news and operation == app.status.operation:
            return True
        before = app.status.model_copy(update={"operation": operation})
        if news:
            foreseen = effects.foreseen(chosen, compared.live or {}, self.operator_defaults())
            before = status.starting(before, app.generation, plan, self.clock.now(), foreseen)
        if not self.publisher.write(name, app.status, before):
            return False
        failpoints.reach("inventory-recorded")
        return True

    def _run_hooks(self, compared: Compared, runs: tuple[tuple[Run, ...], tuple[Identity, ...]]) -> tuple[Problem, ...]:
        make, delete = runs
        resources: dict[tuple[str, str], Resource] = {
            (hook.desired.identity.group, hook.desired.identity.kind): hook.desired.resource for hook in compared.hooks
        }
        for one in delete:
            self.hook_runs.delete(one, resources[(one.group, one.kind)])
        return tuple(problem for run in make if (problem := self.hook_runs.make(run)) is not None)

    def _learn(self, name: AppName, app: SyncApp, plan: Plan, applied: Applied) -> None:
        """Remember what the API server accepted or refused, to save requests."""
        refusals, now = self.refusals, self.clock.monotonic()
        self.comparer.accept(name, applied.accepted)
        for step in plan.steps:
            identity = step.desired.identity
            if identity in applied.refused:
                refusals.remember(name, identity, step.desired.digest, applied.refused[identity], now)
            elif identity in applied.answers:
                refusals.clear(name, identity)
                if comparing.is_drift(app, plan, step) and isinstance(step, Update):
                    refusals.repaired(name, step, now)


NO_PLACE = "waits until fewer jobs are restarting"
_RESTARTS = frozenset(
    effect.value
    for effect in (
        Effect.UPGRADE_SAVEPOINT,
        Effect.UPGRADE_LAST_STATE,
        Effect.RESTART_STATELESS,
        Effect.REDEPLOY,
        Effect.STATE_LOSS,
    )
)
_BUDGET_SECONDS = 2.0
_SAVEPOINT_SECONDS = 1.0


def _soon(written: Written, more: bool) -> float | None:
    """At once when the next step may already be due; nothing else wakes the app for its own writes."""
    return 0.0 if more else written.again


def _told(
    app: SyncApp, stage: Stage, operation: Operation | None, request: str | None, held: Held, clock: Clock
) -> Written:
    """What is known before anything is written."""
    problems: tuple[Problem, ...] = ()
    again = None
    if operation is not None and operation.phase in ("Failing", "Failed"):
        left = operations.seconds_left(operation, clock.now())
        then = f"; tried again at {operation.retry_at}" if left is not None else ""
        problems = (Problem(reason=Reason.SyncFailed, message=f"{operation.message or 'the sync failed'}{then}"),)
        again = left
    if any(why == NO_PLACE for why in stage.postponed.values()):
        again = _BUDGET_SECONDS
    return Written(
        True,
        request=request,
        held=held,
        operation=operation,
        postponed=stage.postponed,
        waits=stage.waits,
        problems=problems,
        again=again,
    )


def _chosen(plan: Plan, stage: Stage, held: Held) -> Plan:
    """The part of the plan that is to be written now."""
    steps = tuple(
        step for step in stage.steps if isinstance(step, Create | Update) and step.desired.identity not in held.problems
    )
    prunes = () if held.problems else tuple(one for one in stage.removals if isinstance(one, Prune))
    return replace(plan, steps=steps, removals=prunes)


def _is_news(app: SyncApp, plan: Plan) -> bool:
    """Whether the status has to be written ahead: a new revision, or objects the inventory lacks."""
    known = {entry.id for entry in app.status.inventory}
    operation = app.status.operation
    started = operation is not None and operation.is_of(plan.revision, plan.revisions, plan.aim)
    applied = comparing.is_applied(app, plan)
    lacks = any(entry.id not in known for entry in plan.inventory)
    return lacks or not (applied or started)


def _namespace_to_make(app: SyncApp) -> NewNamespace | None:
    policy = app.spec.sync_policy
    if policy.option("CreateNamespace") != "true" or not app.spec.destination.namespace:
        return None
    meta = policy.managed_namespace_metadata
    return NewNamespace(app.spec.destination.namespace, meta.labels if meta else {}, meta.annotations if meta else {})
