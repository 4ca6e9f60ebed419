"""One pass over one SyncApp: fetch, render, plan, apply, assess, report.

Read `Syncer._pass` and you know the way. Every stage takes a frozen value and returns one; no stage
calls an earlier one, and no pass waits: a commit, a change in the cluster or the end of a lookup
wakes the key again. Whatever is wrong ends in the app's status, with the place in Git to mend it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gitsync import targets
from gitsync.apply.applying import Applied, Applier
from gitsync.apply.livecaches import LiveCaches
from gitsync.apply.refusals import NOTHING_HELD, Held, Refusals
from gitsync.fetching import Repositories
from gitsync.model import syncapps
from gitsync.model.plans import Create, Plan, Prune, Update, Waiting
from gitsync.model.records import Record
from gitsync.model.rendersets import RenderSet
from gitsync.model.syncapps import Problem, Status, SyncApp
from gitsync.plan import effects, health, identities, phases, planning, policies, preparing
from gitsync.plan.diffing import Accepted
from gitsync.plan.health import Assessed
from gitsync.plan.identities import AppName, Identity
from gitsync.plan.planning import AppFacts, Cluster
from gitsync.plan.policies import CarryOut, OnlyCompare
from gitsync.plan.preparing import Prepared
from gitsync.plan.pruning import PrunePolicy
from gitsync.report import status
from gitsync.report.status import Findings, WriteBack
from gitsync.targets import Target, Targets
from operator_core.errors import AgentError, Stalled
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.kube.discovery import Discovery
from operator_core.kube.events import Recorder
from operator_core.kube.requests import Resource
from operator_core.outcomes import After, Done, Outcome
from operator_core.runtime.clock import Clock
from operator_core.runtime.queues import Key

log = logging.getLogger(__name__)

STATUS_MANAGER = "gitsync-status"
_UNSYNCED_CACHE_SECONDS = 0.05
_BROKEN_CACHE_SECONDS = 5.0
_UNSERVED_KIND_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Parts:
    """What a pass works with."""

    client: Client
    clock: Clock
    apps: Cache
    discovery: Discovery
    live: LiveCaches
    applier: Applier
    refusals: Refusals
    repositories: Repositories
    targets: Targets
    recorder: Recorder
    cluster: str | None
    operator_defaults: Mapping[str, str]
    guards_state: bool
    tell: Callable[[str, Record], None]
    """Hand a record for a repository (URL) to whoever writes back."""
    write_back: Callable[[str], WriteBack | None]


@dataclass(frozen=True, slots=True)
class Compared:
    """The plan of a pass and what it was made from."""

    plan: Plan | None
    is_newest: bool
    problems: tuple[Problem, ...]
    stalled: bool
    warnings: tuple[str, ...]
    live: Mapping[Identity, Object]


@dataclass(frozen=True, slots=True)
class Written:
    """What came of carrying a plan out."""

    carried_out: bool
    held_back: str = ""
    request: str | None = None
    applied: Applied | None = None
    held: Held = NOTHING_HELD


class Syncer:
    """Runs passes. One instance per agent; passes of different apps run in parallel."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._accepted: dict[tuple[AppName, Identity], Accepted] = {}
        self._told: dict[AppName, tuple[str, ...]] = {}

    def reconcile(self, key: Key) -> Outcome:
        """One pass over the SyncApp behind `key`. Raises Retry and Stalled."""
        obj = self._parts.apps.get(key.namespace, key.name)
        name = AppName(key.namespace, key.name)
        if obj is None:
            self._forget(name)
            return Done()
        app = syncapps.parse(obj)
        return Done() if app.deleting else self._pass(name, app)

    def failed(self, key: Key, error: Exception) -> None:
        """A pass raised: tell it in the app's status where that can help."""
        obj = self._parts.apps.get(key.namespace, key.name)
        if obj is None or not isinstance(error, AgentError) or isinstance(error, errors.Unreachable | errors.Conflict):
            log.warning("app %s/%s: %s", key.namespace, key.name, error, exc_info=not isinstance(error, AgentError))
            return
        problem = Problem(reason=error.reason, message=error.message)
        findings = Findings(None, None, problems=(problem,), stalled=isinstance(error, Stalled))
        try:
            old = Status.model_validate(obj.get("status") or {})
        except ValueError:
            old = Status()
        generation = int(obj["metadata"].get("generation", 0))
        self._write(obj, old, status.build(old, generation, findings, self._parts.clock.now()))

    def _pass(self, name: AppName, app: SyncApp) -> Outcome:
        parts = self._parts
        targets.check_destination(app)
        pin = app.pin if app.pin is not None and syncapps.is_live(app.pin.until, parts.clock.now()) else None
        target = parts.targets.find(name, app, pin)
        if target is None:
            return Done()
        compared = self._compare(name, app, target)
        if isinstance(compared, After):
            return compared
        written = self._carry_out(name, app, compared, lambda: parts.targets.is_current(name, target, app, pin))
        if isinstance(written, After):
            return written
        return self._report(name, target, compared, written)

    def _compare(self, name: AppName, app: SyncApp, target: Target) -> Compared | After:
        """The plan for the newest revision, or for the last good one where the newest is broken."""
        problems, stalled = target.problems, target.stalled
        if target.rendered is not None and target.attempted is not None:
            policy = policies.prune_policy(app, guards_state=self._parts.guards_state)
            found = self._plan(name, app, target.attempted, target.rendered, policy)
            if isinstance(found, After):
                return found
            prepared, plan, live = found
            if not plan.blocked:
                return Compared(plan, True, problems, stalled, (*target.rendered.warnings, *prepared.warnings), live)
            problems, stalled = (*plan.problems, *problems), True
        good = self._parts.targets.last_good(name, app)
        if good is None or app.status.sync is None or app.status.sync.revision is None:
            return Compared(None, False, problems, stalled, (), {})
        keep_all = PrunePolicy(prune=False, allow_empty=False, guards_state=False)
        found = self._plan(name, app, app.status.sync.revision, good, keep_all)
        if isinstance(found, After):
            return found
        _, plan, live = found
        return Compared(None if plan.blocked else plan, False, problems, stalled, (), live)

    def _plan(
        self, name: AppName, app: SyncApp, revision: str, rendered: RenderSet, policy: PrunePolicy
    ) -> tuple[Prepared, Plan, Mapping[Identity, Object]] | After:
        discovery = self._parts.discovery
        kinds = {key: discovery.find(*key) for key in preparing.kinds_used(rendered.objects)}
        prepared = preparing.prepare(rendered.objects, kinds, name, app.spec.destination.namespace)
        wanted = {one.identity: one.resource for one in prepared.desired if one.identity not in prepared.waiting}
        known = self._inventory_resources(app)
        behind = self._parts.live.follow({*wanted.values(), *known.values()})
        if behind:
            return self._wait_for(behind)
        live = self._parts.live.read({**known, **wanted})
        cluster = Cluster(live, known, self._taken(name, live), self._accepted_of(name, live))
        return prepared, planning.plan(revision, prepared, AppFacts(name, app.status.inventory, policy), cluster), live

    def _wait_for(self, behind: tuple[Resource, ...]) -> After:
        """Caches that have not listed yet; a kind that cannot be listed is an error with its reason."""
        for resource in behind:
            problem = self._parts.live.problem(resource)
            if problem is not None:
                log.warning("%s cannot be listed: %s", resource.plural, problem)
                return After(_BROKEN_CACHE_SECONDS)
        return After(_UNSYNCED_CACHE_SECONDS)

    def _inventory_resources(self, app: SyncApp) -> dict[Identity, Resource]:
        found: dict[Identity, Resource] = {}
        for entry in app.status.inventory:
            identity = identities.parse_identity(entry.id)
            if identity is None:
                continue
            api_version = f"{identity.group}/{entry.version}" if identity.group else entry.version
            resource = self._parts.discovery.find(api_version, identity.kind)
            if resource is not None:
                found[identity] = resource
        return found

    def _taken(self, name: AppName, live: Mapping[Identity, Object]) -> dict[Identity, AppName]:
        """Objects that another app tracks and has in its inventory."""
        found: dict[Identity, AppName] = {}
        for identity, obj in live.items():
            owner = identities.owner_of(obj)
            if owner is None or owner == name:
                continue
            other = self._parts.apps.get(owner.namespace, owner.name)
            inventory = ((other or {}).get("status") or {}).get("inventory") or []
            if any(entry.get("id") == str(identity) for entry in inventory):
                found[identity] = owner
        return found

    def _accepted_of(self, name: AppName, live: Mapping[Identity, Object]) -> dict[Identity, Accepted]:
        pairs = ((identity, self._accepted.get((name, identity))) for identity in live)
        return {identity: accepted for identity, accepted in pairs if accepted is not None}

    def _carry_out(
        self, name: AppName, app: SyncApp, compared: Compared, still_wanted: Callable[[], bool]
    ) -> Written | After:
        plan, parts = compared.plan, self._parts
        if plan is None:
            return Written(False)
        match policies.decide(app, plan, parts.clock.now()):
            case OnlyCompare(reason):
                return Written(False, held_back=reason)
            case CarryOut(request):
                pass
        if request is not None:
            parts.refusals.clear(name)
        held = parts.refusals.held(name, plan, parts.clock.monotonic())
        writes = tuple(
            step
            for step in plan.steps
            if isinstance(step, Create | Update) and step.desired.identity not in held.problems
        )
        prunes = () if held.problems else tuple(one for one in plan.removals if isinstance(one, Prune))
        if not writes and not prunes:
            return Written(True, request=request, held=held)
        if compared.is_newest and self._is_news(app, plan):
            starting = status.starting(app.status, app.generation, plan, parts.clock.now())
            if not self._write_status(name, app.status, starting):
                return After(0.0)
        makes = app.spec.destination.namespace if "CreateNamespace=true" in app.spec.sync_policy.sync_options else ""
        chosen = replace(plan, steps=writes, removals=prunes)
        applied = parts.applier.apply(chosen, still_wanted, makes_namespace=makes)
        self._learn(name, app, plan, applied)
        if applied.lost is not None:
            raise applied.lost
        return Written(True, request=request, applied=applied, held=held)

    def _is_news(self, app: SyncApp, plan: Plan) -> bool:
        """Whether the status has to be written ahead: a new revision, or objects the inventory lacks."""
        known = {entry.id for entry in app.status.inventory}
        applied = app.status.sync.revision if app.status.sync is not None else None
        return plan.revision != applied or any(entry.id not in known for entry in plan.inventory)

    def _learn(self, name: AppName, app: SyncApp, plan: Plan, applied: Applied) -> None:
        """Remember what the API server accepted or refused, to save requests."""
        refusals, now = self._parts.refusals, self._parts.clock.monotonic()
        was_applied = app.status.sync is not None and app.status.sync.revision == plan.revision
        for step in plan.steps:
            identity = step.desired.identity
            if identity in applied.refused:
                refusals.remember(name, identity, step.desired.digest, applied.refused[identity], now)
            elif identity in applied.answers:
                self._accepted[(name, identity)] = applied.accepted[identity]
                refusals.clear(name, identity)
                if was_applied and isinstance(step, Update) and not step.adopts:
                    refusals.repaired(name, step, now)

    def _report(self, name: AppName, target: Target, compared: Compared, written: Written) -> Outcome:
        parts = self._parts
        obj = parts.apps.get(name.namespace, name.name)
        if obj is None:
            return Done()
        app = syncapps.parse(obj)
        plan, applied = compared.plan, written.applied
        refused = {**written.held.problems, **(applied.refused if applied is not None else {})}
        live = self._live_now(plan)
        findings = Findings(
            attempted=target.attempted,
            plan=plan,
            is_newest=compared.is_newest,
            carried_out=written.carried_out,
            held_back=written.held_back,
            problems=(*compared.problems, *refused.values()),
            stalled=compared.stalled,
            warnings=compared.warnings,
            assessed=self._assess(plan, live),
            refused=frozenset(refused),
            pruned=frozenset(applied.pruned) if applied is not None else frozenset(),
            effects=effects.of_writes(compared.live, applied.answers, parts.operator_defaults) if applied else {},
            request=written.request,
            write_back=parts.write_back(app.spec.source.repo_url),
        )
        now = parts.clock.now()
        new = status.build(app.status, app.generation, findings, now, history_limit=app.spec.revision_history_limit)
        if not self._write_status(name, app.status, new):
            return After(0.0)
        self._tell(name, app, new, findings, live)
        return self._next(findings, written)

    def _live_now(self, plan: Plan | None) -> dict[Identity, Object]:
        if plan is None:
            return {}
        return self._parts.live.read({step.desired.identity: step.desired.resource for step in plan.steps})

    def _assess(self, plan: Plan | None, live: Mapping[Identity, Object]) -> tuple[Assessed, ...]:
        if plan is None:
            return ()
        wanted = [step.desired.identity for step in plan.steps]
        return tuple(Assessed(identity, health.assess(live.get(identity))) for identity in wanted)

    def _next(self, findings: Findings, written: Written) -> Outcome:
        pauses = [written.held.next_try] if written.held.next_try is not None else []
        if written.applied is not None and written.applied.refused:
            pauses.append(2.0)
        plan = findings.plan
        waiting = [step for step in plan.steps if isinstance(step, Waiting)] if plan is not None else []
        for step in waiting:
            self._parts.discovery.forget(step.desired.resource.api_version)
        if waiting and findings.carried_out:
            pauses.append(_UNSERVED_KIND_SECONDS)
        return After(min(pauses)) if pauses else Done()

    def _tell(
        self, name: AppName, app: SyncApp, new: Status, findings: Findings, live: Mapping[Identity, Object]
    ) -> None:
        """Hand a record of this commit to the write-back when it says something new."""
        cluster, plan = self._parts.cluster, findings.plan
        broken = self._broken(findings)
        revision = findings.attempted if broken is not None or plan is None else plan.revision
        if cluster is None or revision is None or not (findings.is_newest or broken is not None):
            return
        kept = {Identity(r.group, r.kind, r.namespace or "", r.name): r.effect or "" for r in new.resources}
        verdict = health.aggregate(findings.assessed)
        progress = phases.Progress(revision, broken, status.is_whole(findings), verdict, live, kept)
        record = phases.record(cluster, name, progress, self._parts.clock.now())
        if record is None:
            return
        said = (record.revision, record.phase, record.reason, record.message, str(record.jobs))
        if self._told.get(name) != said:
            self._told[name] = said
            self._parts.tell(app.spec.source.repo_url, record)

    def _broken(self, findings: Findings) -> tuple[str, str] | None:
        if findings.problems and (findings.stalled or findings.refused) and findings.attempted is not None:
            return findings.problems[0].reason, status.problems_text(findings)
        return None

    def _write_status(self, name: AppName, old: Status, new: Status) -> bool:
        obj = self._parts.apps.get(name.namespace, name.name)
        return obj is not None and self._write(obj, old, new)

    def _write(self, obj: Object, old: Status, new: Status) -> bool:
        """Write the status if it changed; False when somebody else wrote the app meanwhile (read again)."""
        if new == old:
            return True
        parts = self._parts
        body = {**obj, "status": new.to_json()}
        request = requests.replace(requests.SYNC_APPS, body, subresource="status", field_manager=STATUS_MANAGER)
        try:
            answer = parts.client.send(request)
        except errors.NotFound:
            return True
        except errors.Conflict:
            meta = obj["metadata"]
            parts.apps.observed(parts.client.send(requests.get(requests.SYNC_APPS, meta["namespace"], meta["name"])))
            return False
        parts.apps.observed(answer)
        self._event(obj, old, new)
        return True

    def _event(self, obj: Object, old: Status, new: Status) -> None:
        """An event when something new keeps the app from being what Git says."""
        if new.problems and new.problems != old.problems:
            first = new.problems[0]
            self._parts.recorder.event(obj, "Warning", first.reason, status.problem_text(first))

    def _forget(self, name: AppName) -> None:
        parts = self._parts
        parts.repositories.drop(name)
        parts.targets.drop(name)
        parts.refusals.clear(name)
        self._told.pop(name, None)
        for key in [key for key in self._accepted if key[0] == name]:
            del self._accepted[key]
