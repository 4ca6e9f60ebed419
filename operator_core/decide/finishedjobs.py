"""A job that came to its end by itself is not run again by a change alone, whichever kind of resource has it.

A bounded job that is done must not write its results twice because somebody changed a label or an image. What somebody
stopped with a savepoint by hand did not come to its end by itself.
"""

from operator_core.decide import leftstates, memories, records, specdiff
from operator_core.decide.decisions import Event
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.wanted import Wanted


def keeps(facts: JobFacts[S], diff: specdiff.SpecDiff) -> bool:
    """Whether the job is done and the change does not ask for another run."""
    if facts.status.job_status.state != "FINISHED" or specdiff.asks_for_rerun(diff):
        return False
    newest = leftstates.newest_of(facts.flink.checkpoints)
    stopped = newest is not None and newest.is_terminal
    return not stopped and records.STOPPED_BY_HAND not in memories.of(facts.status)


def told(facts: JobFacts[S], want: Wanted, diff: specdiff.SpecDiff) -> tuple[Event, ...]:
    """That the change was accepted without running the job again, once per generation."""
    if facts.status.observed_generation == want.generation:
        return ()
    changed = ", ".join(diff.paths)
    message = f"The job has finished: {changed} changed without running it again; {specdiff.HOW_TO_RERUN}"
    return (Event("Normal", "FinishedJobKept", message, "Job"),)
