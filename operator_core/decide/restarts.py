"""When a FAILED job is started again where the operator's options ask for it, of either kind of resource.

At once the first time, then after pauses that double, until a run lasts long enough: a job that fails at once must not
start again every few seconds. How often it did is remembered in the status. From which state is decided elsewhere.
"""

from operator_core.conf import options
from operator_core.decide import leftstates, memories, records, verdicts
from operator_core.decide.decisions import Event
from operator_core.decide.flinkfacts import Job, JobFailure, Unreachable
from operator_core.decide.jobfacts import JobFacts, S

_FIRST_PAUSE = 10.0
_LONGEST_PAUSE = 300.0
_RAN_WELL = 600.0


def are_asked_for(facts: JobFacts[S]) -> bool:
    """Whether a FAILED job is to be started again."""
    return options.get_bool(facts.conf, options.RESTART_FAILED)


def pause(facts: JobFacts[S], job: Job) -> float:
    """Seconds until the failed job is due, never while Flink may serve statistics from before its end; else: now."""
    count = _count(facts, job)
    wait = 0.0 if count == 0 else min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(count - 1, 10))
    return max(job.end / 1000 + wait - facts.now.timestamp(), leftstates.still_cached(facts, job))


def counted(facts: JobFacts[S], job: Job) -> S:
    """The status that remembers one start more."""
    info = {**memories.of(facts.status), records.FAILED_RESTARTS: str(_count(facts, job) + 1)}
    return memories.remembering(facts.status, info)


def told(facts: JobFacts[S]) -> tuple[Event, ...]:
    """What is told of a start: that there is one, and why the job failed where Flink said."""
    events: tuple[Event, ...] = (Event("Warning", "RestartFailedJob", "Starting the failed job again", "Job"),)
    if isinstance(facts.flink.failure, JobFailure):
        events = (Event("Warning", "Error", facts.flink.failure.summary, "Job"), *events)
    return events


def carried_over(facts: JobFacts[S], generation: int) -> dict[str, str]:
    """What the next run of the same spec inherits; a new spec begins anew."""
    count = memories.of(facts.status).get(records.FAILED_RESTARTS)
    same = facts.status.observed_generation == generation
    return {records.FAILED_RESTARTS: count} if count and same else {}


def _count(facts: JobFacts[S], job: Job) -> int:
    text = memories.of(facts.status).get(records.FAILED_RESTARTS, "0")
    ran_well = job.end - job.start > _RAN_WELL * 1000
    return int(text) if text.isdigit() and not ran_well else 0


def failure(cause: JobFailure | Unreachable | None, told: str | None) -> verdicts.JobFailed:
    """Why a job is FAILED: what Flink says of it, else what `status.error` has of it already."""
    if isinstance(cause, JobFailure):
        return verdicts.JobFailed(cause.summary, cause.trace)
    if isinstance(cause, Unreachable) and told:
        return verdicts.JobFailed(verdicts.error_message(told))
    return verdicts.JobFailed("The job failed; Flink does not say why", "")
