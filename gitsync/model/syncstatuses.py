"""The status of a SyncApp: Argo CD's words beside conditions that kstatus and `kubectl wait` understand.

Pure data, and no secret in its words. What goes into it is decided by `report.status`.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gitsync.model.parts import Part
from operator_core import masking
from operator_core.jsonvalues import Object

Words = Annotated[str, AfterValidator(masking.masked)]
"""What people read; others may have written it."""


class Health(Part):
    """Health of an app or an object."""

    status: Literal["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]
    message: Words | None = None
    last_transition_time: str | None = None


class SyncState(Part):
    """Whether the cluster has what Git has."""

    status: Literal["Synced", "OutOfSync", "Unknown"]
    revision: str | None = Field(default=None, description="Commit that was last applied whole.")
    revisions: tuple[str, ...] | None = Field(
        default=None, description="With several sources: the commit of each, in order; then those generators read."
    )
    aim: str | None = Field(
        default=None, description="Digest of the sources and the destination they were applied for."
    )


class ResourceState(Part):
    """One object of the app."""

    group: str = ""
    version: str = ""
    kind: str
    namespace: str | None = None
    name: str
    status: Literal["Synced", "OutOfSync", "Unknown"]
    health: Health | None = None
    message: Words | None = Field(default=None, description="Why it is not in sync.")
    requires_pruning: bool | None = None
    effect: str | None = Field(default=None, description="What the last change of the spec did to the Flink job.")


class Problem(Part):
    """Something that keeps the app from being what Git says, and where it is."""

    reason: str
    message: Words
    file: str | None = None
    line: int | None = None
    object: str | None = None


class InventoryEntry(Part):
    """An object this app applied or is about to apply; kept until the object is gone."""

    id: str = Field(description="<group>/<Kind>:<namespace>/<name>")
    version: str
    revision: str | None = Field(default=None, description="Commit at which the object's content changed last.")
    digest: str | None = Field(default=None, description="Digest of the object's content; none for Secrets.")


class HistoryEntry(Part):
    """A revision that was applied whole."""

    id: int
    revision: str
    deployed_at: str
    revisions: tuple[str, ...] | None = None


class Condition(Part):
    """A condition as in metav1."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: Words
    last_transition_time: str
    observed_generation: int | None = None


class HookState(Part):
    """One hook of a sync: recorded before its object is made."""

    id: str = Field(description="<phase> <group>/<Kind>:<namespace>/<name>")
    state: Literal["Pending", "Running", "Succeeded", "Failed"]
    message: Words | None = None


class Operation(Part):
    """A sync in several steps: waves or hooks. A newer revision takes its place at once."""

    revision: str
    revisions: tuple[str, ...] | None = Field(default=None, description="As sync.revisions.")
    mark: str = Field(description="Tells the hooks of this sync from those of another one.")
    aim: str | None = Field(default=None, description="As sync.aim.")
    request: str | None = Field(default=None, description="The request that began it.")
    phase: Literal["Running", "Failing", "Failed", "Succeeded"]
    attempt: int = 0
    message: Words | None = None
    retry_at: str | None = None
    hooks: tuple[HookState, ...] = ()
    deletes: bool = Field(default=False, description="Whether it is the deletion of the app.")

    def is_of(self, revision: str, revisions: tuple[str, ...] | None, aim: str = "") -> bool:
        """Whether it syncs these commits, from there to there where `aim` says it."""
        return (self.revision, self.revisions) == (revision, revisions) and _is_same(self.aim, aim)

    @property
    def goes_on(self) -> bool:
        """Whether it has not come to its end, or is tried again."""
        return self.phase in ("Running", "Failing") or (self.phase == "Failed" and self.retry_at is not None)


class Told(Part):
    """What was last told of the app outside of the cluster."""

    revision: str = ""
    phase: str = ""
    time: str = Field(default="", description="When the phase was told.")
    trouble: str = Field(default="", description="Reason for which the app was said not to be ready; empty: it is.")
    turns: int = Field(default=0, description="How often trouble was back soon after its end was told.")
    turned: str = Field(default="", description="When trouble, or its end, was told last.")


class Status(Part):
    """What the agent found and did."""

    observed_generation: int | None = None
    sync: SyncState | None = None
    health: Health | None = None
    conditions: tuple[Condition, ...] = ()
    resources: tuple[ResourceState, ...] = ()
    problems: tuple[Problem, ...] = ()
    inventory: tuple[InventoryEntry, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    attempted_revision: str | None = Field(default=None, description="Newest commit seen, applied or not.")
    attempted_revisions: tuple[str, ...] | None = Field(default=None, description="As sync.revisions.")
    handled_sync_request: str | None = Field(
        default=None, description="Last value of gitsync.io/sync-requested that was served."
    )
    operation: Operation | None = None
    delete_hooks: tuple[str, ...] = Field(
        default=(), description="Hooks of the applied revision that run when the app is deleted with its objects."
    )
    told: Told | None = Field(default=None, description="What forges and chats were last told.")

    def to_json(self) -> Object:
        """The status as the API server keeps it: no nulls."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")

    def has_applied(self, revision: str, revisions: tuple[str, ...] | None, aim: str = "") -> bool:
        """Whether these commits were applied whole before, from there to there where `aim` says it."""
        sync = self.sync
        return sync is not None and (sync.revision, sync.revisions) == (revision, revisions) and _is_same(sync.aim, aim)


def _is_same(known: str | None, aim: str) -> bool:
    return not known or not aim or known == aim
