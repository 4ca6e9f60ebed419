"""From prepared objects and the live ones to a plan: one step each, and the inventory to write first.

Pure and complete: what is not in the plan is not done. A revision with a problem known now is not
applied at all, neither in part nor by pruning; its inventory stays what it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Create, Desired, Keep, Plan, Step, Taken, Unchanged, Update, Waiting
from gitsync.model.syncstatuses import InventoryEntry, Problem, Status
from gitsync.plan import diffing, emptied, identities, ignoring, oneshots, pruning
from gitsync.plan.diffing import Accepted
from gitsync.plan.preparing import Prepared
from gitsync.plan.pruning import NO_CHILDREN, NOBODY, ChildRules, Others, PrunePolicy
from operator_core.errors import Reason
from operator_core.jsonvalues import Object
from operator_core.kube.requests import Resource


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the caches say about everything the plan may touch."""

    live: Mapping[Identity, Object]
    resources: Mapping[Identity, Resource]
    """How the kinds of inventory entries are served."""
    taken: Mapping[Identity, AppName]
    """Objects that another app has in its inventory and tracks."""
    accepted: Mapping[Identity, Accepted]
    """Where the API server answered our last apply with other values than we sent."""
    ignored: ignoring.Selections = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AppFacts:
    """What the plan has to know about the app."""

    name: AppName
    inventory: tuple[InventoryEntry, ...]
    policy: PrunePolicy
    others: Others = NOBODY
    fails_on_shared: bool = False
    """Whether an object of another app refuses the whole revision (FailOnSharedResource)."""
    applied: str = ""
    """The revision that was applied whole last."""
    children: ChildRules = NO_CHILDREN


def plan(revision: str, prepared: Prepared, app: AppFacts, cluster: Cluster) -> Plan:
    """The plan of `app` for `revision` (a full commit id)."""
    if prepared.problems:
        return Plan(revision, (), (), prepared.problems, app.inventory)
    old = {entry.id: entry for entry in app.inventory}
    spent = {
        one.identity
        for one in prepared.desired
        if oneshots.is_carried_out(old.get(str(one.identity)), one.digest, revision=revision, applied=app.applied)
    }
    steps = tuple(_step(one, prepared, app, cluster, one.identity in spent) for one in prepared.desired)
    shared = tuple(_shared(step) for step in steps if isinstance(step, Taken)) if app.fails_on_shared else ()
    if shared:
        return Plan(revision, (), (), shared, app.inventory)
    wanted = frozenset(one.identity for one in prepared.desired)
    left = pruning.leftovers(app.inventory, wanted, cluster.resources, cluster.live)
    removals = pruning.decide(
        left,
        app.name,
        app.policy,
        nothing_wanted=not wanted,
        others=app.others,
        inventory=len(app.inventory),
        children=app.children,
    )
    staying = {str(removal.identity) for removal in removals}
    entries = [
        _entry(step, old.get(str(step.desired.identity)), revision) for step in steps if not isinstance(step, Taken)
    ]
    entries += [entry for entry in app.inventory if entry.id in staying]
    return Plan(revision, steps, removals, (), tuple(entries))


def _shared(step: Taken) -> Problem:
    one = step.desired
    text = f"{one.identity.shown} belongs to the app {step.owner}"
    return Problem(reason=Reason.SharedResource, message=text, file=one.file, line=one.line, object=one.identity.shown)


def blocked_by(plan: Plan, problems: tuple[Problem, ...], status: Status) -> Plan:
    """The plan, emptied when something is known to be wrong with it."""
    return Plan(plan.revision, (), (), problems, status.inventory, plan.revisions) if problems else plan


def _step(one: Desired, prepared: Prepared, app: AppFacts, cluster: Cluster, carried_out: bool) -> Step:
    if one.identity in prepared.waiting:
        return Waiting(one)
    if one.identity in cluster.taken:
        return Taken(one, cluster.taken[one.identity])
    live = cluster.live.get(one.identity)
    if live is None:
        return Unchanged(one) if oneshots.is_over(one.identity, carried_out=carried_out) else Create(one)
    if app.children.why_not_updated(live):
        return Unchanged(one)
    known = cluster.accepted.get(one.identity)
    ignored = known.paths(one.digest, live) if known is not None else frozenset()
    spent = oneshots.spent(one.identity, carried_out=carried_out)
    tolerated = oneshots.both(cluster.ignored.get(one.identity, ignoring.NOTHING), spent)
    body = ignoring.respected(one.body, live, tolerated)
    found = emptied.not_told(body, one.identity, diffing.compare(body, live, ignored=ignored))
    differences = ignoring.counted(found, body, live, tolerated)
    if not differences:
        return Unchanged(one)
    return Update(replace(one, body=body), differences, adopts=identities.owner_of(live) != app.name)


def _entry(step: Step, old: InventoryEntry | None, revision: str) -> InventoryEntry:
    one = step.desired
    # A digest of a Secret would let everyone who reads the status test guesses of its value.
    digest = None if one.identity.kind == "Secret" else one.digest
    fresh = InventoryEntry(id=str(one.identity), version=one.resource.version, revision=revision, digest=digest)
    if old is None or old.revision is None:
        return fresh
    same_content = isinstance(step, Unchanged) if digest is None else old.digest == digest
    return replace_revision(fresh, old.revision) if same_content else fresh


def replace_revision(entry: InventoryEntry, revision: str) -> InventoryEntry:
    """The entry with another revision."""
    return entry.model_copy(update={"revision": revision})


def with_annotation(one: Desired, name: str, value: str) -> Desired:
    """The object with one more annotation in what is applied."""
    meta = one.body["metadata"]
    body = {**one.body, "metadata": {**meta, "annotations": {**meta.get("annotations", {}), name: value}}}
    return replace(one, body=body)


def kept(plan: Plan) -> tuple[Keep, ...]:
    """What stays in the cluster although Git does not have it."""
    return tuple(removal for removal in plan.removals if isinstance(removal, Keep))
