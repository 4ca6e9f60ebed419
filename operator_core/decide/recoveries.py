"""What becomes of a deployment that broke without anybody changing the spec: lost, failed, unhealthy, ended.

A lost JobManager is deployed again where its newest state is known, a FAILED job where the operator's options ask for
it, an unhealthy one from its newest checkpoint; the JobManager of an ended job goes after its time to live (Java
operator: reconcile, other changes). No rule here answers with a state older than the newest known.
"""

from dataclasses import replace

from operator_core.conf import options
from operator_core.decide import (
    cadence,
    carrying,
    choices,
    health,
    leftstates,
    observing,
    restarts,
    standalone,
    starts,
    steps,
    stoprecords,
    upgrades,
    verdicts,
)
from operator_core.decide.decisions import Event, Step
from operator_core.decide.facts import Facts, HaMetadata
from operator_core.decide.flinkfacts import Checkpoints, Job
from operator_core.decide.needs import Need, Unread
from operator_core.decide.records import Restore
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.model.statuses import TERMINAL_JOB_STATES


def missing(facts: Facts, want: Wanted) -> Step:
    """Somebody deleted the JobManager Deployment; the spec did not change."""
    events: tuple[Event, ...] = ()
    if facts.status.job_status.state in TERMINAL_JOB_STATES:
        return _missing_after_end(facts, want)
    if verdicts.error_message(facts.status.error) != starts.MISSING:
        events = (Event("Warning", Reason.Missing, starts.MISSING, observing.JOB_MANAGER),)
    recover = options.get_bool(facts.conf, options.RECOVERY_ENABLED)
    told = (*events, Event("Warning", "RecoverDeployment", "Recovering lost deployment", observing.JOB))
    if recover and options.has_high_availability(facts.last_conf):
        if isinstance(facts.ha, Unread):
            return steps.look(facts, Need.HA_METADATA)
        if isinstance(facts.ha, HaMetadata) and facts.ha.with_checkpoint:
            return steps.torn_down(facts, Restore("last-state"), events=told)
    if recover and want.upgrade_mode == "stateless":
        return steps.torn_down(facts, Restore("stateless"), events=told)
    dead_end = leftstates.lost(facts)
    return steps.blocked(facts, Reason.Missing, f"{starts.MISSING}. {dead_end.message}")


def _missing_after_end(facts: Facts, want: Wanted) -> Step:
    """The JobManager of an ended job is gone: nothing is missed, unless a FAILED job is to be run again."""
    if facts.workers is not None and (left := standalone.leftover(facts)) is not None:
        return left
    restart = facts.status.job_status.state == "FAILED" and restarts.are_asked_for(facts)
    if restart and leftstates.has_recorded_end(facts):
        return _run_again(facts, _choice_of_restart(facts, want, leftstates.from_record(facts, want)))
    return steps.rest(facts, None)


def unhealthy(facts: Facts, want: Wanted) -> Step | None:
    """Restart a job that the health check found unhealthy, from its newest checkpoint; None: it is healthy."""
    found = health.last(facts.status)
    if found is None or found.error is None or not options.get_bool(facts.conf, options.HEALTH_CHECK_ENABLED):
        return None
    told = (Event("Warning", "RestartUnhealthyJob", found.error, observing.JOB),)
    if want.upgrade_mode == "stateless":
        return steps.torn_down(facts, Restore("stateless"), events=told)
    return carrying.out(facts, upgrades.last_state(facts, changed=False), told)


def ended(facts: Facts, want: Wanted, events: tuple[Event, ...] = ()) -> Step:
    """Record what the job left behind while Flink still tells; for a failed job say why it failed."""
    job = facts.flink.job
    if not isinstance(job, Job) or job.state not in TERMINAL_JOB_STATES:
        return steps.rest(facts, cadence.deployed(facts, facts.status), events=events)
    if isinstance(facts.flink.checkpoints, Unread):
        return steps.look(facts, Need.CHECKPOINTS)
    newest = leftstates.newest_of(facts.flink.checkpoints)
    if isinstance(facts.flink.checkpoints, Checkpoints) and not leftstates.may_have_forgotten(facts, job, newest):
        facts = replace(facts, status=stoprecords.left_behind(facts.status, newest))
    step = _failed(facts, want, job) if job.reported_state == "FAILED" else _over(facts, job, None)
    return replace(step, events=(*events, *step.events))


def _over(facts: Facts, job: Job, verdict: verdicts.Verdict | None) -> Step:
    """The job is over: its JobManager stays for a while, so that people can look at it."""
    left = _time_to_live(facts, job)
    if left <= 0 and facts.cluster is not None and isinstance(facts.flink.checkpoints, Checkpoints):
        event = Event("Normal", "Cleanup", "Removing the JobManager of the ended job", observing.OPERATOR)
        then = standalone.deletion(facts, facts.cluster)
        return steps.record(facts, facts.status, then, verdict=verdict, events=(event,))
    early = leftstates.still_cached(facts, job)
    again = early if early > 0 else cadence.deployed(facts, facts.status)
    return steps.rest(facts, min(again, max(left, 1.0)), verdict=verdict)


def _time_to_live(facts: Facts, job: Job) -> float:
    """Seconds for which the JobManager of the ended job stays."""
    ended_ms = max(int(facts.status.job_status.update_time or 0), job.end)
    ttl = options.get_seconds(facts.conf, options.SHUTDOWN_TTL) or 0
    return ended_ms / 1000 + ttl - facts.now.timestamp()


def _failed(facts: Facts, want: Wanted, job: Job) -> Step:
    """The job is FAILED: its exception is the error, and it is run again where that is asked for."""
    cause = facts.flink.failure
    if isinstance(cause, Unread):
        return steps.look(facts, Need.FAILURE)
    verdict = restarts.failure(cause, facts.status.error)
    if not restarts.are_asked_for(facts):
        return _over(facts, job, verdict)
    pause = restarts.pause(facts, job)
    if pause > 0:
        return steps.rest(facts, pause, verdict=verdict)
    choice = _choice_of_restart(facts, want, leftstates.from_terminal(facts, want, job))
    return _run_again(replace(facts, status=restarts.counted(facts, job)), choice)


def _choice_of_restart(facts: Facts, want: Wanted, from_state: choices.Choice) -> choices.Choice:
    return choices.TearDown(Restore("stateless")) if want.upgrade_mode == "stateless" else from_state


def _run_again(facts: Facts, choice: choices.Choice) -> Step:
    return carrying.out(facts, choice, restarts.told(facts))
