"""The plan stage of a pass: what discovery and the watch caches say, handed to the pure planner.

Never asks the API server for an object: kinds come from discovery, objects from watches that start
when a kind is first used. Where the newest commit cannot be applied, the plan is for the last good
one, so that what runs stays defended; such a plan deletes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gitsync.apply.claims import Claims
from gitsync.apply.jqpaths import JqPaths
from gitsync.apply.livecaches import LiveCaches
from gitsync.desired.aims import Target
from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Plan, Step, Update
from gitsync.model.projects import Project
from gitsync.model.syncapps import SyncApp
from gitsync.model.syncstatuses import Problem
from gitsync.passes.neighbours import Neighbours
from gitsync.plan import effects, identities, ignoring, planning, policies, preparing, projects, pruning, restores
from gitsync.plan.diffing import Accepted
from gitsync.plan.hooks import Hook
from gitsync.plan.planning import AppFacts, Cluster
from gitsync.plan.preparing import Prepared
from gitsync.plan.pruning import Budget, PrunePolicy
from gitsync.plan.restores import Order
from operator_core.conf.defaults import Defaults
from operator_core.errors import Reason, Retry
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.discovery import Discovery
from operator_core.kube.requests import Resource
from operator_core.outcomes import After
from operator_core.runtime.clock import Clock

UNLISTED_SECONDS = 0.05
UNREADABLE_SECONDS = 5.0
_KEEP_ALL = PrunePolicy(prune=False, allow_empty=False, guards_state=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """The plan of a pass and what it was made from."""

    plan: Plan | None
    """None: neither the newest revision nor a last good one can be compared."""
    is_newest: bool
    problems: tuple[Problem, ...] = ()
    stalled: bool = False
    warnings: tuple[str, ...] = ()
    live: Mapping[Identity, Object] | None = None
    """The live objects the plan was made from."""
    moved: frozenset[AppName] = frozenset()
    """Apps that take over objects of this one."""
    hooks: tuple[Hook, ...] = ()


@dataclass(frozen=True, slots=True)
class OperatorHalf:
    """The operator half that runs beside this sync half: its rules hold before anything is applied."""

    defaults: Callable[[], Defaults]


@dataclass(frozen=True, slots=True)
class Rulings:
    """Who has a say in a plan beside Git and the cluster.

    `operator` is what is known of the operator half; None when another operator acts on Flink's kinds.
    """

    operator: OperatorHalf | None
    find_project: Callable[[str], Project]
    jq: JqPaths
    orders: Callable[[], tuple[Order, ...]]
    """What a cluster that is rebuilt starts its jobs with."""
    budget: Budget | None = None
    """How much one revision may delete unapproved; None: there is no bound."""


class Comparer:
    """Makes plans. Safe to share between threads."""

    def __init__(
        self,
        clock: Clock,
        apps: Cache,
        discovery: Discovery,
        live: LiveCaches,
        claims: Claims,
        rulings: Rulings,
    ) -> None:
        self._clock = clock
        self._neighbours = Neighbours(clock, apps, claims)
        self._discovery = discovery
        self._live = live
        self._claims = claims
        self._operator = rulings.operator
        self._find_project = rulings.find_project
        self._jq = rulings.jq
        self._budget = rulings.budget
        self._orders = rulings.orders
        self._accepted: dict[tuple[AppName, Identity], Accepted] = {}

    def compare(
        self, name: AppName, app: SyncApp, target: Target, last_good: Callable[[], Target | None]
    ) -> Compared | After:
        """The plan for the newest revision, or for the last good one where the newest is broken."""
        problems, stalled = target.problems, target.stalled
        if target.rendered is not None and target.attempted is not None:
            policy = self._prune_policy(app, target.attempted, target.revisions)
            found = self._plan(name, app, target, policy)
            if isinstance(found, After):
                return found
            prepared, plan, live = found
            if not plan.blocked:
                known = self._operator.defaults() if self._operator is not None else None
                plan = planning.blocked_by(plan, effects.rejections(plan, live, known), app.status)
            project = self._find_project(app.spec.project)
            refused = projects.refusals(project, (*prepared.desired, *(hook.desired for hook in prepared.hooks)))
            if refused:
                # What was applied last is not defended either: it may hold what is not allowed any more.
                return Compared(None, False, (*refused, *problems), True)
            plan = projects.without_refused_prunes(project, plan)
            if not plan.blocked:
                warnings = (*target.rendered.warnings, *prepared.warnings)
                takers = self._neighbours.takers(name, app, plan)
                return Compared(plan, True, problems, stalled, warnings, live, takers, prepared.hooks)
            problems, stalled = (*plan.problems, *problems), True
        good = last_good()
        if good is None or good.attempted is None:
            return Compared(None, False, problems, stalled)
        found = self._plan(name, app, good, _KEEP_ALL)
        if isinstance(found, After):
            return found
        _, plan, live = found
        return Compared(None if plan.blocked else plan, False, problems, stalled, (), live)

    def removal(self, name: AppName, app: SyncApp) -> Plan | After:
        """The plan that deletes everything the app has, as far as that may be deleted."""
        known = self._inventory_resources(app)
        if self._live.follow(known.values()):
            return After(UNLISTED_SECONDS)
        left = pruning.leftovers(app.status.inventory, frozenset(), known, self._live.read(known))
        policy = policies.prune_policy(
            app,
            app.status.sync.revision or "" if app.status.sync else "",
            guards_state=self._guards_state(),
            by_snapshot=self._operator is None,
            deletes_app=True,
        )
        others = self._neighbours.claims_on(name, app, known)
        removals = pruning.decide(left, name, policy, nothing_wanted=True, others=others)
        return Plan("", (), removals, (), app.status.inventory)

    def _prune_policy(self, app: SyncApp, revision: str, revisions: tuple[str, ...] | None) -> PrunePolicy:
        return policies.prune_policy(
            app,
            revision,
            guards_state=self._guards_state(),
            by_snapshot=self._operator is None,
            budget=self._budget,
            asked=policies.prunes_on_request(app, revision, revisions),
        )

    def _guards_state(self) -> bool:
        """Whether somebody takes the state out of a job that is deleted: our operator half, or a snapshot before."""
        snapshots = requests.FLINK_STATE_SNAPSHOTS
        return self._operator is not None or self._discovery.find(snapshots.api_version, snapshots.kind) is not None

    def objects(self, wanted: Mapping[Identity, Resource]) -> dict[Identity, Object] | After:
        """Live objects that no plan names, such as the runs of hooks."""
        if self._live.follow(wanted.values()):
            return After(UNLISTED_SECONDS)
        return self._live.read(wanted)

    def accept(self, name: AppName, accepted: Mapping[Identity, Accepted]) -> None:
        """Remember where the API server keeps other values than were sent."""
        self._accepted.update({(name, identity): one for identity, one in accepted.items()})

    def look_again(self, waiting: tuple[Step, ...]) -> None:
        """Ask discovery anew for kinds that a definition of this revision adds."""
        for step in waiting:
            self._discovery.forget(step.desired.resource.api_version)

    def live_of(self, plan: Plan) -> dict[Identity, Object]:
        """The objects of a plan as they are now."""
        return self._live.read({step.desired.identity: step.desired.resource for step in plan.steps})

    def drop(self, name: AppName) -> None:
        """The app does not exist any more."""
        self._claims.drop(name)
        for key in [key for key in self._accepted if key[0] == name]:
            del self._accepted[key]

    def _plan(
        self, name: AppName, app: SyncApp, target: Target, policy: PrunePolicy
    ) -> tuple[Prepared, Plan, Mapping[Identity, Object]] | After:
        rendered, revision = target.rendered, target.attempted
        assert rendered is not None and revision is not None
        kinds = {key: self._discovery.find(*key) for key in preparing.kinds_used(rendered.objects)}
        prepared = preparing.prepare(rendered.objects, kinds, name, policies.place(app))
        if policy is not _KEEP_ALL:
            self._claims.wants(name, (one.identity for one in prepared.desired))
        wanted = {one.identity: one.resource for one in prepared.desired if one.identity not in prepared.waiting}
        known = self._inventory_resources(app)
        self._live.trust(ignoring.managers_of(app.spec.ignore_differences))
        behind = self._live.follow({*wanted.values(), *known.values()})
        if behind:
            return self._wait_for(behind, prepared)
        live = self._live.read({**known, **wanted})
        prepared = restores.applied(prepared, app, live, self._orders(), self._clock.now())
        accepted = {identity: self._accepted.get((name, identity)) for identity in live}
        cluster = Cluster(
            live,
            known,
            self._neighbours.taken(name, live),
            {identity: one for identity, one in accepted.items() if one is not None},
            ignored_in(app, live, self._jq),
        )
        others = pruning.NOBODY
        if policy is not _KEEP_ALL:
            desired = frozenset(one.identity for one in prepared.desired)
            others = self._neighbours.claims_on(name, app, [identity for identity in known if identity not in desired])
        shared = app.spec.sync_policy.option("FailOnSharedResource") == "true"
        applied = (app.status.sync.revision if app.status.sync else None) or ""
        family = target.family or pruning.NO_CHILDREN
        facts = AppFacts(name, app.status.inventory, policy, others, shared, applied, family)
        plan = planning.plan(revision, prepared, facts, cluster)
        plan = replace(plan, revisions=target.revisions, aim="" if policy is _KEEP_ALL else app.spec.aim)
        return prepared, plan, live

    def _wait_for(self, behind: tuple[Resource, ...], prepared: Prepared) -> After:
        """The first list of a kind has not come yet. Raises Retry where it cannot come, with the first place in Git."""
        for resource in behind:
            problem = self._live.problem(resource)
            if problem is not None:
                users = [one for one in prepared.desired if one.resource == resource]
                place = f"{users[0].file}:{users[0].line}: " if users else ""
                text = f"{place}the agent cannot list and watch {resource.plural}: {problem}"
                raise Retry(Reason.Forbidden if "forbidden" in problem else Reason.ApiError, text, UNREADABLE_SECONDS)
        return After(UNLISTED_SECONDS)

    def _inventory_resources(self, app: SyncApp) -> dict[Identity, Resource]:
        found: dict[Identity, Resource] = {}
        for entry in app.status.inventory:
            identity = identities.parse_identity(entry.id)
            if identity is None:
                continue
            api_version = f"{identity.group}/{entry.version}" if identity.group else entry.version
            resource = self._discovery.find(api_version, identity.kind)
            if resource is not None:
                found[identity] = resource
        return found


def ignored_in(app: SyncApp, live: Mapping[Identity, Object], jq: JqPaths) -> dict[Identity, ignoring.Ignored]:
    """What of the live objects the app does not count. Raises Stalled(Invalid) for an unusable jq expression."""
    found: dict[Identity, ignoring.Ignored] = {}
    for identity, obj in live.items() if app.spec.ignore_differences else ():
        rules = ignoring.of(app.spec.ignore_differences, identity)
        if rules:
            selected = [pointer for text in ignoring.jq_of(rules) for pointer in jq.select(text, obj)]
            found[identity] = ignoring.ignored(rules, selected)
    return found


def is_applied(app: SyncApp, plan: Plan) -> bool:
    """Whether the plan's revision was applied whole before, from the same sources to the same place."""
    return app.status.has_applied(plan.revision, plan.revisions, plan.aim)


def is_drift(app: SyncApp, plan: Plan, step: Step) -> bool:
    """Whether a step undoes a change made in the cluster instead of bringing a commit."""
    return is_applied(app, plan) and isinstance(step, Update) and not step.adopts
