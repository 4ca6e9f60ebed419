"""Carrying out how a deployed job is to be stopped: the choice becomes a step.

Shared by everything that stops a job to start it again: changed specs, rollbacks, restarts. Chooses nothing.
"""

from operator_core.decide import choices, steps, stops, upgrades, verdicts
from operator_core.decide.decisions import Event, ScaleToZero, Step
from operator_core.decide.facts import Facts


def out(facts: Facts, choice: choices.Choice, told: tuple[Event, ...]) -> Step:
    """The step that a choice comes to; `told` with it."""
    match choice:
        case choices.Ask(needs):
            return steps.look(facts, *needs)
        case choices.Stop():
            return stops.begin_stop(facts, told)
        case choices.Cancel():
            return stops.begin_cancel(facts, told)
        case choices.TearDown(restore):
            return steps.torn_down(facts, restore, events=told)
        case choices.Freeze(uid, version):
            return Step(ScaleToZero(uid, version, upgrades.UNSTARTED), facts.status)
        case choices.Wait(why, seconds):
            return steps.rest(facts, seconds, verdict=verdicts.Waiting("Upgrading", f"The change waits: {why}"))
        case choices.DeadEnd(reason, message):
            return steps.blocked(facts, reason, message)
