"""Making the steps every decider ends in: rest, block, report, look.

The one place where a verdict becomes error text, conditions, lifecycle state and an event; an event is told
when its text is new, not on every pass.
"""

from operator_core.decide import conditions, errortexts, observing, stoprecords, verdicts
from operator_core.decide.decisions import Event, Look, Record, Rest, SessionEffect, SideEffect, Step
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Need
from operator_core.decide.phases import Phase, phase_of
from operator_core.decide.records import Restore
from operator_core.errors import Reason
from operator_core.model import lastspecs
from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import CommonStatus

Problem = verdicts.Rejected | verdicts.Blocked | verdicts.Broken | verdicts.JobFailed


def look(facts: JobFacts[S], *needs: Need) -> Step[S]:
    """Ask for more facts."""
    return Step(Look(needs), facts.status)


def rest(
    facts: JobFacts[S],
    seconds: float | None,
    *,
    status: S | None = None,
    verdict: verdicts.Verdict | None = None,
    events: tuple[Event, ...] = (),
) -> Step[S]:
    """End the pass. A refused spec is told unless something worse is."""
    status = facts.status if status is None else status
    if facts.invalid is not None and not isinstance(verdict, verdicts.Broken | verdicts.Blocked | verdicts.JobFailed):
        verdict = verdicts.Rejected(Reason.ValidationError, facts.invalid)
    verdict = verdict or verdicts.Fine()
    if isinstance(verdict, Problem):
        problem, reason, component = _source(verdict)
        text = errortexts.text(problem, facts.conf)
        if status.error != text and not (isinstance(verdict, verdicts.JobFailed) and verdict.trace is None):
            events = (*events, Event("Warning", reason, verdict.message, component))
            status = status.model_copy(update={"error": text})
    elif verdicts.is_told_by_verdict(status.error) and phase_of(status, last_of(status)) is not Phase.STOPPING:
        status = status.model_copy(update={"error": None})
    last = last_of(status)
    return Step(Rest(seconds), conditions.published(facts, status, last, verdict), events)


def blocked(facts: JobFacts[S], reason: Reason, message: str, *, seconds: float | None = None) -> Step[S]:
    """A dead end: `message` says what is wrong and ends with the way out."""
    return rest(facts, seconds, verdict=verdicts.Blocked(reason, message))


def record(
    facts: JobFacts[S],
    status: S,
    then: SideEffect | SessionEffect | None,
    *,
    failpoint: str | None = None,
    verdict: verdicts.Verdict | None = None,
    events: tuple[Event, ...] = (),
) -> Step[S]:
    """Write a record, then carry out the side effect it announces."""
    status = conditions.published(facts, status, last_of(status), verdict or verdicts.Fine())
    return Step(Record(failpoint, then), status, events)


def torn_down(
    facts: JobFacts[S],
    restore: Restore,
    *,
    verdict: verdicts.Verdict | None = None,
    events: tuple[Event, ...] = (),
    give_up: bool = False,
    then: SideEffect | None = None,
) -> Step[S]:
    """Record the state to restore; what stands goes in the next step. `give_up`: its spec is rolled back."""
    status = stoprecords.torn_down(facts, restore, give_up=give_up).model_copy(update={"error": None})
    return record(facts, status, then, verdict=verdict, events=events)


def is_dead_end(step: Step[S]) -> bool:
    """Whether the step ends in a dead end that losing state would open."""
    if not isinstance(step.decision, Rest):
        return False
    return any(
        c.type == verdicts.UPGRADE_BLOCKED and c.status == "True" and c.reason != Reason.DeploymentExists
        for c in step.status.conditions
    )


def last_of(status: CommonStatus) -> LastSpec | None:
    """The spec that a status records as deployed."""
    return lastspecs.deployed(status.reconciliation_status)


def _source(problem: Problem) -> tuple[errortexts.Problem, str, str]:
    """What to write down, event reason and component, as the Java operator has them."""
    match problem:
        case verdicts.Rejected(reason, message):
            return errortexts.Problem(verdicts.REJECTION, message), reason, observing.OPERATOR
        case verdicts.Blocked(reason, message):
            return errortexts.Problem(verdicts.BLOCKAGE, message), reason, observing.JOB_MANAGER
        case verdicts.Broken(reason, message):
            return errortexts.Problem(verdicts.BREAKAGE, message, reason), reason, observing.JOB_MANAGER
        case verdicts.JobFailed(message, trace):
            return errortexts.Problem(errortexts.SERIALIZED, message, trace=trace or ""), "Error", observing.JOB
