"""The status of a SyncApp, computed whole from what a pass found; nothing in it is toggled.

Pure. `Ready` is what people wait for: everything Git has is applied and does what Git asked for.
`Reconciling` and `Stalled` follow kstatus: something is moving by itself, or only a new commit, a
new spec or a request helps. Times of conditions and of health change only when their status does.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from gitsync.model.identities import Identity
from gitsync.model.plans import Create, Keep, Plan, Prune, Removal, Step, Taken, Unchanged, Update, Waiting
from gitsync.model.syncstatuses import (
    Health,
    HistoryEntry,
    InventoryEntry,
    ResourceState,
    Status,
    SyncState,
)
from gitsync.plan import diffing, health
from gitsync.plan.healthrules import Verdict
from gitsync.report import conditions
from gitsync.report.findings import Findings, is_whole

PROBLEMS_KEPT = 50


def build(old: Status, generation: int, findings: Findings, now: datetime, *, history_limit: int = 10) -> Status:
    """The next status; equal to `old` when nothing is new."""
    plan = findings.plan
    sync = _sync(old, findings)
    verdict = health.aggregate(findings.assessed) if plan is not None else _verdict_of(old)
    resources = _resources(old, findings, plan) if plan is not None else old.resources
    return Status(
        observed_generation=generation,
        sync=sync,
        health=_health(old, verdict, now),
        conditions=conditions.conditions(old, findings, sync, verdict, generation, now),
        resources=resources,
        problems=findings.problems[:PROBLEMS_KEPT],
        inventory=_inventory(old, findings),
        history=_history(old, sync, now, history_limit),
        attempted_revision=findings.attempted or old.attempted_revision,
        attempted_revisions=findings.revisions if findings.attempted else old.attempted_revisions,
        handled_sync_request=findings.request or old.handled_sync_request,
        told=old.told,
        operation=findings.operation if plan is not None else old.operation,
        delete_hooks=findings.delete_hooks if is_whole(findings) and findings.is_newest else old.delete_hooks,
    )


def starting(
    old: Status, generation: int, plan: Plan, now: datetime, effects: Mapping[Identity, str] | None = None
) -> Status:
    """The status that must be accepted before the first write of `plan`: its inventory, and that it is under way.

    `effects` are what it will do to jobs: a pass that finds them written can not tell any more.
    """
    text = f"applying {plan.revision[:7]}"
    told = conditions.merged(
        old.conditions,
        (
            ("Ready", "False", "Applying", text),
            ("Reconciling", "True", "Applying", text),
            ("Stalled", "False", "Applying", ""),
        ),
        generation,
        now,
    )
    update = {
        "observed_generation": generation,
        "attempted_revision": plan.revision,
        "attempted_revisions": plan.revisions,
        "inventory": plan.inventory,
        "conditions": told,
        "sync": _state("OutOfSync", old.sync),
        "resources": _with_effects(old.resources, effects or {}),
    }
    return old.model_copy(update=update)


def _with_effects(known: tuple[ResourceState, ...], effects: Mapping[Identity, str]) -> tuple[ResourceState, ...]:
    places = {identity_of(one): one for one in known}
    told = {
        one: (places.get(one) or _named(one)).model_copy(update={"effect": effect}) for one, effect in effects.items()
    }
    return tuple({**places, **told}.values())


def identity_of(one: ResourceState) -> Identity:
    """Which object a row is about."""
    return Identity(one.group, one.kind, one.namespace or "", one.name)


def _named(one: Identity) -> ResourceState:
    return ResourceState(
        group=one.group, kind=one.kind, namespace=one.namespace or None, name=one.name, status="OutOfSync"
    )


def is_only_progress(old: Status, new: Status) -> bool:
    """Whether nothing but the words about something that is still under way differ."""
    if new == old or new.health is None or new.health.status != "Progressing":
        return False
    return _without_words(old) == _without_words(new)


def _without_words(one: Status) -> Status:
    quiet = {"message": None}
    return one.model_copy(
        update={
            "health": one.health.model_copy(update=quiet) if one.health is not None else None,
            "resources": tuple(
                r.model_copy(update={"health": r.health.model_copy(update=quiet)}) if r.health is not None else r
                for r in one.resources
            ),
            "conditions": tuple(c.model_copy(update={"message": ""}) for c in one.conditions),
        }
    )


def _sync(old: Status, findings: Findings) -> SyncState:
    plan = findings.plan
    if plan is None:
        return _state("Unknown", old.sync)
    left = any(not _is_gone(removal, findings) and _counts(removal) for removal in plan.removals)
    if not (is_whole(findings) and findings.is_newest):
        return _state("OutOfSync", old.sync)
    words: Literal["OutOfSync", "Synced"] = "OutOfSync" if left else "Synced"
    return SyncState(status=words, revision=plan.revision, revisions=plan.revisions, aim=plan.aim or None)


def _state(status: Literal["OutOfSync", "Unknown"], last: SyncState | None) -> SyncState:
    """What was applied last stays told."""
    return last.model_copy(update={"status": status}) if last is not None else SyncState(status=status)


def _counts(removal: Removal) -> bool:
    return isinstance(removal, Prune) or removal.counts


def _is_gone(removal: Removal, findings: Findings) -> bool:
    return isinstance(removal, Prune) and removal.identity in findings.pruned


def _verdict_of(old: Status) -> Verdict:
    return Verdict(old.health.status, old.health.message or "") if old.health is not None else Verdict("Unknown", "")


def _health(old: Status, verdict: Verdict, now: datetime) -> Health:
    known = old.health
    since = (
        known.last_transition_time if known is not None and known.status == verdict.status else conditions.stamp(now)
    )
    return Health(status=verdict.status, message=conditions.short(verdict.message) or None, last_transition_time=since)


def _resources(old: Status, findings: Findings, plan: Plan) -> tuple[ResourceState, ...]:
    verdicts = {one.identity: one.verdict for one in findings.assessed}
    former = {identity_of(one): one.effect for one in old.resources}
    states = [_step_state(step, findings, verdicts, former) for step in plan.steps]
    states += [_removal_state(removal, verdicts) for removal in plan.removals if not _is_gone(removal, findings)]
    return tuple(states)


def _step_state(
    step: Step,
    findings: Findings,
    verdicts: Mapping[Identity, Verdict | None],
    former: Mapping[Identity, str | None],
) -> ResourceState:
    one = step.desired.identity
    written = findings.carried_out and one not in findings.refused and one not in findings.postponed
    status: Literal["Synced", "OutOfSync"] = "Synced"
    message = ""
    match step:
        case Unchanged():
            pass
        case Create():
            status, message = ("Synced", "") if written else ("OutOfSync", "not in the cluster")
        case Update():
            status, message = ("Synced", "") if written else ("OutOfSync", diffing.told(step.differences))
        case Taken():
            status, message = "OutOfSync", f"the app {step.owner} has it"
        case Waiting():
            status, message = "OutOfSync", "waits for its definition to be served"
    refusal = (
        next((p.message for p in findings.problems if p.object == one.shown), "") if one in findings.refused else ""
    )
    return ResourceState(
        group=one.group,
        kind=one.kind,
        namespace=one.namespace or None,
        name=one.name,
        version=step.desired.resource.version,
        status=status,
        health=_resource_health(verdicts.get(one)),
        message=conditions.short(refusal or findings.postponed.get(one, "") or message) or None,
        effect=findings.effects.get(one) or former.get(one),
    )


def _removal_state(removal: Removal, verdicts: Mapping[Identity, Verdict | None]) -> ResourceState:
    one = removal.identity
    match removal:
        case Keep():
            version, message = removal.version, removal.reason
        case Prune():
            version, message = removal.resource.version, "no longer in Git; being deleted"
    return ResourceState(
        group=one.group,
        kind=one.kind,
        namespace=one.namespace or None,
        name=one.name,
        version=version,
        status="OutOfSync",
        health=_resource_health(verdicts.get(one)),
        message=message,
        requires_pruning=True,
    )


def _resource_health(verdict: Verdict | None) -> Health | None:
    return None if verdict is None else Health(status=verdict.status, message=conditions.short(verdict.message) or None)


def _inventory(old: Status, findings: Findings) -> tuple[InventoryEntry, ...]:
    plan = findings.plan
    if plan is None:
        return old.inventory
    if findings.carried_out or plan.in_sync:
        return plan.inventory
    wanted = {str(step.desired.identity) for step in plan.steps}
    staying = {str(removal.identity) for removal in plan.removals}
    return tuple(entry for entry in old.inventory if entry.id in wanted or entry.id in staying)


def _history(old: Status, sync: SyncState, now: datetime, limit: int) -> tuple[HistoryEntry, ...]:
    last = old.history[-1] if old.history else None
    if sync.revision is None or old.has_applied(sync.revision, sync.revisions) or limit == 0:
        return old.history[-limit:] if limit else ()
    entry = HistoryEntry(
        id=last.id + 1 if last else 0,
        revision=sync.revision,
        deployed_at=conditions.stamp(now),
        revisions=sync.revisions,
    )
    return (*old.history, entry)[-limit:]
