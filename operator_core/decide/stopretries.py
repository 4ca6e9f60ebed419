"""A stop with savepoint failed and its job goes on running: what is told, and when it is tried again.

Tries lie wider apart the longer they fail; a newer spec asks at once. How long it has been failing is in the
condition that tells it, so that nothing has to be remembered.
"""

from datetime import datetime

from operator_core.decide import errortexts, observing, records, steps, stoprecords, verdicts
from operator_core.decide.decisions import Event, Step
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.errors import Reason


def failed(facts: JobFacts[S], cause: str) -> Step[S]:
    """The job goes on running; tell, and try again later (wider apart each time) or with a new spec."""
    status = stoprecords.failed(facts)
    message = f"The savepoint for the change failed and the job goes on running: {cause}"
    verdict = verdicts.Blocked(Reason.SavepointError, message)
    event = Event("Warning", Reason.SavepointError, message, observing.OPERATOR, key="stop-with-savepoint")
    problem = errortexts.Problem(verdicts.BLOCKAGE, message)
    status = records.failed_with(status, problem, facts.conf)
    return steps.rest(facts, retry_pause(facts), status=status, verdict=verdict, events=(event,))


def retry_pause(facts: JobFacts[S]) -> float:
    """Seconds until a failed stop is tried again: as long as it has been failing, 10 s to 5 min."""
    last_try = facts.status.job_status.savepoint_info.trigger_timestamp or 0
    failing_since = next(
        (
            c.last_transition_time
            for c in facts.status.conditions
            if c.type == verdicts.UPGRADE_BLOCKED and c.status == "True"
        ),
        None,
    )
    failing = 0.0 if failing_since is None else last_try / 1000 - _seconds(failing_since)
    wait = min(300.0, max(10.0, failing))
    return max(0.0, last_try / 1000 + wait - facts.now.timestamp())


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def may_try_again(facts: JobFacts[S]) -> bool:
    """Whether a stop that failed before is due again, or a newer spec asks anew."""
    has_failed = any(
        condition.type == verdicts.UPGRADE_BLOCKED
        and condition.reason == Reason.SavepointError
        and condition.status == "True"
        and condition.observed_generation == facts.generation
        for condition in facts.status.conditions
    )
    return not has_failed or retry_pause(facts) <= 0


def still_failing(facts: JobFacts[S]) -> Step[S]:
    """A stop failed and is not due again: keep saying so."""
    message = verdicts.error_message(facts.status.error)
    for condition in facts.status.conditions:
        if condition.type == verdicts.UPGRADE_BLOCKED:
            message = condition.message
    return steps.rest(facts, retry_pause(facts), verdict=verdicts.Blocked(Reason.SavepointError, message))
