"""One pass over one SyncApp: fetch, render, plan, apply, assess, report.

Read `Syncer._pass` and you know the way. Every stage takes a frozen value and returns one; no stage
calls an earlier one, and no pass waits: a commit, a change in the cluster or the end of a lookup
wakes the key again. Whatever is wrong ends in the app's status, with the place in Git to mend it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gitsync.apply.applying import Applier
from gitsync.apply.claims import Claims
from gitsync.apply.refusals import Refusals
from gitsync.desired import aims
from gitsync.desired.aims import Target
from gitsync.desired.fetching import Repositories
from gitsync.desired.targets import Targets
from gitsync.model import syncapps
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Keep, Plan, Waiting
from gitsync.model.projects import Project
from gitsync.model.records import Phase
from gitsync.model.syncapps import SyncApp
from gitsync.model.syncstatuses import Problem, Status
from gitsync.model.telling import Story
from gitsync.passes import comparing
from gitsync.passes.carrying import Carrier, Written
from gitsync.passes.cascading import Cascade
from gitsync.passes.comparing import Compared, Comparer
from gitsync.passes.confirming import Confirmer
from gitsync.passes.deletionhooks import DeletionHooks
from gitsync.plan import annotations, deletionhooks, deletions, effects, health, policies
from gitsync.plan.health import Assessed
from gitsync.report import flapping, notices, recording, status
from gitsync.report.findings import Findings, WriteBack
from gitsync.report.notices import Where
from gitsync.report.outlets import Source
from gitsync.report.publishing import Publisher
from gitsync.rights import permits
from operator_core.conf.defaults import Defaults
from operator_core.errors import AgentError, Retry, Stalled
from operator_core.jsonvalues import Json, Object, dig
from operator_core.kube import errors
from operator_core.kube.caches import Cache
from operator_core.outcomes import After, Done, Outcome, sooner
from operator_core.runtime.clock import Clock
from operator_core.runtime.queues import Key

log = logging.getLogger(__name__)

_UNSERVED_KIND_SECONDS = 0.5
_UNDECIDED_SECONDS = 0.2
_REFUSED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What a pass works with."""

    clock: Clock
    apps: Cache
    repositories: Repositories
    targets: Targets
    comparer: Comparer
    confirmer: Confirmer
    deletion_hooks: DeletionHooks
    claims: Claims
    carrier: Carrier
    applier: Applier
    refusals: Refusals
    publisher: Publisher
    cluster: str | None
    operator_defaults: Callable[[], Defaults]
    write_back: Callable[[str], WriteBack | None]
    """Whether records reach a repository (URL); None: nothing is written back."""
    wake: Callable[[AppName], None]
    find_project: Callable[[str], Project]


class Syncer:
    """Runs passes. One instance per agent; passes of different apps run in parallel."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._cascade = Cascade(parts.clock, parts.comparer, parts.applier, parts.publisher, parts.deletion_hooks)

    def reconcile(self, key: Key) -> Outcome:
        """One pass over the SyncApp behind `key`. Raises Retry and Stalled."""
        obj = self._parts.apps.get(key.namespace, key.name)
        name = AppName(key.namespace, key.name)
        if obj is None:
            self._forget(name)
            return Done()
        app = syncapps.parse(obj)
        return self._cascade.reconcile(name, app, obj) if app.deleting else self._timed_pass(name, app)

    def _timed_pass(self, name: AppName, app: SyncApp) -> Outcome:
        """One pass, and the next one when a rollback or a suspension ends: nothing else tells of that."""
        left = syncapps.seconds_left(app, self._parts.clock.now())
        try:
            outcome = self._pass(name, app)
        except Stalled as error:
            if left is None:
                raise
            raise Retry(error.reason, error.message, after=left) from error
        return sooner(outcome, After(left)) if left is not None else outcome

    def _pass(self, name: AppName, app: SyncApp) -> Outcome:
        parts = self._parts
        permits.check_destination(app)
        permits.check_project(app, parts.find_project(app.spec.project))
        ref = syncapps.followed(app, parts.clock.now())
        request = policies.pending_request(app)
        parts.targets.follow(name, app, ref)
        if request and not parts.repositories.looked_for(name, request):
            return Done()
        newest = {place: parts.repositories.newest(*place) for place in aims.followed(app, ref)}
        target = parts.targets.find(name, app, ref)
        if target is None:
            return Done()
        try:
            outcome = self._towards(name, app, target)
        finally:
            parts.claims.looked_at(name, newest)
        # A commit that came meanwhile was held against what was known before this pass.
        moved = any(parts.repositories.newest(*place) != sha for place, sha in newest.items())
        return sooner(outcome, After(0.0)) if moved else outcome

    def _towards(self, name: AppName, app: SyncApp, target: Target) -> Outcome:
        """Compare with the cluster, and go on as far as the comparison is certain."""
        parts = self._parts
        compared = parts.comparer.compare(name, app, target, lambda: parts.targets.last_good(name, app))
        if isinstance(compared, After):
            return compared
        confirmed = parts.confirmer.confirmed(name, app, target, compared)
        return self._finish(name, app, target, confirmed) if confirmed is not None else Done()

    def _finish(self, name: AppName, app: SyncApp, target: Target, compared: Compared) -> Outcome:
        """Carry out, assess and report what was compared."""
        parts = self._parts
        ref = syncapps.followed(app, parts.clock.now())
        if compared.plan is not None and _only_awaits_claims(compared.plan):
            return After(_UNDECIDED_SECONDS)
        written = parts.carrier.carry_out(name, app, compared, lambda: parts.targets.is_current(name, app, ref))
        if isinstance(written, After):
            return written
        live = parts.comparer.live_of(compared.plan) if compared.plan is not None else {}
        findings = self._assess(app, target, compared, written, live)
        outcome = self._report(name, findings, written, live)
        for taker in compared.moved:
            parts.wake(taker)
        return outcome

    def _assess(
        self, app: SyncApp, target: Target, compared: Compared, written: Written, live: Mapping[Identity, Object]
    ) -> Findings:
        """Everything there is to tell."""
        plan, applied = compared.plan, written.applied
        if plan is not None and applied is not None:
            plan = deletions.after(plan, applied.deleting)
        refused = {**written.held.problems, **(applied.refused if applied is not None else {})}
        wanted = [step.desired for step in plan.steps] if plan is not None else []
        answers = applied.answers if applied is not None else {}
        return Findings(
            attempted=target.attempted,
            revisions=target.revisions,
            plan=plan,
            is_newest=compared.is_newest,
            carried_out=written.carried_out,
            held_back=written.held_back,
            problems=(*compared.problems, *refused.values(), *written.problems),
            stalled=compared.stalled or (bool(written.problems) and written.again is None),
            warnings=(*policies.told_pin(app, self._parts.clock.now()), *compared.warnings),
            assessed=tuple(
                Assessed(one.identity, health.assess(live.get(one.identity)), f"{one.file}:{one.line}")
                for one in wanted
                if not annotations.ignores_health(one.body)
            ),
            refused=frozenset(refused),
            pruned=frozenset(applied.pruned) if applied is not None else frozenset(),
            effects=self._effects(app, compared, answers),
            request=written.request,
            operation=written.operation,
            postponed=written.postponed,
            waits=written.waits,
            write_back=self._parts.write_back(app.spec.main.repo_url),
            read=target.rendered.places if target.rendered is not None else (),
            delete_hooks=deletionhooks.ids(compared.hooks),
        )

    def _effects(self, app: SyncApp, compared: Compared, answers: Mapping[Identity, Object]) -> dict[Identity, str]:
        """What the revision did to jobs; undoing a change made in the cluster is not the revision's doing."""
        if compared.plan is None or comparing.is_applied(app, compared.plan):
            return {}
        return effects.of_writes(compared.live or {}, answers, self._parts.operator_defaults())

    def _report(self, name: AppName, findings: Findings, written: Written, live: Mapping[Identity, Object]) -> Outcome:
        """Status, event and record; then when to look again if nothing wakes the app before."""
        parts = self._parts
        obj = parts.apps.get(name.namespace, name.name)
        if obj is None:
            return Done()
        app = syncapps.parse(obj)
        now = parts.clock.now()
        new = status.build(app.status, app.generation, findings, now, history_limit=app.spec.revision_history_limit)
        record = recording.record(parts.cluster or "", name, findings, new, live, now)
        steady = flapping.left(app.status.told, new, now)
        record = flapping.steadied(app.status.told, record, new, now)
        new = new.model_copy(update={"told": notices.told(app.status.told, record, new, now)})
        pause = parts.publisher.pause(name, app.status, new)
        if not pause and not parts.publisher.write(name, app.status, new):
            return After(0.0)
        if not pause:
            url = app.spec.main.lookup_url
            if record is not None and not app.spec.main.chart:
                parts.publisher.tell(Source(name, url, _story(app, findings)), record, app.status, new)
            parts.publisher.announce(Where(name, parts.cluster or "", url), app.status, new, record)
        later = self._next(findings, written)
        later = sooner(later, After(steady)) if steady is not None else later
        return sooner(later, After(pause)) if pause else later

    def _next(self, findings: Findings, written: Written) -> Outcome:
        pauses = [pause for pause in (written.held.next_try, written.again) if pause is not None]
        if written.applied is not None and written.applied.refused:
            pauses.append(_REFUSED_SECONDS)
        plan = findings.plan
        waiting = tuple(step for step in plan.steps if isinstance(step, Waiting)) if plan is not None else ()
        if waiting and findings.carried_out:
            self._parts.comparer.look_again(waiting)
            pauses.append(_UNSERVED_KIND_SECONDS)
        if plan is not None and _awaits_claims(plan):
            pauses.append(_UNDECIDED_SECONDS)
        blocked_in = deletions.next_look(deletions.pending(plan), self._parts.clock.now())
        pauses += [blocked_in] if blocked_in is not None else []
        return After(min(pauses)) if pauses else Done()

    def failed(self, key: Key, error: Exception) -> None:
        """A pass raised: tell it in the app's status where that can help."""
        obj = self._parts.apps.get(key.namespace, key.name)
        unwritable = isinstance(error, errors.Unreachable | errors.Conflict)
        if obj is None or not isinstance(error, AgentError) or unwritable:
            unforeseen = None if isinstance(error, AgentError) else error
            log.warning("app %s/%s: %s", key.namespace, key.name, error, exc_info=unforeseen)
            return
        problem = Problem(reason=error.reason, message=error.message)
        findings = Findings(None, None, problems=(problem,), stalled=isinstance(error, Stalled))
        try:
            old = Status.model_validate(obj.get("status") or {})
        except ValueError:
            old = Status()
        generation = int(obj["metadata"].get("generation", 0))
        now = self._parts.clock.now()
        new = status.build(old, generation, findings, now)
        new = new.model_copy(update={"told": notices.told(old.told, None, new, now)})
        name = AppName(key.namespace, key.name)
        first: Json = dig(obj, "spec", "source") or next(iter(dig(obj, "spec", "sources", default=[])), {})
        url = str(dig(first, "repoURL", default=""))
        if self._parts.publisher.write(name, old, new):
            self._parts.publisher.announce(Where(name, self._parts.cluster or "", url), old, new)

    def _forget(self, name: AppName) -> None:
        parts = self._parts
        for part in (parts.publisher, parts.repositories, parts.targets, parts.comparer, parts.confirmer):
            part.drop(name)
        parts.refusals.clear(name)


def _story(app: SyncApp, findings: Findings) -> Story:
    """What the lanes have to know of an app beside its records."""
    policy = app.spec.write_back
    return Story(findings.read, frozenset(map(Phase, policy.phases)), policy.status_branch, policy.commit_status)


def _awaits_claims(plan: Plan) -> bool:
    return any(isinstance(one, Keep) and one.awaits == "claims" for one in plan.removals)


def _only_awaits_claims(plan: Plan) -> bool:
    """Whether all there is to do is to delete what another app may have: that is known in a moment."""
    return _awaits_claims(plan) and plan.in_sync
