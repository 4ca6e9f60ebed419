"""Actions in Git that are done once: nonces of Flink jobs, and snapshots as resources.

What was carried out is over. Somebody who raises a nonce in the cluster, or deletes a snapshot that Git asked for,
must not make self-heal take a savepoint or restart a job again: for content that Git has not changed since it was
applied, nonces do not count and an absent snapshot is not missing. A commit that changes the object brings them
along again. Pure.
"""

from gitsync.model.identities import Identity
from gitsync.model.syncstatuses import InventoryEntry
from gitsync.plan.ignoring import NOTHING, Ignored, Pointer

_GROUP = "flink.apache.org"
_OF_A_JOB: tuple[Pointer, ...] = (
    ("spec", "restartNonce"),
    ("spec", "job", "savepointTriggerNonce"),
    ("spec", "job", "checkpointTriggerNonce"),
    ("spec", "job", "savepointRedeployNonce"),
    ("spec", "job", "autoscalerResetNonce"),
)
_POINTERS: dict[str, tuple[Pointer, ...]] = {
    "FlinkDeployment": _OF_A_JOB,
    "FlinkSessionJob": _OF_A_JOB,
}


def is_over(identity: Identity, *, carried_out: bool) -> bool:
    """Whether an object that is absent has done what it was for."""
    return carried_out and identity.group == _GROUP and identity.kind == "FlinkStateSnapshot"


def spent(identity: Identity, *, carried_out: bool) -> Ignored:
    """The fields that have done what they were for."""
    if not carried_out or identity.group != _GROUP:
        return NOTHING
    return Ignored(_POINTERS.get(identity.kind, ()))


def is_carried_out(entry: InventoryEntry | None, digest: str, *, revision: str, applied: str) -> bool:
    """Whether this very content was applied before.

    The inventory names an object before it is applied, so of the commit that brought it (`entry.revision`) it counts
    only once that commit was applied whole. `revision` is planned now, `applied` was applied whole last.
    """
    if entry is None or entry.digest != digest:
        return False
    return entry.revision != revision or applied == revision


def both(first: Ignored, second: Ignored) -> Ignored:
    """What either of them names."""
    return Ignored((*first.pointers, *second.pointers), first.managers | second.managers)
