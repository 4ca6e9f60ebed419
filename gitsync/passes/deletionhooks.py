"""Runs the hooks of an app's deletion: reads them from the revision that was applied last, makes and watches them.

An app whose status names no such hooks needs no repository to be deleted. Decides nothing itself
(`plan.deletionhooks`); the record is accepted before an object is made or deleted.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gitsync.apply.hookruns import HookRuns
from gitsync.desired.targets import Targets
from gitsync.model import syncapps
from gitsync.model.identities import AppName
from gitsync.model.projects import Project
from gitsync.model.syncapps import SyncApp
from gitsync.passes.comparing import Comparer
from gitsync.plan import deletionhooks, health, policies, preparing, projects
from gitsync.plan.deletionhooks import Scene, Waits
from gitsync.plan.hooks import Hook, HookPhase
from gitsync.plan.operations import Next
from gitsync.report.publishing import Publisher
from operator_core.kube.requests import Resource
from operator_core.outcomes import After
from operator_core.runtime.clock import Clock

_LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DeletionHooks:
    """Runs them. Safe to share between threads."""

    clock: Clock
    targets: Targets
    comparer: Comparer
    hook_runs: HookRuns
    publisher: Publisher
    find_kind: Callable[[str, str], Resource | None]
    find_project: Callable[[str], Project]

    def run(self, name: AppName, app: SyncApp, phase: HookPhase) -> Waits | After | None:
        """One step of a phase; None when there is nothing left to do in it.

        Raises what the API server's loss raises.
        """
        if not app.status.delete_hooks or app.spec.sync_policy.option("DeleteHooks") == "false":
            return None
        now = self.clock.now()
        self.targets.follow(name, app, syncapps.followed(app, now))
        target = self.targets.last_good(name, app)
        if target is None or target.rendered is None or target.attempted is None:
            text = "the hooks of its deletion cannot be read from the revision that was applied last"
            return Waits(f"{text}; to go on without, set its sync option DeleteHooks=false", again=_LOOK_SECONDS)
        rendered = target.rendered.objects
        kinds = {key: self.find_kind(*key) for key in preparing.kinds_used(rendered)}
        found = preparing.prepare(rendered, kinds, name, policies.place(app)).hooks
        found = tuple(one for one in found if one.deletion)
        refused = projects.refusals(self.find_project(app.spec.project), (one.desired for one in found))
        if refused:
            return Waits(refused[0].message, failed=True, again=_LOOK_SECONDS)
        operation = deletionhooks.begun(app.status.operation, target.attempted, now)
        runs = deletionhooks.runs_of(operation, name, found)
        live = self.comparer.objects({run.desired.identity: run.desired.resource for run in runs})
        if isinstance(live, After):
            return live
        verdicts = {one: health.assess(obj) for one, obj in live.items()}
        scene = Scene(name, target.attempted, found, verdicts, live)
        step = deletionhooks.step(operation, scene, phase, app.spec.sync_policy.retry, now)
        return self._carry_out(name, app, step, found)

    def _carry_out(self, name: AppName, app: SyncApp, step: Next, found: tuple[Hook, ...]) -> Waits | After | None:
        """Record the step, then make and delete objects."""
        if step.operation != app.status.operation:
            recorded = app.status.model_copy(update={"operation": step.operation})
            if not self.publisher.write(name, app.status, recorded):
                return After(0.0)
        resources = {(one.desired.identity.group, one.desired.identity.kind): one.desired.resource for one in found}
        for one in step.delete:
            self.hook_runs.delete(one, resources[(one.group, one.kind)])
        refused = [problem for run in step.make if (problem := self.hook_runs.make(run)) is not None]
        if refused:
            return Waits(refused[0].message, failed=True, again=_LOOK_SECONDS)
        if step.operation != app.status.operation or step.make:
            return After(0.0)
        return deletionhooks.waits_for(step, self.clock.now())
