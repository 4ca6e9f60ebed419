"""The hooks of an app's deletion, step by step: PreDelete before its objects go, PostDelete after they are gone.

As Argo CD has them ("Resource Hooks"), run from the revision that was applied last. Which ones run is recorded in the
app's status before they are made, how they ended before they are deleted. One that failed is made anew after a pause,
for as long as it takes: nothing more is deleted meanwhile. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Plan
from gitsync.model.syncpolicies import Retry
from gitsync.model.syncstatuses import Operation
from gitsync.plan import hooks, operations
from gitsync.plan.healthrules import Verdict
from gitsync.plan.hooks import Hook, HookPhase, Run
from gitsync.plan.operations import Next, Sync
from operator_core.jsonvalues import Object

_WITHOUT = "to go on without, set the app's sync option DeleteHooks=false"


@dataclass(frozen=True, slots=True)
class Scene:
    """The hooks of the revision that was applied last, and their objects."""

    app: AppName
    revision: str
    hooks: tuple[Hook, ...]
    verdicts: Mapping[Identity, Verdict | None]
    live: Mapping[Identity, Object]


@dataclass(frozen=True, slots=True)
class Waits:
    """The deletion does not go on; `failed`: not by itself soon. `again`: seconds until the next look."""

    why: str
    failed: bool = False
    again: float | None = None


def ids(found: tuple[Hook, ...]) -> tuple[str, ...]:
    """How the status names the hooks that an app's deletion runs."""
    return tuple(sorted(f"{phase.value} {one.desired.identity}" for one in found for phase in one.deletion))


def begun(known: Operation | None, revision: str, now: datetime) -> Operation:
    """The operation of the app's deletion: the one that is under way, or one that begins, or begins again."""
    plan = Plan(revision, (), (), (), ())
    if known is None or not known.deletes or known.revision != revision:
        return operations.begun(plan, now, None).model_copy(update={"deletes": True})
    if known.phase == "Failed" and operations.is_due(known, now):
        done = tuple(one for one in known.hooks if one.state == "Succeeded")
        again = operations.begun(plan, now, None, known)
        return again.model_copy(update={"deletes": True, "hooks": done})
    return known


def runs_of(operation: Operation, app: AppName, found: tuple[Hook, ...]) -> tuple[Run, ...]:
    """Every run the deletion has or will have."""
    return tuple(
        hooks.run(one, phase, app, operation.revision, operation.mark) for one in found for phase in one.deletion
    )


def step(operation: Operation, scene: Scene, phase: HookPhase, retry: Retry, now: datetime) -> Next:
    """What comes next in `phase`; its stage waits for nothing once the phase is done."""
    runs = runs_of(operation, scene.app, scene.hooks)
    sync = Sync(scene.app, Plan(operation.revision, (), (), (), ()), scene.hooks, scene.verdicts, scene.live)
    return operations.of_deletion(operation, sync, runs, phase, retry, now)


def waits_for(found: Next, now: datetime) -> Waits | None:
    """What the phase waits for after a step; None when it is done."""
    operation = found.operation
    if operation.phase == "Failed":
        left = operations.seconds_left(operation, now)
        text = f"{operation.message}; it is made anew at {operation.retry_at}; {_WITHOUT}"
        return Waits(text, failed=True, again=left)
    return Waits(found.stage.waits) if found.stage.waits else None
