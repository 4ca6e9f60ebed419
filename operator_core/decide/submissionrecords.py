"""The next status of a session job for every record of its submission.

As the Java operator writes them: while a submission is recorded but not confirmed, `lastReconciledSpec` has its job
suspended, the state is UPGRADING, and the job has an id and is RECONCILING; confirmed means running and
DEPLOYED. How a job is stopped is recorded as for FlinkDeployments (`records`). Decides nothing.
"""

from operator_core.decide import deploymentrecords, memories, records, restarts, unseenruns, verdicts
from operator_core.decide.records import Restore
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.decide.wanted import Wanted
from operator_core.jsonvalues import Object
from operator_core.model import lastspecs
from operator_core.model.flinksessionjobs import FlinkSessionJobStatus


def submitting(facts: SessionFacts, want: Wanted, restore: Restore, *, first: bool) -> FlinkSessionJobStatus:
    """Before the job is submitted: what, as which job, from which state."""
    recorded = records.recorded_spec(facts, want.spec, "suspended", restore.mode)
    text = lastspecs.encode(recorded, first_deployment=first)
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
    status = status.model_copy(update={"error": None, "observed_generation": want.generation})
    info = restarts.carried_over(facts, want.generation)
    if want.rolls_back:
        cause = memories.of(facts.status).get(verdicts.GIVEN_UP)
        status = memories.remembering(status, {**info, verdicts.GIVEN_UP: cause} if cause else info)
        text = records.last_text(facts, state="suspended", mode=restore.mode)  # the spec that is given up stays
        return records.with_record(status, facts, state="ROLLING_BACK", last_reconciled_spec=text)
    status = memories.remembering(status, info)
    return records.with_record(status, facts, state="UPGRADING", last_reconciled_spec=text)


def submitted(facts: SessionFacts) -> FlinkSessionJobStatus:
    """Flink has the job."""
    status = unseenruns.forgotten(facts.status).model_copy(update={"error": None})
    text = records.last_text(facts, state="running", mode=records.how_stopped(facts))
    rolled_back = facts.status.reconciliation_status.state == "ROLLING_BACK"
    state = "ROLLED_BACK" if rolled_back else "DEPLOYED"
    return records.with_record(status, facts, state=state, last_reconciled_spec=text)


def reached(facts: SessionFacts, spec: Object, generation: int) -> FlinkSessionJobStatus:
    """The job runs what the spec asks for without having been submitted again."""
    recorded = records.recorded_spec(facts, spec, "running", records.how_stopped(facts))
    text = lastspecs.encode(recorded, first_deployment=facts.last is not None and facts.last.first_deployment)
    status = deploymentrecords.scaling_over(facts.status).model_copy(update={"observed_generation": generation})
    return records.with_record(status, facts, state="DEPLOYED", last_reconciled_spec=text)


def rolling_back(facts: SessionFacts, status: FlinkSessionJobStatus) -> FlinkSessionJobStatus:
    """The spec that was submitted is given up; what runs of it ends next."""
    return records.with_record(status, facts, state="ROLLING_BACK")


def suspended(facts: SessionFacts, spec: Object, generation: int) -> FlinkSessionJobStatus:
    """The job has ended and the spec wants it so; at once stable. How it was stopped is kept."""
    recorded = records.recorded_spec(facts, spec, "suspended", records.how_stopped(facts))
    first = facts.last.first_deployment if facts.last else True
    text = lastspecs.encode(recorded, first_deployment=first)
    status = records.with_job(facts.status, job_id=None)
    status = status.model_copy(update={"error": None, "observed_generation": generation})
    return records.with_record(status, facts, state="DEPLOYED", last_reconciled_spec=text, last_stable_spec=text)
