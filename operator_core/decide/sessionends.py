"""What becomes of a session job that has ended while its spec did not change.

What it left behind is recorded while Flink still tells, for a session cluster forgets its jobs with its JobManager;
why it failed is said; and a FAILED one is submitted again where the operator's options ask for it, never from a state
older than the newest known. A changed spec is none of this module's business.
"""

from dataclasses import replace

from operator_core.decide import (
    cadence,
    leftstates,
    memories,
    records,
    restarts,
    sessionstops,
    steps,
    stoprecords,
)
from operator_core.decide.choices import Choice, TearDown
from operator_core.decide.flinkfacts import Checkpoints, Job
from operator_core.decide.needs import Need, Unread
from operator_core.decide.records import Restore
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.decide.sessionstops import SessionStep
from operator_core.decide.wanted import Wanted


def ended(facts: SessionFacts, want: Wanted) -> SessionStep:
    """Flink lists the job as ended, or does not say any more."""
    job = facts.flink.job
    if not isinstance(job, Job):
        return forgotten(facts, want)
    if isinstance(facts.flink.checkpoints, Unread):
        return steps.look(facts, Need.CHECKPOINTS)
    again = leftstates.still_cached(facts, job)
    if isinstance(facts.flink.checkpoints, Checkpoints):
        if _is_certain(facts, job, facts.flink.checkpoints):
            newest = leftstates.newest_of(facts.flink.checkpoints)
            facts = replace(facts, status=stoprecords.left_behind(facts.status, newest))
        facts = facts if again > 0 else _read(facts)
        again = again or cadence.session_job(facts, settled=True)
    else:
        again = cadence.pending(facts, job.end)
    return _failed(facts, want, job, again) if job.reported_state == "FAILED" else steps.rest(facts, again)


def forgotten(facts: SessionFacts, want: Wanted) -> SessionStep:
    """The cluster does not know the ended job: nothing is missed, unless a FAILED one is to be submitted again."""
    facts = _read(facts)
    failed = facts.status.job_status.state == "FAILED" and restarts.are_asked_for(facts)
    if not failed or not leftstates.has_recorded_end(facts):
        return steps.rest(facts, None)
    return _again(facts, want, sessionstops.from_record(facts, want))


def _read(facts: SessionFacts) -> SessionFacts:
    """Nothing more about the end is to be had from this cluster: it may go."""
    info = {**memories.of(facts.status), records.END_READ: "true"}
    return replace(facts, status=memories.remembering(facts.status, info))


def _is_certain(facts: SessionFacts, job: Job, found: Checkpoints) -> bool:
    """Whether the statistics name the newest state there is; kept is only what a later run may begin from."""
    newest = leftstates.newest_of(found)
    if newest is not None:
        return newest.path not in ("", records.NOT_ADDRESSABLE)
    had_some = found.completed > 0 and job.state != "FINISHED"
    return not had_some and not leftstates.may_have_forgotten(facts, job, newest)


def _failed(facts: SessionFacts, want: Wanted, job: Job, again: float) -> SessionStep:
    """Say why the job failed, and submit it again where that is asked for and due."""
    cause = facts.flink.failure
    if isinstance(cause, Unread):
        return steps.look(facts, Need.FAILURE)
    verdict = restarts.failure(cause, facts.status.error)
    if not restarts.are_asked_for(facts):
        return steps.rest(facts, again, verdict=verdict)
    pause = restarts.pause(facts, job)
    if pause > 0:
        return steps.rest(facts, pause, verdict=verdict)
    facts = replace(facts, status=restarts.counted(facts, job))
    return _again(facts, want, sessionstops.from_terminal(facts, want, job))


def _again(facts: SessionFacts, want: Wanted, from_state: Choice) -> SessionStep:
    choice = TearDown(Restore("stateless")) if want.upgrade_mode == "stateless" else from_state
    return sessionstops.carry_out(facts, choice, restarts.told(facts))
