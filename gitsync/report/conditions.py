"""The conditions of a SyncApp from what a pass found.

Pure. `Ready` is what people wait for; its reason is the first thing that stands in the way, from the
most to the least fundamental. `Reconciling` and `Stalled` follow kstatus: something moves by itself, or
only a new commit, a new spec or a request helps.
"""

from datetime import datetime
from typing import Literal

from gitsync.model.plans import Taken, Waiting
from gitsync.model.syncstatuses import Condition, Problem, Status, SyncState
from gitsync.plan import deletions, health, planning
from gitsync.plan.healthrules import Verdict
from gitsync.report.findings import Findings, is_whole

BLOCKED = "DeletionBlocked"
"""Reason of an app whose object does not go after it was deleted."""
_MESSAGE_LIMIT = 1000
Truth = Literal["True", "False", "Unknown"]


def conditions(
    old: Status, findings: Findings, sync: SyncState, verdict: Verdict, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Every condition of the app as it is now."""
    ready, reason, message = _ready(findings, sync, verdict, now)
    going = deletions.pending(findings.plan)
    moving = verdict.status == "Progressing" or is_waiting(findings) or bool(going) or bool(_waits(findings))
    stalled = (bool(findings.problems) and findings.stalled) or reason == BLOCKED
    rows: list[tuple[str, Truth, str, str]] = [
        ("Ready", "True" if ready else "False", reason, message),
        ("Reconciling", "True" if moving and not stalled else "False", "Progressing" if moving else "Idle", ""),
        ("Stalled", "True" if stalled else "False", reason if stalled else "Idle", message if stalled else ""),
    ]
    if findings.write_back is not None:
        back = findings.write_back
        rows.append(("WriteBack", "True" if back.works else "False", back.reason, back.message))
    return merged(old.conditions, tuple(rows), generation, now)


def is_waiting(findings: Findings) -> bool:
    """Whether objects wait for a definition of the same revision."""
    plan = findings.plan
    return plan is not None and any(isinstance(step, Waiting) for step in plan.steps)


def _waits(findings: Findings) -> str:
    """What a sync that is under way waits for; empty where none is."""
    operation = findings.operation
    if findings.waits or operation is None or operation.phase != "Running" or not findings.carried_out:
        return findings.waits
    return f"applying {operation.revision[:7]}"


def _ready(findings: Findings, sync: SyncState, verdict: Verdict, now: datetime) -> tuple[bool, str, str]:
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
    if is_waiting(findings):
        return False, "WaitingForKind", "waits for definitions of this revision to be served"
    if waits := _waits(findings):
        return False, "Progressing", waits
    if findings.held_back and not is_whole(findings):
        return False, "OutOfSync", findings.held_back
    if not health.is_settled(verdict):
        return False, verdict.status, verdict.message
    going = deletions.pending(plan)
    if going and deletions.is_blocked(going[0], now):
        return False, BLOCKED, deletions.told_blocked(going[0], now)
    if going:
        more = f" and {len(going) - 1} more" if len(going) > 1 else ""
        return False, "Progressing", f"{going[0].identity.shown} is {going[0].reason}{more}"
    shown = f"revision {sync.revision[:7]} is applied" if sync.revision else "nothing to apply"
    kept = planning.kept(plan) if plan is not None else ()
    notes = [*findings.warnings, *([f"{len(kept)} object(s) no longer in Git are kept"] if kept else [])]
    return True, "Synced", "; ".join([shown, *notes])


def newly_blocked(old: Status, new: Status) -> str:
    """What an app says that has just found out that an object does not go; empty otherwise."""
    before, now = (
        next((one for one in status.conditions if one.type == "Ready" and one.reason == BLOCKED), None)
        for status in (old, new)
    )
    return now.message if now is not None and before is None else ""


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


def merged(
    old: tuple[Condition, ...], rows: tuple[tuple[str, Truth, str, str], ...], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions of `rows` (type, status, reason, message), and old ones of other types as they were."""
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
                message=short(message),
                last_transition_time=since,
                observed_generation=generation,
            )
        )
    return (*merged, *known.values())


def short(text: str) -> str:
    """One line, not longer than a condition should be."""
    text = " ".join(text.split())
    return text if len(text) <= _MESSAGE_LIMIT else text[: _MESSAGE_LIMIT - 1] + "…"


def stamp(moment: datetime) -> str:
    """A time as Kubernetes writes it, to the millisecond so that a sync can be measured."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
