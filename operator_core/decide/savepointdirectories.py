"""Where the savepoints of a job go: as it is configured now, else as it was deployed.

A change may take the option away while the job that is to be stopped still has it. Holds no other rule.
"""

from operator_core.conf import options
from operator_core.decide.jobfacts import JobFacts, S


def of(facts: JobFacts[S]) -> str | None:
    """The directory, or None when neither names one."""
    return options.get(facts.conf, options.SAVEPOINT_DIR) or options.get(facts.last_conf, options.SAVEPOINT_DIR)
