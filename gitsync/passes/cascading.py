"""What happens to an app that is being deleted: its objects stay, unless it carries the cascade finalizer.

With the finalizer everything the app applied and still owns is deleted first, under the same guards as
pruning: nothing of others, no definitions or namespaces, no running job whose state nobody takes out.
What a guard holds back keeps the app there and says so, and so does a PreDelete or PostDelete hook.
"""

from dataclasses import dataclass, replace

from gitsync.apply.applying import Applier
from gitsync.model.identities import AppName
from gitsync.model.plans import Keep, Prune
from gitsync.model.syncapps import SyncApp
from gitsync.model.syncstatuses import Problem
from gitsync.passes.comparing import Comparer
from gitsync.passes.deletionhooks import DeletionHooks
from gitsync.plan import deletions, policies, pruning, stages
from gitsync.plan.deletionhooks import Waits
from gitsync.plan.hooks import HookPhase
from gitsync.report import status
from gitsync.report.findings import Findings
from gitsync.report.publishing import Publisher
from operator_core.jsonvalues import Object, dig
from operator_core.outcomes import After, Done, Outcome
from operator_core.runtime.clock import Clock

FINALIZERS = ("gitsync.io/cascade", "resources-finalizer.argocd.argoproj.io")
"""Ours and Argo CD's, whose form may have a suffix such as `/background`."""
_LOOK_SECONDS = 2.0
_BLOCKED_SECONDS = 30.0


def is_cascade(finalizer: str) -> bool:
    """Whether a finalizer asks for the deletion of what the app applied."""
    return any(finalizer == one or finalizer.startswith(f"{one}/") for one in FINALIZERS)


@dataclass(frozen=True, slots=True)
class Cascade:
    """Deletes what deleted apps leave behind."""

    clock: Clock
    comparer: Comparer
    applier: Applier
    publisher: Publisher
    hooks: DeletionHooks

    def reconcile(self, name: AppName, app: SyncApp, obj: Object) -> Outcome:
        """One pass over an app that is being deleted. Raises Retry."""
        finalizers = dig(obj, "metadata", "finalizers", default=[])
        if not any(is_cascade(one) for one in finalizers):
            return Done()
        if policies.is_suspended(app, self.clock.now()):
            return self._held(name, app, f"{name} is suspended: nothing of it is deleted")
        waits = self.hooks.run(name, app, HookPhase.PRE_DELETE)
        outcome = self._waits(name, app, waits) if waits is not None else self._delete(name, app)
        if outcome is not None:
            return outcome
        waits = self.hooks.run(name, app, HookPhase.POST_DELETE)
        if waits is not None:
            return self._waits(name, app, waits)
        self.publisher.release(obj, [one for one in finalizers if not is_cascade(one)])
        return Done()

    def _delete(self, name: AppName, app: SyncApp) -> Outcome | None:
        """Delete what may go now; None when nothing is left. Raises Retry."""
        plan = self.comparer.removal(name, app)
        if isinstance(plan, After):
            return plan
        prunes = tuple(one for one in stages.turn(plan.removals) if isinstance(one, Prune))
        applied = self.applier.apply(replace(plan, removals=prunes), lambda: True)
        if applied.lost is not None:
            raise applied.lost
        if applied.refused:
            return self._held(name, app, "; ".join(one.message for one in applied.refused.values()))
        if applied.securing:
            self._held(name, app, "; ".join(applied.securing.values()), stalled=False)
            return After(_LOOK_SECONDS)
        kept = [one for one in plan.removals if isinstance(one, Keep) and one.identity.kind not in pruning.NEVER]
        blocking = [one for one in kept if one.blocks]
        if blocking:
            return self._held(name, app, f"{blocking[0].identity.shown}: {blocking[0].reason}")
        overdue = [one for one in kept if deletions.is_blocked(one, self.clock.now())]
        if overdue:
            return self._held(name, app, deletions.told_blocked(overdue[0], self.clock.now()))
        return After(_LOOK_SECONDS) if prunes or any(one.awaits for one in kept) else None

    def _waits(self, name: AppName, app: SyncApp, waits: Waits | After) -> Outcome:
        """A hook is not done; its object, or the end of a build, wakes the app."""
        if isinstance(waits, After):
            return waits
        held = self._held(name, app, waits.why, stalled=waits.failed)
        return After(waits.again) if waits.again is not None else held

    def _held(self, name: AppName, app: SyncApp, why: str, *, stalled: bool = True) -> Outcome:
        problem = Problem(reason="DeletionBlocked", message=why)
        findings = Findings(None, None, problems=(problem,), stalled=stalled)
        self.publisher.write(name, app.status, status.build(app.status, app.generation, findings, self.clock.now()))
        return After(_BLOCKED_SECONDS)
