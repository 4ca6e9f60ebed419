"""Requests of people that open a dead end: restore from a state they name, or start without one.

Each is carried out once (its id is remembered in a condition) and comes before everything that the phase would do.
"""

from operator_core.decide import records, steps, verdicts, wanted
from operator_core.decide.decisions import Step
from operator_core.decide.facts import Facts
from operator_core.decide.records import Restore
from operator_core.errors import Reason


def restore_from(facts: Facts, asked: wanted.RestoreFrom) -> Step:
    """A person names the state: whatever stands is torn down and deployed again from there."""
    known = facts.status.job_status.savepoint_info.last_savepoint
    deployed = facts.status.reconciliation_status.reconciliation_timestamp
    newer = known.location if known is not None and known.time_stamp >= deployed else None
    given = facts.status.job_status.upgrade_savepoint_path
    path = asked.path or newer or given or (known.location if known else None)
    if path == records.LAST_STATE_MARKER:
        path = known.location if known else None
    if not path:
        return steps.blocked(
            facts,
            Reason.RestoreFailed,
            f"Request {asked.id}: no savepoint of this job is recorded; name its path instead of 'latest'",
        )
    return steps.torn_down(
        facts, Restore("savepoint", path), verdict=verdicts.Answered(asked.id, f"restoring from {path}")
    )


def accept_loss(facts: Facts, asked: wanted.AcceptStateLoss) -> Step:
    """A person accepts that the job starts without state."""
    return steps.torn_down(facts, Restore("stateless"), verdict=verdicts.Answered(asked.id, "starting without state"))
