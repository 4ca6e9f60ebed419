"""Deleting a FlinkDeployment: its job, its objects, its HA metadata, then the finalizer.

State is kept only where it was asked for (operator option or annotation); then the job is stopped with a
savepoint under the same protocol as an upgrade, and a savepoint that fails keeps the finalizer and says
how to go on without. Works for resources whose spec cannot even be read.
"""

from collections.abc import Callable

from operator_core.conf import options
from operator_core.decide import (
    choices,
    leftstates,
    observing,
    snapshotrecords,
    standalone,
    steps,
    stopretries,
    stops,
    verdicts,
    wanted,
)
from operator_core.decide.decisions import DeleteHaMetadata, Event, NewSnapshot, Release, Rest, Step
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import Job, Unreachable
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Need, Unread
from operator_core.decide.phases import Phase, phase_of
from operator_core.errors import Reason
from operator_core.jsonvalues import dig
from operator_core.model.flinkdeployments import FINALIZER
from operator_core.model.statuses import TERMINAL_JOB_STATES

_GONE_RECHECK = 30.0
_SILENT_RECHECK = 15.0
_WAY_OUT = "Set the annotation gitsync.io/accept-state-loss: <any id> to delete it without"


def decide(facts: Facts) -> Step:
    """The next step of a deletion. `facts.status` is the observed status."""
    return _deleting(facts, _stop_first if wants_savepoint(facts) else None)


def without_job(facts: Facts) -> Step:
    """The same for a session cluster nobody uses any more: there is no job to stop first."""
    return _deleting(facts, None)


def _deleting(facts: Facts, first: Callable[[Facts, tuple[Event, ...]], Step | None] | None) -> Step:
    if FINALIZER not in dig(facts.resource, "metadata", "finalizers", default=[]):
        return Step(Rest(None), facts.status)
    events = announced(facts)
    step = first(facts, events) if first is not None else None
    given_up = wanted.request(facts)
    if isinstance(given_up, wanted.AcceptStateLoss):
        step = None
    step = step or _tear_down(facts)
    return Step(step.decision, step.status.model_copy(update={"lifecycle_state": "DELETING"}), (*events, *step.events))


def announced(facts: Facts) -> tuple[Event, ...]:
    """The event that a deletion begins, once."""
    if facts.status.lifecycle_state == "DELETING":
        return ()
    return (Event("Normal", "Cleanup", "Cleaning up FlinkDeployment", observing.OPERATOR),)


def wants_savepoint(facts: JobFacts[S]) -> bool:
    """Whether the job's state is to be kept."""
    asked = dig(facts.resource, "metadata", "annotations", wanted.ON_DELETE) == "savepoint"
    return asked or options.get_bool(facts.last_conf, options.SAVEPOINT_ON_DELETION)


def _stop_first(facts: Facts, events: tuple[Event, ...]) -> Step | None:
    """Steps up to a recorded savepoint; None when there is nothing to stop."""
    match in_vain(facts):
        case Unread():
            return steps.look(facts, Need.NAMESPACE_ENDS)
        case True:
            return None
    match phase_of(facts.status, facts.last):
        case Phase.STOPPING:
            return or_give_up(facts, stops.stopping(facts, _as_deployed(facts)))
        case Phase.CANCELLING:
            return or_give_up(facts, stops.cancelling(facts, _as_deployed(facts)))
        case Phase.DEPLOYED if facts.status.job_status.state in TERMINAL_JOB_STATES:
            return None
        case Phase.DEPLOYED if observing.serves(facts):
            return _running_job(facts)
        case Phase.DEPLOYED if leftstates.ran(facts):
            return _silent(facts)
        case _:
            return None


def in_vain(facts: JobFacts[S]) -> bool | Unread:
    """Whether nobody can take a savepoint any more: no JobManager answers, and a namespace that goes gets none."""
    return False if observing.serves(facts) else facts.namespace_ends


def _as_deployed(facts: Facts) -> wanted.Wanted:
    return wanted.Wanted(facts.last.spec if facts.last else {}, facts.generation)


def _running_job(facts: Facts) -> Step | None:
    """The JobManager answers: stop the job with a savepoint as soon as it runs."""
    job = facts.flink.job
    if isinstance(job, Unread):
        return steps.look(facts, Need.JOB)
    if isinstance(job, Job) and job.state in TERMINAL_JOB_STATES:
        return None
    if isinstance(job, Job) and job.reported_state == "RUNNING":
        stops_now = stopretries.may_try_again(facts)
        return stops.begin_stop(facts, ()) if stops_now else or_give_up(facts, stopretries.still_failing(facts))
    if not leftstates.ran(facts):
        return None
    return _silent(facts) if isinstance(job, Unreachable) else steps.rest(facts, 1.0)


def _silent(facts: Facts) -> Step:
    """A job that ran before cannot be asked for its state: its JobManager may come back, and people may decide."""
    if facts.cluster is None and isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    gone = "is gone" if facts.cluster is None else "does not answer"
    message = f"The savepoint of the deletion cannot be taken, the JobManager {gone}. {_WAY_OUT}"
    return _told_once(facts, steps.blocked(facts, Reason.CleanupFailed, message, seconds=_SILENT_RECHECK))


def or_give_up(facts: JobFacts[S], taken: Step[S]) -> Step[S]:
    """A stop that does not come to its end keeps the resource; say how to delete it all the same."""
    blocked = next((c for c in taken.status.conditions if c.type == verdicts.UPGRADE_BLOCKED), None)
    if not isinstance(taken.decision, Rest) or blocked is None or blocked.status != "True":
        return taken
    if _WAY_OUT in blocked.message:
        return taken
    message = f"{blocked.message.partition(choices.WAY_OUT)[0].strip()} {_WAY_OUT}"
    verdict = verdicts.Blocked(Reason(blocked.reason), message)
    before = taken.status.model_copy(update={"error": facts.status.error})
    told = steps.rest(facts, taken.decision.seconds, status=before, verdict=verdict)
    others = tuple(event for event in taken.events if event.key is not None or event.message != blocked.message)
    return _told_once(facts, Step(told.decision, told.status, (*others, *told.events)))


def _told_once(facts: JobFacts[S], taken: Step[S]) -> Step[S]:
    """With the Java operator's event about a deletion that is held up."""
    if not any(event.type == "Warning" for event in taken.events):
        return taken
    blocked = next(c.message for c in taken.status.conditions if c.type == verdicts.UPGRADE_BLOCKED)
    event = Event("Warning", Reason.CleanupFailed, blocked, observing.OPERATOR, key="deletion")
    others = tuple(each for each in taken.events if each.reason != Reason.CleanupFailed)
    return Step(taken.decision, taken.status, (*others, event))


def _tear_down(facts: Facts) -> Step:
    cluster = facts.cluster
    if cluster is None and isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    if cluster is not None and dig(cluster, "metadata", "deletionTimestamp"):
        return steps.rest(facts, _GONE_RECHECK)
    if cluster is not None and is_ours(facts):
        return Step(standalone.deletion(facts, cluster, cancel=_to_cancel(facts)), facts.status)
    if facts.last is not None and (left := standalone.leftover(facts)) is not None:
        return left
    if isinstance(facts.ha, Unread):
        return steps.look(facts, Need.HA_METADATA)
    if facts.ha.names and facts.last is not None:
        return Step(DeleteHaMetadata(facts.ha.names), facts.status)
    kept = kept_savepoint(facts)
    return Step(Release(kept), facts.status, told(kept))


def kept_savepoint(facts: JobFacts[S]) -> NewSnapshot | None:
    """The savepoint of this deletion: state was asked for, and a stop recorded where it is."""
    taken = facts.status.job_status.savepoint_info.last_savepoint
    path = facts.status.job_status.upgrade_savepoint_path
    if not wants_savepoint(facts) or taken is None or not taken.location or taken.location != path:
        return None
    return NewSnapshot(
        kind="savepoint",
        trigger="UPGRADE",
        stamp=taken.time_stamp,
        path=taken.location,
        format_type=taken.format_type,
        already_exists=True,
        kept_by=snapshotrecords.BY_DELETION,
    )


def told(kept: NewSnapshot | None) -> tuple[Event, ...]:
    """The event that names what was kept."""
    if kept is None:
        return ()
    return (
        Event("Normal", "SavepointKept", f"The state of the deleted job is kept at {kept.path}", observing.OPERATOR),
    )


def is_ours(facts: Facts) -> bool:
    """Whether the Deployment of our name belongs to this resource."""
    owners = dig(facts.cluster, "metadata", "ownerReferences", default=[])
    return any(owner.get("uid") == facts.resource["metadata"].get("uid") for owner in owners)


def _to_cancel(facts: Facts) -> str | None:
    ended = facts.status.job_status.state in TERMINAL_JOB_STATES
    return facts.status.job_status.job_id if observing.serves(facts) and not ended else None
