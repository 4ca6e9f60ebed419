"""What a changed spec does to a job that is deployed.

A dry run comes before anything that runs is touched; a stop that failed is not tried again too soon; a finished job is
not run again by a change alone. How the job is stopped is chosen elsewhere (`upgrades`).
"""

from dataclasses import replace

from operator_core.decide import (
    carrying,
    deploymentrecords,
    finishedjobs,
    observing,
    recoveries,
    remarks,
    scalings,
    snapshots,
    specdiff,
    standalone,
    steps,
    stopretries,
    upgrades,
    verdicts,
)
from operator_core.decide.decisions import Event, Step
from operator_core.decide.facts import Facts
from operator_core.decide.needs import Need, Unread
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason


def change(facts: Facts, want: Wanted, diff: specdiff.SpecDiff) -> Step:
    """The spec asks for something else than what was deployed."""
    reached = deploymentrecords.scaled(facts, want.spec, want.generation)
    scaled = standalone.scaled(facts, want, diff) or scalings.scaled(facts, want, diff, reached)
    if scaled is not None:
        return scaled
    if want.running and finishedjobs.keeps(facts, diff):
        return _settled(facts, want, diff)
    if (waiting := snapshots.before_change(facts)) is not None:
        return waiting
    if not stopretries.may_try_again(facts):
        return stopretries.still_failing(facts)
    if want.running and facts.cluster is not None:
        if isinstance(facts.preflight, Unread):
            return steps.look(facts, Need.PREFLIGHT)
        if facts.preflight is not None:
            return steps.rest(facts, None, verdict=verdicts.Rejected(Reason.ValidationError, facts.preflight))
    told = (
        remarks.changed(diff, want.generation),
        Event("Normal", "Suspended", "Suspending existing deployment.", observing.JOB_MANAGER),
    )
    return carrying.out(facts, upgrades.choose(facts, want, diff), told)


def _settled(facts: Facts, want: Wanted, diff: specdiff.SpecDiff) -> Step:
    """Accept the change of a finished job; it holds when the job is run again."""
    if observing.serves(facts) and isinstance(facts.flink.checkpoints, Unread):
        return steps.look(facts, Need.CHECKPOINTS)
    events = finishedjobs.told(facts, want, diff)
    status = facts.status.model_copy(update={"observed_generation": want.generation})
    return recoveries.ended(replace(facts, status=status), want, events)
