"""Going back to the last stable spec of a session job that does not come up in time (Java operator: rollback).

As for FlinkDeployments, but for the state: a session job's is always asked of Flink, what did not end is cancelled
first, so no high availability is needed. The record of a rollback is the Java operator's own (ROLLING_BACK, the spec
that is given up as the last reconciled one), and one that it began is carried on in the same way.
"""

from operator_core.decide import (
    cadence,
    observing,
    rollbacks,
    sessionstops,
    steps,
    submissionrecords,
    verdicts,
)
from operator_core.decide.choices import Ask, Cancel, Choice, TearDown
from operator_core.decide.decisions import CancelJob, Rest, Step
from operator_core.decide.flinkfacts import Job, Unreachable
from operator_core.decide.needs import Need, Unread
from operator_core.decide.records import Restore
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.decide.sessionstops import SessionStep
from operator_core.decide.wanted import Wanted
from operator_core.model.statuses import TERMINAL_JOB_STATES


def step(facts: SessionFacts, want: Wanted) -> SessionStep | None:
    """Begin a rollback where it is due; None where it is not, or where no state is known to go back with."""
    job = facts.flink.job
    if not rollbacks.is_possible(facts) or rollbacks.seconds_left(facts) > 0 or not isinstance(job, Job):
        return None
    match _stop(facts, want, job):
        case Ask(needs):
            return steps.look(facts, *needs)
        case TearDown() | Cancel():
            status = submissionrecords.rolling_back(facts, rollbacks.noted(facts, rollbacks.cause_of(facts)))
            return steps.record(facts, status, None, failpoint="rollback-recorded", events=(rollbacks.EVENT,))
        case _:
            return None


def hastened(facts: SessionFacts, taken: SessionStep) -> SessionStep:
    """The step, its rest no longer than until a rollback is due."""
    if not isinstance(taken.decision, Rest) or not rollbacks.is_possible(facts):
        return taken
    left = rollbacks.seconds_left(facts)
    if left <= 0 or (taken.decision.seconds is not None and taken.decision.seconds <= left):
        return taken
    return Step(Rest(left + 0.1), taken.status, taken.events)


def carried_on(facts: SessionFacts, want: Wanted) -> SessionStep:
    """A rollback is recorded: end what runs, and record the state to go back with."""
    job, since = facts.flink.job, facts.status.reconciliation_status.reconciliation_timestamp
    if facts.session.resource is None or not observing.serves(facts):
        return steps.rest(facts, sessionstops.SILENT_RECHECK, verdict=_waiting("the session cluster is not ready"))
    if isinstance(job, Unread):
        return steps.look(facts, Need.JOB)
    if isinstance(job, Unreachable):
        return steps.rest(facts, cadence.pending(facts, since))
    if job is None:
        return sessionstops.carry_out(facts, sessionstops.lost(), ())
    if job.state == "CANCELLING":
        return steps.rest(facts, cadence.pending(facts, since))
    match _stop(facts, want, job):
        case Cancel():
            return Step(CancelJob(job.id, required=True), facts.status)
        case choice:
            return sessionstops.carry_out(facts, choice, ())


def _stop(facts: SessionFacts, want: Wanted, job: Job) -> Choice:
    if want.upgrade_mode == "stateless":
        return TearDown(Restore("stateless"))
    if job.state in TERMINAL_JOB_STATES:
        return sessionstops.from_terminal(facts, want, job)
    return sessionstops.last_state(facts, job.reported_state)


def _waiting(why: str) -> verdicts.Verdict:
    return verdicts.Waiting("RollingBack", f"The job goes back to its last stable spec: {why}")
