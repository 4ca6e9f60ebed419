"""What stands between a plan and its writes: sync windows, approval, a selection.

Pure. Which revisions need approval is the app's own choice (`syncPolicy.approval`); what one would destroy is told
with the same words that the plan of a change has. A selection syncs some objects on request and nothing else: no
hooks, no pruning of others, no history (Argo CD, "Selective Sync").
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

from gitsync.model.identities import Identity
from gitsync.model.plans import Create, Plan, Prune, Update
from gitsync.model.projects import SyncWindow
from gitsync.model.syncapps import SyncApp
from gitsync.plan import policies, windows
from gitsync.plan.stages import Stage
from operator_core.decide.plans import Effect

_NOT_SELECTED = "was not selected"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a plan is only compared, and when that may change by itself."""

    reason: str
    until: datetime | None = None


def selected(stage: Stage, only: tuple[str, ...]) -> Stage:
    """The part of a stage that is asked for; the rest waits."""
    if not only:
        return stage
    steps = tuple(step for step in stage.steps if _is_chosen(step.desired.identity, only))
    left = {
        step.desired.identity: _NOT_SELECTED
        for step in stage.steps
        if isinstance(step, Create | Update) and not _is_chosen(step.desired.identity, only)
    }
    removals = tuple(one for one in stage.removals if not isinstance(one, Prune) or _is_chosen(one.identity, only))
    return replace(stage, steps=steps, removals=removals, postponed={**stage.postponed, **left})


def is_left(plan: Plan, stage: Stage, only: tuple[str, ...]) -> bool:
    """Whether something of a selection has to wait, so that its request is not served yet."""
    if not only:
        return False
    late = [one for one, why in stage.postponed.items() if why != _NOT_SELECTED]
    now = {one.identity for one in stage.removals if isinstance(one, Prune)}
    late += [
        one.identity
        for one in plan.removals
        if one.identity not in now and (isinstance(one, Prune) or one.awaits == "claims")
    ]
    return any(_is_chosen(one, only) for one in late)


def chosen(plan: Plan, only: tuple[str, ...]) -> Plan:
    """The part of a plan that a selection names; all of it where nothing is named."""
    if not only:
        return plan
    steps = tuple(step for step in plan.steps if _is_chosen(step.desired.identity, only))
    return replace(plan, steps=steps, removals=tuple(r for r in plan.removals if _is_chosen(r.identity, only)))


def _is_chosen(one: Identity, only: tuple[str, ...]) -> bool:
    return any(fnmatchcase(f"{one.kind}/{one.name}", glob) for glob in only)


def closed(
    app: SyncApp,
    plan: Plan,
    given: Iterable[SyncWindow],
    foreseen: Mapping[Identity, str],
    now: datetime,
    begun: datetime | None,
) -> Closed | None:
    """What keeps the plan from being carried out; None where nothing does.

    `foreseen`: the effect per Flink job; `begun`: when the sync under way began.
    """
    if plan.in_sync:
        return None
    about = windows.App(app.name, app.spec.destination.namespace)
    requested = policies.served_request(app, plan.revision, plan.revisions) is not None
    window = windows.blocked(given, about, now, requested=requested, begun=begun)
    if window is not None:
        return Closed(window.reason, window.until)
    told = _needs_approval(app, plan, foreseen)
    if told and not policies.is_approved(app, plan.revision):
        how = f"`gitsync approve {app.name}` lets it happen, a newer commit replaces it"
        return Closed(f"revision {plan.revision[:7]} waits for approval: it {told}; {how}")
    return None


def _needs_approval(app: SyncApp, plan: Plan, foreseen: Mapping[Identity, str]) -> str:
    """What a person has to approve of; empty where nobody has to."""
    policy = app.spec.sync_policy.approval
    if policy == "never" or (policy == "always" and _was_applied(app, plan)):
        return ""
    told: list[str] = []
    lost = [one.shown for one, effect in sorted(foreseen.items()) if effect == Effect.STATE_LOSS.value]
    gone = [one.identity.shown for one in plan.removals if isinstance(one, Prune)]
    if lost:
        told.append(f"loses the state of {_listed(lost)}")
    if gone:
        told.append(f"deletes {_listed(gone)}")
    if not told and policy == "always":
        changed = [step.desired.identity.shown for step in plan.steps if isinstance(step, Create | Update)]
        told.append(f"changes {_listed(changed)}")
    return " and ".join(told)


def _was_applied(app: SyncApp, plan: Plan) -> bool:
    return app.status.has_applied(plan.revision, plan.revisions, plan.aim)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
