"""What happens to objects this app applied and Git no longer has.

Nothing is deleted that is not proven to be ours: the entry is in the app's own inventory, the live
object carries this app's tracking id, and the revision rendered whole. A running job with state is
deleted only where its state is taken out first; definitions and namespaces never, because more goes
with them than the app ever applied. Everything kept says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gitsync.model.identities import AppName, Identity
from gitsync.model.plans import Keep, Prune, Removal
from gitsync.model.syncstatuses import InventoryEntry
from gitsync.plan import annotations, deletions, identities, ordering
from operator_core.jsonvalues import Object, dig
from operator_core.kube.requests import Resource

NEVER = frozenset({"CustomResourceDefinition", "Namespace"})
"""Kinds that are never deleted by the agent."""
HOW_TO_APPROVE = "approve it with `gitsync approve`, or revert the commit"
_SMALL = 10
ON_DELETE = "gitsync.io/on-delete"
_JOB_KINDS = frozenset({"FlinkDeployment", "FlinkSessionJob"})


@dataclass(frozen=True, slots=True)
class Budget:
    """How much one revision may delete without a person's approval.

    `percent` of the objects of an app that has ten or more; `jobs`: Flink jobs with state.
    """

    percent: int = 50
    jobs: int = 5


@dataclass(frozen=True, slots=True)
class PrunePolicy:
    """What the app allows, and whether somebody takes the state out of a job that is deleted."""

    prune: bool
    allow_empty: bool
    guards_state: bool
    by_snapshot: bool = False
    """Whether that is a snapshot which is complete before, because another operator runs the jobs."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The app's sync options by name; an object's own win."""
    approved: bool = False
    """Whether a person approved of what this revision deletes."""
    budget: Budget | None = None
    deletes_app: bool = False
    """Whether the app itself is being deleted."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """An inventory entry that the revision does not have, and what the cluster has under its name."""

    entry: InventoryEntry
    identity: Identity
    resource: Resource | None
    """How its kind is served; None: the kind is gone, and the object with it."""
    live: Object | None


@dataclass(frozen=True, slots=True)
class Others:
    """What other apps want of what is left: an object that moves is handed over."""

    claimed: Mapping[Identity, AppName]
    unknown: AppName | None = None
    """An app that may want some of it, which is not known yet."""


NOBODY = Others({})


class ChildRules(Protocol):
    """What the Applications and ApplicationSets of an app say of child apps that exist."""

    def why_not_updated(self, live: Object) -> str:
        """Why an object stays as it is; "" when it may be changed."""

    def why_not_pruned(self, live: Object, *, allow_empty: bool) -> tuple[str, bool]:
        """Why an object that Git no longer has stays ("" when it may go), and whether a person decides."""


class _NoRules:
    def why_not_updated(self, live: Object) -> str:
        return ""

    def why_not_pruned(self, live: Object, *, allow_empty: bool) -> tuple[str, bool]:
        return "", False


NO_CHILDREN: ChildRules = _NoRules()


def leftovers(
    inventory: tuple[InventoryEntry, ...],
    wanted: frozenset[Identity],
    resources: Mapping[Identity, Resource],
    live: Mapping[Identity, Object],
) -> tuple[Leftover, ...]:
    """The entries that are not wanted any more."""
    parsed = ((entry, identities.parse_identity(entry.id)) for entry in inventory)
    return tuple(
        Leftover(entry, identity, resources.get(identity), live.get(identity))
        for entry, identity in parsed
        if identity is not None and identity not in wanted
    )


def decide(
    left: tuple[Leftover, ...],
    app: AppName,
    policy: PrunePolicy,
    *,
    nothing_wanted: bool,
    others: Others = NOBODY,
    inventory: int = 0,
    children: ChildRules = NO_CHILDREN,
) -> tuple[Removal, ...]:
    """One removal per leftover that still exists and is ours alone, in the order of deleting.

    `inventory`: how many objects the app has.
    """
    ours = [one for one in left if one.identity not in others.claimed]
    decided = [_decide_one(one, app, policy, nothing_wanted) for one in ours]
    found = [
        _held(_kept_child(removal, one, policy, children), one, others)
        for removal, one in zip(decided, ours, strict=True)
    ]
    kept = _within_budget([removal for removal in found if removal is not None], policy, inventory)
    return tuple(sorted(kept, key=lambda removal: ordering.rank(removal.identity), reverse=True))


def _kept_child(removal: Removal | None, one: Leftover, policy: PrunePolicy, children: ChildRules) -> Removal | None:
    """A child app goes only where what made it says so."""
    if not isinstance(removal, Prune) or one.live is None:
        return removal
    reason, blocks = children.why_not_pruned(one.live, allow_empty=policy.allow_empty)
    return Keep(one.identity, one.entry.version, reason, blocks=blocks) if reason else removal


def _held(removal: Removal | None, one: Leftover, others: Others) -> Removal | None:
    """Nothing is deleted that another app may have in Git now."""
    if not isinstance(removal, Prune) or others.unknown is None:
        return removal
    reason = f"no longer in Git; deleted unless the app {others.unknown} has it, which is looked at first"
    return Keep(one.identity, one.entry.version, reason, blocks=False, awaits="claims")


def _decide_one(one: Leftover, app: AppName, policy: PrunePolicy, nothing_wanted: bool) -> Removal | None:
    live = one.live
    if live is None or one.resource is None or identities.owner_of(live) != app:
        return None
    version = one.entry.version
    deletion = deletions.of(live)
    if deletion is not None:
        return deletions.keep(one.identity, version, deletion, annotations.wave(live))
    option = "Delete" if policy.deletes_app else "Prune"
    options = {**policy.options, **annotations.options(live)}
    counts = "IgnoreExtraneous" not in annotations.compares(live)
    if options.get(option) == "false":
        return Keep(one.identity, version, f"its sync-options say {option}=false", blocks=False, counts=counts)
    if not policy.prune:
        return Keep(one.identity, version, "no longer in Git; pruning is off", blocks=False, counts=counts)
    if one.identity.kind in NEVER:
        reason = f"no longer in Git; a {one.identity.kind} is never deleted by the agent, delete it by hand"
        return Keep(one.identity, version, reason, blocks=True)
    if nothing_wanted and not policy.allow_empty:
        reason = "Git has nothing left for this app; set syncPolicy.automated.allowEmpty to let that delete everything"
        return Keep(one.identity, version, reason, blocks=True)
    if options.get(option) == "confirm" and not policy.approved:
        reason = f"no longer in Git; its sync-options say {option}=confirm: {HOW_TO_APPROVE}"
        return Keep(one.identity, version, reason, blocks=True)
    needs_guard = has_state(live)
    if needs_guard and not policy.guards_state:
        reason = (
            "no longer in Git, but its job runs with state;"
            " suspend it by a commit (spec.job.state: suspended) and then remove it"
        )
        return Keep(one.identity, version, reason, blocks=True)
    uid = str(dig(live, "metadata", "uid", default=""))
    propagation = options.get("PrunePropagationPolicy", "background").capitalize()
    by_snapshot = needs_guard and policy.by_snapshot
    return Prune(one.identity, one.resource, uid, needs_guard, annotations.wave(live), propagation, by_snapshot)


def _within_budget(removals: list[Removal], policy: PrunePolicy, inventory: int) -> list[Removal]:
    """The removals, all kept when there are more than one revision may delete by itself."""
    prunes = [one for one in removals if isinstance(one, Prune)]
    budget = policy.budget
    if budget is None or policy.approved or policy.deletes_app:
        return removals
    jobs = sum(one.guards_state for one in prunes)
    many = inventory >= _SMALL and len(prunes) * 100 > budget.percent * inventory
    if not many and jobs <= budget.jobs:
        return removals
    what = f"{len(prunes)} of {inventory} objects" if many else f"{jobs} jobs with state"
    reason = f"no longer in Git; this revision would delete {what}, more than one may: {HOW_TO_APPROVE}"
    return [_kept(one, reason) if isinstance(one, Prune) else one for one in removals]


def _kept(one: Prune, reason: str) -> Keep:
    return Keep(one.identity, one.resource.version, reason, blocks=True, wave=one.wave)


def keeps_state(manifest: Object) -> bool:
    """Whether the manifest describes a job that has state between upgrades."""
    group = identities.group_of(str(manifest.get("apiVersion")))
    if manifest.get("kind") not in _JOB_KINDS or group != "flink.apache.org":
        return False
    job = dig(manifest, "spec", "job")
    return isinstance(job, dict) and job.get("upgradeMode", "stateless") != "stateless"


def guarded(manifest: Object) -> Object:
    """The manifest as it is when it is deleted with its state kept."""
    meta = manifest["metadata"]
    guards = {**(meta.get("annotations") or {}), ON_DELETE: "savepoint"}
    return {**manifest, "metadata": {**meta, "annotations": guards}}


def has_state(live: Object) -> bool:
    """Whether deleting the object ends a job whose state nobody has taken out yet."""
    if not keeps_state(live):
        return False
    ended = dig(live, "status", "jobStatus", "state") in ("FINISHED", "CANCELED", "FAILED")
    suspended = dig(live, "status", "lifecycleState") == "SUSPENDED"
    evidence = (
        dig(live, "status", "reconciliationStatus", "lastStableSpec"),
        dig(live, "status", "jobStatus", "startTime"),
        dig(live, "status", "jobStatus", "upgradeSavepointPath"),
    )
    return any(evidence) and not (ended or suspended)
