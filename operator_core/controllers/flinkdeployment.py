"""One pass over one FlinkDeployment: gather, decide, act, until there is nothing to do but wait.

A pass never waits: it takes as many steps as it can (each on fresh facts), then writes the status once and
says when to look again. Write-ahead records are the exception, written by `act` before their side effect.
"""

import logging
from dataclasses import replace

from operator_core.controllers import act, ingresses, observe, passes, publish
from operator_core.controllers.passes import Pass
from operator_core.controllers.world import World
from operator_core.decide import applications, sessionconditions, sessions, steps, validation, verdicts
from operator_core.decide.decisions import Look, Release, Rest, Step
from operator_core.decide.facts import Facts
from operator_core.errors import Reason, Stalled
from operator_core.flink import errors as flink_errors
from operator_core.kube import errors as kube_errors
from operator_core.outcomes import After, Done, Outcome

log = logging.getLogger(__name__)

_STEPS = 24
_LOOKS = 8
_AGAIN_SOON = 0.05


def reconcile(world: World, namespace: str, name: str) -> Outcome:
    """One pass. Raises AgentError for what the loop backs off from."""
    resource = world.resources.get(namespace, name)
    if resource is None:
        world.flink.reset(namespace, name)
        world.readings.forget(namespace, name)
        if world.stores is not None:
            world.stores.forget(namespace, name)
        return Done()
    run = passes.begin(world, resource)
    try:
        return _steps(world, run)
    except kube_errors.Conflict:
        return After(_AGAIN_SOON)
    except (flink_errors.FlinkUnreachable, flink_errors.FlinkError) as error:
        log.info("%s/%s: %s", namespace, name, error.message)
        publish.status(world, run)
        return After(1.0)


def _steps(world: World, run: Pass) -> Outcome:
    observed = run.status.observed_generation
    for _ in range(_STEPS):
        facts, step = _decide(world, run)
        run.status = step.status
        publish.events(world, run, step.events)
        if isinstance(step.decision, Rest):
            publish.status(world, run)
            if run.status.observed_generation != observed:
                _advise(world, facts)
            return Done() if step.decision.seconds is None else After(step.decision.seconds)
        log.debug("%s/%s: %s", run.namespace, run.name, type(step.decision).__name__)
        try:
            act.perform(world, run, facts, step)
        except Stalled as error:
            return _stalled(world, run, facts, error)
        if isinstance(step.decision, Release):
            return Done()
    return After(_AGAIN_SOON)


def _advise(world: World, facts: Facts) -> None:
    """What is valid and likely not meant, once per generation that is taken over."""
    if facts.parsed is None or facts.invalid is not None:
        return
    for message in validation.advice(facts.parsed, world.defaults):
        if message.startswith("spec.flinkVersion"):  # told as DeprecatedFlinkVersion
            continue
        key = f"{facts.generation}: {message}"
        world.events.event(facts.resource, "Warning", Reason.ValidationAdvice, message, key=key, component="Operator")


def _decide(world: World, run: Pass) -> tuple[Facts, Step]:
    """The next step, after as many looks as it asks for."""
    facts = passes.facts(world, run)
    if facts.parsed is not None and facts.invalid is None:
        facts = replace(facts, ingress=ingresses.state(world, run, facts.parsed, facts.conf))
    decide = sessions.decide if sessionconditions.concerns(facts.resource, facts.last) else applications.decide
    for _ in range(_LOOKS):
        step = decide(facts)
        if not isinstance(step.decision, Look):
            return facts, step
        facts = observe.look(world, facts, step.decision.needs)
    raise Stalled(Reason.InternalError, f"a decision about {run.namespace}/{run.name} asks the same again and again")


def _stalled(world: World, run: Pass, facts: Facts, error: Stalled) -> Outcome:
    """What is recorded cannot be created as it is: say so; the next good spec replaces the record."""
    facts = replace(facts, status=run.status)
    step = steps.rest(facts, None, verdict=verdicts.Broken(error.reason, error.message))
    run.status = step.status
    publish.events(world, run, step.events)
    publish.status(world, run)
    return Done()
