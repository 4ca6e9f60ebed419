"""Whether a job that another operator runs may be deleted: its state has to be in a savepoint first.

Pure. gitsync's own operator takes the savepoint while it deletes; another one deletes a job with its state. So a
FlinkStateSnapshot, which any operator of these kinds serves, is made and complete before the deletion. A complete one
counts only for whoever saw it unfinished: one that is older says nothing of what the job did since.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gitsync.model.plans import Prune
from gitsync.model.syncapps import REVISION
from operator_core.decide.snapshotrecords import BY_DELETION, KEPT_BY
from operator_core.jsonvalues import Object, dig

GUARDS = "gitsync.io/guards"
"""Label of a FlinkStateSnapshot that a deletion waits for; its value is the uid of the job."""
_BACKOFF_LIMIT = 2
_GIVEN_UP = ("FAILED", "ABANDONED")


@dataclass(frozen=True, slots=True)
class Take:
    """Make this snapshot, and look again."""

    snapshot: Object


@dataclass(frozen=True, slots=True)
class Wait:
    """The snapshot of this name is under way."""

    name: str
    told: str


@dataclass(frozen=True, slots=True)
class Secured:
    """The state is kept: delete the job."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No savepoint could be taken for this revision: the job stays."""

    told: str


Guarding = Take | Wait | Secured | Failed


def decide(job: Prune, revision: str, snapshots: Iterable[Object], seen: str) -> Guarding:
    """What the deletion of `job` needs now.

    `snapshots` are those labelled with its uid, `seen` the name of the one that was seen unfinished for this deletion.
    """
    known = sorted(snapshots, key=_age)
    if not known:
        return Take(_manifest(job, revision, 1))
    newest = known[-1]
    name, state = str(newest["metadata"]["name"]), str(dig(newest, "status", "state") or "TRIGGER_PENDING")
    shown = f"FlinkStateSnapshot {job.identity.namespace}/{name}"
    if state in _GIVEN_UP and dig(newest, "metadata", "annotations", REVISION) == revision:
        why = " ".join(str(dig(newest, "status", "error") or state).split())
        return Failed(
            f"{job.identity.shown} is no longer in Git and is kept: its savepoint failed ({shown}: {why}); delete that"
            " FlinkStateSnapshot or commit again to try once more, or suspend the job by a commit and then remove it"
        )
    if state in _GIVEN_UP or (state == "COMPLETED" and name != seen):
        return Take(_manifest(job, revision, len(known) + 1))
    if state == "COMPLETED":
        return Secured()
    return Wait(name, f"{job.identity.shown} is deleted when its savepoint is complete: {shown} is {state}")


def _age(snapshot: Object) -> tuple[str, int, str]:
    name = str(snapshot["metadata"]["name"])
    return str(snapshot["metadata"].get("creationTimestamp") or ""), len(name), name


def _manifest(job: Prune, revision: str, number: int) -> Object:
    """The snapshot to make; the same name for the same try, so that asking twice takes one."""
    identity = job.identity
    savepoint = {"formatType": "CANONICAL", "disposeOnDelete": False, "alreadyExists": False}
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkStateSnapshot",
        "metadata": {
            "name": f"{identity.name[:40]}-savepoint-deletion-{job.uid[:8]}-{number}",
            "namespace": identity.namespace,
            "labels": {GUARDS: job.uid},
            "annotations": {KEPT_BY: BY_DELETION, REVISION: revision},
        },
        "spec": {
            "backoffLimit": _BACKOFF_LIMIT,
            "jobReference": {"kind": identity.kind, "name": identity.name},
            "savepoint": savepoint,
        },
    }
