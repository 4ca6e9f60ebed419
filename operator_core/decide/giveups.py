"""Whether a spec was given up: rolled back, and nobody has written another one since.

As long as that holds the last stable spec is what is wanted, whatever the resource says. Decides nothing about when to
roll back.
"""

from operator_core.decide import specdiff
from operator_core.decide.jobfacts import JobFacts, S


def holds(facts: JobFacts[S]) -> bool:
    """Whether the resource's spec is the one that was rolled back. A refused one changes nothing."""
    if facts.last is None or facts.last.tried is None:
        return False
    if facts.invalid is not None:
        return True
    return specdiff.classify(facts.last.tried, facts.resource["spec"]).type is specdiff.DiffType.IGNORE
