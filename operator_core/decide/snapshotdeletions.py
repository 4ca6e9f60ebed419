"""Deleting a FlinkStateSnapshot: what disposes of its savepoint, and when the finalizer goes.

Only a completed savepoint with `disposeOnDelete` costs anything: a JobManager of its job deletes the files. Every
path ends: without a job nobody can, which is told, and a savepoint that its job still needs is left alone until it
does not. Flink keeps the answer about a disposal for minutes; while it does, a failed one is not repeated.
"""

from operator_core.conf import options
from operator_core.decide import statesnapshots, verdicts
from operator_core.decide.decisions import Event
from operator_core.decide.flinkfacts import TriggerCompleted, TriggerFailed, TriggerPending, TriggerUnknown, Unreachable
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Unread
from operator_core.decide.statesnapshots import Dispose, LookAtDisposal, Release, Rest, SnapshotFacts, SnapshotStep
from operator_core.errors import Reason
from operator_core.jsonvalues import dig
from operator_core.model.flinkstatesnapshots import FINALIZER

_RECHECK = 60.0
_POLL = 0.3
_GONE = ("FileNotFoundException", "does not exist", "No such file", "Cannot find", "NoSuchFile")
AGAIN = "it is tried again once Flink has forgotten this answer (rest.async.store-duration, 5 min)"
WAY_OUT = "set spec.savepoint.disposeOnDelete: false to let the resource go without its files"


def decide(facts: SnapshotFacts) -> SnapshotStep:
    """The next step of a deletion."""
    if FINALIZER not in dig(facts.resource, "metadata", "finalizers", default=[]):
        return SnapshotStep(Rest(None), facts.status)
    spec = facts.spec
    disposable = spec is not None and spec.savepoint is not None and spec.savepoint.dispose_on_delete
    if spec is None or spec.job_reference is None or not disposable:
        return SnapshotStep(Release(), facts.status)
    match facts.status.state:
        case "IN_PROGRESS":
            return _in_progress(facts)
        case "COMPLETED" if facts.status.path:
            return _dispose(facts, facts.status.path)
        case _:
            return SnapshotStep(Release(), facts.status)


def _in_progress(facts: SnapshotFacts) -> SnapshotStep:
    """Wait for its end, so that what it leaves can be disposed of; not for longer than Flink would."""
    limit = 600.0
    if facts.job is not None:
        limit = options.get_seconds(facts.job.last_conf, options.CHECKPOINT_TIMEOUT) or limit
    if facts.spec is None or statesnapshots.age(facts) > limit + _RECHECK:
        return SnapshotStep(Release(), facts.status)
    return statesnapshots.in_progress(facts, facts.spec)


def _dispose(facts: SnapshotFacts, path: str) -> SnapshotStep:
    job = facts.job
    if job is None:
        message = f"The job is gone and nobody can delete its savepoint: {path} stays where it is"
        return SnapshotStep(
            Release(), facts.status, (Event("Warning", Reason.CleanupFailed, message, statesnapshots.COMPONENT),)
        )
    if is_claimed(job, path):
        return SnapshotStep(Release(), facts.status)
    if is_needed(job, path):
        return _held(facts, f"The job would be restored from {path}; it is deleted once the job has a checkpoint")
    if not facts.serves:
        return _held(facts, f"No JobManager of the job can delete {path} now; {WAY_OUT}")
    return _asked(facts, path)


def _asked(facts: SnapshotFacts, path: str) -> SnapshotStep:
    """Have Flink delete the files, and see how it fares."""
    if not facts.status.trigger_id:
        return SnapshotStep(Dispose(path), facts.status)  # it was found, not taken: no id to ask about yet
    match facts.disposal:
        case Unread():
            return SnapshotStep(LookAtDisposal(), facts.status)
        case Unreachable() | TriggerPending():
            return SnapshotStep(Rest(_POLL), facts.status)
        case TriggerUnknown():
            return SnapshotStep(Dispose(path), facts.status)
        case TriggerFailed(cause) if not any(text in cause for text in _GONE):
            return _held(facts, f"Flink could not delete {path}: {cause}; {AGAIN}, or {WAY_OUT}")
        case TriggerFailed() | TriggerCompleted():
            return SnapshotStep(Release(), facts.status)


def is_needed(job: JobFacts[S], path: str) -> bool:
    """Whether the job would be restored from the savepoint: it is its newest state and no checkpoint follows it yet."""
    status = job.status
    if not path or path != status.job_status.upgrade_savepoint_path:
        return False
    return not verdicts.is_stable(status)


def is_claimed(job: JobFacts[S], path: str) -> bool:
    """Whether Flink owns the savepoint: it was restored in claim mode, and Flink deletes it in time."""
    mode = (options.get(job.last_conf, options.CLAIM_MODE) or "NO_CLAIM").upper()
    return mode == "CLAIM" and path == job.status.job_status.upgrade_savepoint_path


def _held(facts: SnapshotFacts, message: str) -> SnapshotStep:
    events: tuple[Event, ...] = ()
    if facts.status.error != message:
        events = (Event("Warning", Reason.CleanupFailed, message, statesnapshots.COMPONENT),)
    return SnapshotStep(Rest(_RECHECK), facts.status.model_copy(update={"error": message}), events)
