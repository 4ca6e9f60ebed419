"""The status of a SyncApp, computed whole from what a pass found; nothing in it is toggled.

Pure. `Ready` is what people wait for: everything Git has is applied and does what Git asked for.
`Reconciling` and `Stalled` follow kstatus: something is moving by itself, or only a new commit, a
new spec or a request helps. Times of conditions and of health change only when their status does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gitsync.model.identities import Identity
from gitsync.model.plans import Create, Keep, Plan, Prune, Removal, Step, Taken, Unchanged, Update, Waiting
from gitsync.model.syncapps import (
    Condition,
    Health,
    HistoryEntry,
    InventoryEntry,
    Problem,
    ResourceState,
    Status,
    SyncState,
)
from gitsync.plan import diffing, health, planning
from gitsync.plan.health import Assessed
from gitsync.plan.healthrules import Verdict

PROBLEMS_KEPT = 50
_MESSAGE_LIMIT = 1000
Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class WriteBack:
    """Whether records reach the repository."""

    works: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything one pass found out about one app."""

    attempted: str | None
    """The newest revision of the source, applied or not; None when it could not be resolved."""
    plan: Plan | None
    """What was compared: the newest revision, or the last good one when the newest is broken."""
    is_newest: bool = True
    """Whether the plan is for the attempted revision."""
    carried_out: bool = False
    held_back: str = ""
    """Why the plan was only compared."""
    problems: tuple[Problem, ...] = ()
    stalled: bool = False
    """Whether time alone can not solve the problems."""
    warnings: tuple[str, ...] = ()
    assessed: tuple[Assessed, ...] = ()
    refused: frozenset[Identity] = frozenset()
    pruned: frozenset[Identity] = frozenset()
    effects: Mapping[Identity, str] = field(default_factory=dict)
    request: str | None = None
    write_back: WriteBack | None = None


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
        conditions=_conditions(old, findings, sync, verdict, generation, now),
        resources=resources,
        problems=findings.problems[:PROBLEMS_KEPT],
        inventory=_inventory(old, findings),
        history=_history(old, sync, now, history_limit),
        attempted_revision=findings.attempted or old.attempted_revision,
        handled_sync_request=findings.request or old.handled_sync_request,
    )


def starting(old: Status, generation: int, plan: Plan, now: datetime) -> Status:
    """The status that must be accepted before the first write of `plan`: its inventory, and that it is under way."""
    text = f"applying {plan.revision[:7]}"
    conditions = _merged(
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
        "inventory": plan.inventory,
        "conditions": conditions,
        "sync": SyncState(status="OutOfSync", revision=old.sync.revision if old.sync else None),
    }
    return old.model_copy(update=update)


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


def is_whole(findings: Findings) -> bool:
    """Whether the plan's revision is applied completely."""
    plan = findings.plan
    if plan is None or findings.problems or findings.refused:
        return False
    if any(isinstance(step, Waiting | Taken) for step in plan.steps):
        return False
    return findings.carried_out or plan.in_sync


def _sync(old: Status, findings: Findings) -> SyncState:
    last = old.sync.revision if old.sync is not None else None
    plan = findings.plan
    if plan is None:
        return SyncState(status="Unknown", revision=last)
    whole = is_whole(findings)
    revision = plan.revision if whole and findings.is_newest else last
    left = any(not _is_gone(removal, findings) for removal in plan.removals)
    synced = whole and findings.is_newest and not left
    return SyncState(status="Synced" if synced else "OutOfSync", revision=revision)


def _is_gone(removal: Removal, findings: Findings) -> bool:
    return isinstance(removal, Prune) and removal.identity in findings.pruned


def _verdict_of(old: Status) -> Verdict:
    return Verdict(old.health.status, old.health.message or "") if old.health is not None else Verdict("Unknown", "")


def _health(old: Status, verdict: Verdict, now: datetime) -> Health:
    known = old.health
    since = known.last_transition_time if known is not None and known.status == verdict.status else stamp(now)
    return Health(status=verdict.status, message=_short(verdict.message) or None, last_transition_time=since)


def _resources(old: Status, findings: Findings, plan: Plan) -> tuple[ResourceState, ...]:
    verdicts = {one.identity: one.verdict for one in findings.assessed}
    former = {(r.group, r.kind, r.namespace or "", r.name): r.effect for r in old.resources}
    states = [_step_state(step, findings, verdicts, former) for step in plan.steps]
    states += [_removal_state(removal, verdicts) for removal in plan.removals if not _is_gone(removal, findings)]
    return tuple(states)


def _step_state(
    step: Step,
    findings: Findings,
    verdicts: Mapping[Identity, Verdict | None],
    former: Mapping[tuple[str, str, str, str], str | None],
) -> ResourceState:
    one = step.desired.identity
    written = findings.carried_out and one not in findings.refused
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
        version=step.desired.resource.version,
        kind=one.kind,
        namespace=one.namespace or None,
        name=one.name,
        status=status,
        health=_resource_health(verdicts.get(one)),
        message=_short(refusal or message) or None,
        effect=findings.effects.get(one) or former.get((one.group, one.kind, one.namespace, one.name)),
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
        version=version,
        kind=one.kind,
        namespace=one.namespace or None,
        name=one.name,
        status="OutOfSync",
        health=_resource_health(verdicts.get(one)),
        message=message,
        requires_pruning=True,
    )


def _resource_health(verdict: Verdict | None) -> Health | None:
    return None if verdict is None else Health(status=verdict.status, message=_short(verdict.message) or None)


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
    before = old.sync.revision if old.sync is not None else None
    if sync.revision is None or sync.revision == before or limit == 0:
        return old.history[-limit:] if limit else ()
    entry = HistoryEntry(id=last.id + 1 if last else 0, revision=sync.revision, deployed_at=stamp(now))
    return (*old.history, entry)[-limit:]


def _conditions(
    old: Status, findings: Findings, sync: SyncState, verdict: Verdict, generation: int, now: datetime
) -> tuple[Condition, ...]:
    ready, reason, message = _ready(findings, sync, verdict)
    moving = verdict.status == "Progressing" or _is_waiting(findings)
    stalled = bool(findings.problems) and findings.stalled
    rows: list[tuple[str, Truth, str, str]] = [
        ("Ready", "True" if ready else "False", reason, message),
        ("Reconciling", "True" if moving and not stalled else "False", "Progressing" if moving else "Idle", ""),
        ("Stalled", "True" if stalled else "False", reason if stalled else "Idle", message if stalled else ""),
    ]
    if findings.write_back is not None:
        back = findings.write_back
        rows.append(("WriteBack", "True" if back.works else "False", back.reason, back.message))
    return _merged(old.conditions, tuple(rows), generation, now)


def _is_waiting(findings: Findings) -> bool:
    plan = findings.plan
    return plan is not None and any(isinstance(step, Waiting) for step in plan.steps)


def _ready(findings: Findings, sync: SyncState, verdict: Verdict) -> tuple[bool, str, str]:
    if findings.problems:
        return False, findings.problems[0].reason, problems_text(findings)
    plan = findings.plan
    taken = [step for step in plan.steps if isinstance(step, Taken)] if plan is not None else []
    if taken:
        first = taken[0]
        place = f"{first.desired.file}:{first.desired.line}"
        return False, "SharedResource", f"{place}: {first.desired.identity.shown} belongs to the app {first.owner}"
    blocking = [keep for keep in planning.kept(plan) if keep.blocks] if plan is not None else []
    if blocking:
        return False, "PruneBlocked", f"{blocking[0].identity.shown}: {blocking[0].reason}"
    if _is_waiting(findings):
        return False, "WaitingForKind", "waits for definitions of this revision to be served"
    if findings.held_back and not is_whole(findings):
        return False, "OutOfSync", findings.held_back
    if not health.is_settled(verdict):
        return False, verdict.status, verdict.message
    shown = f"revision {sync.revision[:7]} is applied" if sync.revision else "nothing to apply"
    kept = planning.kept(plan) if plan is not None else ()
    notes = [*findings.warnings, *([f"{len(kept)} object(s) no longer in Git are kept"] if kept else [])]
    return True, "Synced", "; ".join([shown, *notes])


def problems_text(findings: Findings) -> str:
    """The first problems with their places, and what stays as it is meanwhile."""
    shown = [problem_text(problem) for problem in findings.problems[:3]]
    more = len(findings.problems) - len(shown)
    text = "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
    if not findings.is_newest and findings.plan is not None:
        text += f" (revision {findings.plan.revision[:7]} stays applied)"
    return text


def problem_text(problem: Problem) -> str:
    """`file:line: message`."""
    place = ":".join(str(part) for part in (problem.file, problem.line) if part)
    return f"{place}: {problem.message}" if place else problem.message


def _merged(
    old: tuple[Condition, ...], rows: tuple[tuple[str, Truth, str, str], ...], generation: int, now: datetime
) -> tuple[Condition, ...]:
    known = {condition.type: condition for condition in old}
    merged = []
    for kind, status, reason, message in rows:
        before = known.pop(kind, None)
        since = before.last_transition_time if before is not None and before.status == status else stamp(now)
        merged.append(
            Condition(
                type=kind,
                status=status,
                reason=reason,
                message=_short(message),
                last_transition_time=since,
                observed_generation=generation,
            )
        )
    return (*merged, *known.values())


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MESSAGE_LIMIT else text[: _MESSAGE_LIMIT - 1] + "…"


def stamp(moment: datetime) -> str:
    """A time as Kubernetes writes it, to the millisecond so that a sync can be measured."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
