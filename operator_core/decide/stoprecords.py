"""The next status for every write-ahead record of a stop: of a job, and of the cluster that is torn down after it.

`lastReconciledSpec.job.upgradeMode` says how the job was stopped and `jobStatus.upgradeSavepointPath` what the next
deployment restores. Each function returns a new status and leaves the old one alone; which record is due is decided
elsewhere.
"""

from operator_core.decide import giveups, memories, records
from operator_core.decide.flinkfacts import Snapshot
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.records import Restore
from operator_core.model.statuses import Savepoint


def triggered(facts: JobFacts[S], trigger_id: str, format_type: str) -> S:
    """Before the stop request: its trigger id, time and kind."""
    info = facts.status.job_status.savepoint_info.model_copy(
        update={
            "trigger_id": trigger_id,
            "trigger_timestamp": records.epoch_ms(facts.now),
            "trigger_type": "UPGRADE",
            "format_type": format_type,
        }
    )
    return records.with_job(facts.status, savepoint_info=info)


def failed(facts: JobFacts[S]) -> S:
    """The stop failed for good: the id is given up, its time stays to space out the next try."""
    info = facts.status.job_status.savepoint_info.model_copy(
        update={"trigger_id": None, "trigger_type": None, "format_type": None}
    )
    return records.with_job(facts.status, savepoint_info=info)


def savepoint_taken(facts: JobFacts[S], location: str) -> S:
    """The job is stopped and its state is at `location`; the cluster is to be torn down."""
    info = facts.status.job_status.savepoint_info
    taken = Savepoint(
        time_stamp=info.trigger_timestamp or records.epoch_ms(facts.now),
        location=location,
        trigger_type="UPGRADE",
        format_type=info.format_type or "UNKNOWN",
    )
    is_new = info.last_savepoint is None or info.last_savepoint.location != location
    listed = (taken,) if is_new and records.keeps_history(facts) else ()
    info = info.model_copy(
        update={
            "last_savepoint": taken,
            "savepoint_history": (*info.savepoint_history, *listed),
            "trigger_id": None,
            "trigger_timestamp": None,
            "trigger_type": None,
            "format_type": None,
        }
    )
    status = records.with_job(facts.status, savepoint_info=info)
    return torn_down(facts, Restore("savepoint", location), status=status)


def torn_down(facts: JobFacts[S], restore: Restore, *, status: S | None = None, give_up: bool = False) -> S:
    """The state to restore is settled; the cluster is to be deleted. A pending trigger is given up.

    `give_up`: the spec that is deployed is rolled back.
    """
    status = facts.status if status is None else status
    info = status.job_status.savepoint_info.model_copy(
        update={"trigger_id": None, "trigger_timestamp": None, "trigger_type": None, "format_type": None}
    )
    path = restore.path if restore.mode == "savepoint" else None
    ended = status.job_status.state if status.job_status.state in ("FAILED", "CANCELED") else "FINISHED"
    status = records.with_job(status, state=ended, upgrade_savepoint_path=path, savepoint_info=info)
    return records.with_record(
        status,
        facts,
        state="ROLLING_BACK" if give_up or giveups.holds(facts) else "UPGRADING",
        last_reconciled_spec=records.last_text(facts, state="suspended", mode=restore.mode),
    )


def cancelling(facts: JobFacts[S]) -> S:
    """Before the cancel request after which the newest checkpoint is restored."""
    status = records.with_job(facts.status, state="CANCELLING")
    return records.with_record(
        status,
        facts,
        state="UPGRADING",
        last_reconciled_spec=records.last_text(facts, state="running", mode="savepoint"),
    )


def left_behind(status: S, newest: Snapshot | None) -> S:
    """What an ended job's statistics say it left, kept for when its JobManager has forgotten them."""
    path = newest.path if newest is not None and newest.path != records.NOT_ADDRESSABLE else ""
    if path:
        status = records.with_job(status, upgrade_savepoint_path=path)
    info = {**memories.of(status), records.FINAL_SNAPSHOT: path}
    if newest is not None and newest.is_terminal:
        info[records.STOPPED_BY_HAND] = "true"
    return memories.remembering(status, info)
