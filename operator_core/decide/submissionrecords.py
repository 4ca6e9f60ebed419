"""The next status of a session job for every record of its submission.

As the Java operator writes them: while a submission is recorded but not confirmed, `lastReconciledSpec` has its job
suspended, the state is UPGRADING, and the job has an id and is RECONCILING; confirmed means running and
DEPLOYED. How a job is stopped is recorded as for FlinkDeployments (`records`). Decides nothing.
"""

from operator_core.decide import records
from operator_core.decide.flinkfacts import Snapshot
from operator_core.decide.records import NOT_ADDRESSABLE, Restore
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.jsonvalues import Object
from operator_core.model import lastspecs
from operator_core.model.flinksessionjobs import FlinkSessionJobStatus


def submitting(
    facts: SessionFacts, spec: Object, generation: int, restore: Restore, *, first: bool
) -> FlinkSessionJobStatus:
    """Before the job is submitted: what, as which job, from which state."""
    recorded = records.recorded_spec(facts, spec, "suspended", restore.mode)
    pending = {"trigger_id": None, "trigger_timestamp": None, "trigger_type": None, "format_type": None}
    status = records.with_job(
        facts.status,
        checkpoint_info=facts.status.job_status.checkpoint_info.model_copy(update=pending),
        job_id=facts.ids.job,
        state="RECONCILING",
        upgrade_savepoint_path=restore.path,
        job_name=None,
        start_time=None,
        update_time=None,
    )
    status = status.model_copy(update={"error": None, "observed_generation": generation})
    return records.with_record(
        status, facts, state="UPGRADING", last_reconciled_spec=lastspecs.encode(recorded, first_deployment=first)
    )


def submitted(facts: SessionFacts) -> FlinkSessionJobStatus:
    """Flink has the job."""
    status = facts.status.model_copy(update={"error": None})
    text = records.last_text(facts, state="running", mode=records.how_stopped(facts))
    return records.with_record(status, facts, state="DEPLOYED", last_reconciled_spec=text)


def suspended(facts: SessionFacts, spec: Object, generation: int) -> FlinkSessionJobStatus:
    """The job has ended and the spec wants it so; at once stable. How it was stopped is kept."""
    recorded = records.recorded_spec(facts, spec, "suspended", records.how_stopped(facts))
    first = facts.last.first_deployment if facts.last else True
    text = lastspecs.encode(recorded, first_deployment=first)
    status = records.with_job(facts.status, job_id=None)
    status = status.model_copy(update={"error": None, "observed_generation": generation})
    return records.with_record(status, facts, state="DEPLOYED", last_reconciled_spec=text, last_stable_spec=text)


def left_behind(facts: SessionFacts, newest: Snapshot | None) -> FlinkSessionJobStatus:
    """What an ended job left, kept for when its JobManager has forgotten it."""
    known = newest is not None and newest.path not in ("", NOT_ADDRESSABLE)
    return records.with_job(facts.status, upgrade_savepoint_path=newest.path) if newest and known else facts.status
