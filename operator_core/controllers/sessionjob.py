"""One pass over one FlinkSessionJob: gather, decide, act, until there is nothing to do but wait.

As `flinkdeployment`, with one difference: after something was asked of Flink the pass ends, for the answer takes
Flink a moment and many jobs share one JobManager.
"""

import logging
from dataclasses import replace

from operator_core.controllers import publish, sessionacts, sessionpasses
from operator_core.controllers.sessionpasses import SessionPass
from operator_core.controllers.sessionworld import SessionWorld
from operator_core.decide import sessionjobs, steps, verdicts
from operator_core.decide.decisions import CancelJob, Look, Record, Release, Rest, SubmitJob, TriggerStop
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.decide.sessionstops import SessionStep
from operator_core.errors import Reason, Stalled
from operator_core.flink import errors as flink_errors
from operator_core.kube import errors as kube_errors
from operator_core.outcomes import After, Done, Outcome

log = logging.getLogger(__name__)

_STEPS = 24
_LOOKS = 8
_AGAIN_SOON = 0.05
_ASKED_FLINK = 0.1


def reconcile(session: SessionWorld, namespace: str, name: str) -> Outcome:
    """One pass. Raises AgentError for what the loop backs off from."""
    resource = session.jobs.get(namespace, name)
    if resource is None:
        session.lane.forget(namespace, name)
        return Done()
    run = sessionpasses.begin(session, resource)
    try:
        return _steps(session, run)
    except kube_errors.Conflict:
        return After(_AGAIN_SOON)
    except (flink_errors.FlinkUnreachable, flink_errors.FlinkError) as error:
        log.info("%s/%s: %s", namespace, name, error.message)
        publish.status(session.world, run)
        return After(1.0)


def _steps(session: SessionWorld, run: SessionPass) -> Outcome:
    for _ in range(_STEPS):
        facts, step = _decide(session, run)
        run.status = step.status
        publish.events(session.world, run, step.events)
        if isinstance(step.decision, Rest):
            publish.status(session.world, run)
            return Done() if step.decision.seconds is None else After(step.decision.seconds)
        log.debug("%s/%s: %s", run.namespace, run.name, type(step.decision).__name__)
        try:
            sessionacts.perform(session, run, facts, step)
        except Stalled as error:
            return _stalled(session, run, facts, error)
        if isinstance(step.decision, Release):
            return Done()
        if _asks_flink(step):
            publish.status(session.world, run)
            return After(_ASKED_FLINK)
    return After(_AGAIN_SOON)


def _asks_flink(step: SessionStep) -> bool:
    effect = step.decision.then if isinstance(step.decision, Record) else step.decision
    return isinstance(effect, TriggerStop | CancelJob | SubmitJob)


def _decide(session: SessionWorld, run: SessionPass) -> tuple[SessionFacts, SessionStep]:
    """The next step, after as many looks as it asks for."""
    facts = sessionpasses.facts(session, run)
    for _ in range(_LOOKS):
        step = sessionjobs.decide(facts)
        if not isinstance(step.decision, Look):
            return facts, step
        facts = sessionpasses.look(session, facts, step.decision.needs)
    raise Stalled(Reason.InternalError, f"a decision about {run.namespace}/{run.name} asks the same again and again")


def _stalled(session: SessionWorld, run: SessionPass, facts: SessionFacts, error: Stalled) -> Outcome:
    """What is recorded cannot be submitted as it is: say so; the next good spec replaces the record."""
    facts = replace(facts, status=run.status)
    step = steps.rest(facts, None, verdict=verdicts.Broken(error.reason, error.message))
    run.status = step.status
    publish.events(session.world, run, step.events)
    publish.status(session.world, run)
    return Done()
