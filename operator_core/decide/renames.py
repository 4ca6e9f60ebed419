"""What state a job starts from whose resource says that it was another's: `gitsync.io/renamed-from: NAME`.

A rename is said, never guessed: a new name alone is a new job. The job that had the name before is of the same kind
and namespace; the new one waits until it is deleted, and starts from the savepoint of that deletion. What was taken
earlier is older than what the job last did, so a person has to name it. Once the job was started the annotation
means nothing any more.
"""

from dataclasses import dataclass

from operator_core.decide import snapshotrecords, steps, verdicts, wanted
from operator_core.decide.decisions import Step
from operator_core.decide.facts import Predecessor
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.records import Restore
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig

RENAMED_FROM = "gitsync.io/renamed-from"
_RECHECK = 30.0


def name_before(resource: Object) -> str:
    """The name that the job had before; "" where nothing says so."""
    return str(dig(resource, "metadata", "annotations", RENAMED_FROM) or "").strip()


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the job starts from; `answer` where a request decided it."""

    restore: Restore
    answer: verdicts.Answered | None = None


def inherited(facts: JobFacts[S]) -> Inherited | Step[S] | None:
    """The state to start from, or the step that waits for it; None: the job was not renamed, or has no state."""
    before = facts.predecessor
    if before is None or dig(facts.resource, "spec", "job", "upgradeMode", default="stateless") == "stateless":
        return None
    if (loss := wanted.accepted_loss(facts)) is not None:
        return Inherited(Restore("stateless"), verdicts.Answered(loss.id, "starting without state"))
    what = f"{facts.resource['kind']} {before.name}"
    if before.name == facts.name:
        return _blocked(facts, f"{RENAMED_FROM} names the resource itself; remove it")
    if before.exists:
        return _wait(facts, before, what)
    newest = _newest(before)
    path = _path(newest)
    if newest is not None and _is_of_deletion(newest):
        return Inherited(Restore("savepoint", path))
    found = f"the newest state recorded of it is {path}, older than its last run" if path else "no state of it is known"
    return _blocked(
        facts,
        f"The job was {what}, which is gone, and its deletion left no savepoint: {found}. Remove {RENAMED_FROM} or set "
        "gitsync.io/accept-state-loss: <any id> to start without state, or gitsync.io/restore-from: '<any id> <path>'",
    )


def _wait(facts: JobFacts[S], before: Predecessor, what: str) -> Step[S]:
    if before.deleting:
        message = f"The job starts from the savepoint with which {what} is being stopped"
    else:
        message = f"The job was {what}, which still exists: it starts from its savepoint once that is deleted"
    return steps.rest(facts, _RECHECK, verdict=verdicts.Waiting(Reason.RenamePending, message))


def _blocked(facts: JobFacts[S], message: str) -> Step[S]:
    return steps.blocked(facts, Reason.RestoreFailed, message, seconds=_RECHECK)


def _newest(before: Predecessor) -> Object | None:
    """The savepoint of a deletion is recorded after everything else of its job."""
    taken = [one for one in before.snapshots if _path(one)]
    return max(taken, key=lambda one: (_made(one), _is_of_deletion(one)), default=None)


def _path(snapshot: Object | None) -> str:
    """Where the state is; "" while it is not complete."""
    savepoint = dig(snapshot, "spec", "savepoint") or {}
    recorded = savepoint.get("path") if savepoint.get("alreadyExists") else None
    return str(recorded or dig(snapshot, "status", "path") or "")


def _made(snapshot: Object) -> str:
    return str(dig(snapshot, "metadata", "creationTimestamp") or "")


def _is_of_deletion(snapshot: Object) -> bool:
    return bool(dig(snapshot, "metadata", "annotations", snapshotrecords.KEPT_BY) == snapshotrecords.BY_DELETION)
