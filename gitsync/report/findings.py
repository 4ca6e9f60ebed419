"""Everything one pass found out about one app, as a value that the status, the event and the record come from. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitsync.model.identities import Identity
from gitsync.model.plans import Plan, Taken, Waiting
from gitsync.model.syncstatuses import Operation, Problem
from gitsync.plan.health import Assessed


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
    operation: Operation | None = None
    postponed: Mapping[Identity, str] = field(default_factory=dict)
    """Objects that are written later, and why."""
    waits: str = ""
    """What the next step of the sync waits for."""
    read: tuple[str, ...] = ()
    """Where in the repository the revision's files are."""
    delete_hooks: tuple[str, ...] = ()
    """Hooks of the plan's revision that run when the app is deleted."""
    revisions: tuple[str, ...] | None = None
    """Where more than one commit decides: all of them, as attempted."""


def is_whole(findings: Findings) -> bool:
    """Whether the plan's revision is applied completely."""
    plan = findings.plan
    if plan is None or findings.problems or findings.refused or findings.postponed:
        return False
    if findings.operation is not None and findings.operation.phase != "Succeeded":
        return False
    if any(isinstance(step, Waiting | Taken) for step in plan.steps):
        return False
    return findings.carried_out or plan.in_sync


def with_statuses(written: WriteBack, problem: str | None) -> WriteBack:
    """The state of writing back with that of commit statuses: why they fail, empty: they work, None: there are none."""
    if problem is None:
        return written
    told = f"commit statuses: {problem or 'set'}"
    reason = written.reason if not problem or not written.works else "CommitStatusRefused"
    return WriteBack(written.works and not problem, reason, f"{written.message}; {told}")
