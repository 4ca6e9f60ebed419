"""What one pass wants to do to the cluster, as values.

A plan is complete before anything is written: one step per object of the revision, in the order of
applying, one per object that may have to go, and every problem with its place in Git. Steps are a
closed union, consumed by one exhaustive `match`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gitsync.model.differences import Difference
from gitsync.model.identities import AppName, Identity
from gitsync.model.syncstatuses import InventoryEntry, Problem
from operator_core.jsonvalues import Object
from operator_core.kube.requests import Resource


@dataclass(frozen=True, slots=True)
class Desired:
    """One object as Git wants it, ready to be applied but for the revision annotation."""

    identity: Identity
    resource: Resource
    body: Object
    digest: str
    file: str
    line: int
    validate: bool = True
    """Whether fields that the schema does not know are refused."""


@dataclass(frozen=True, slots=True)
class Create:
    """Not in the cluster yet."""

    desired: Desired


@dataclass(frozen=True, slots=True)
class Update:
    """In the cluster and different; `adopts` when no app tracked it before."""

    desired: Desired
    differences: tuple[Difference, ...]
    adopts: bool


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Costs nothing."""

    desired: Desired


@dataclass(frozen=True, slots=True)
class Taken:
    """Another app has it; applying would be a fight."""

    desired: Desired
    owner: AppName


@dataclass(frozen=True, slots=True)
class Waiting:
    """Its kind comes from a definition of the same revision that the API server does not serve yet."""

    desired: Desired


Step = Create | Update | Unchanged | Taken | Waiting


@dataclass(frozen=True, slots=True)
class Prune:
    """Delete: applied by this app before, tracked by it now, and not in Git any more."""

    identity: Identity
    resource: Resource
    uid: str
    guards_state: bool
    wave: int = 0
    propagation: str = "Background"
    by_snapshot: bool = False
    """Whether another operator ends the job, so that its savepoint has to be complete before the deletion."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion that the API server accepted and has not finished."""

    since: datetime
    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """Not in Git any more but kept, with the reason; `blocks` when a person has to decide.

    `awaits`: what will settle it without anybody: its deletion, or what other apps turn out to want.
    """

    identity: Identity
    version: str
    reason: str
    blocks: bool
    awaits: Literal["", "deletion", "claims"] = ""
    deletion: Deletion | None = None
    wave: int = 0
    counts: bool = True
    """Whether the app is out of sync because of it."""


Removal = Prune | Keep


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a pass knows it has to do for one revision."""

    revision: str
    steps: tuple[Step, ...]
    removals: tuple[Removal, ...]
    problems: tuple[Problem, ...]
    inventory: tuple[InventoryEntry, ...]
    """What the status must hold before the first write: old entries that still exist, and all new ones."""
    revisions: tuple[str, ...] | None = None
    """With several sources, the commit of each; `revision` is that of the main one."""
    aim: str = ""
    """Digest of the app's sources and destination; empty: they are not what the app says now."""

    @property
    def blocked(self) -> bool:
        """Known before apply to be wrong: nothing of this revision is applied."""
        return bool(self.problems)

    @property
    def in_sync(self) -> bool:
        """Whether no write is needed."""
        return all(isinstance(step, Unchanged) for step in self.steps) and not any(
            isinstance(r, Prune) for r in self.removals
        )
