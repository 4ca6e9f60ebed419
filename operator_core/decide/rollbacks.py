"""Going back to the last stable spec when a new one does not come up in time (Java operator: rollback).

Only where the state is known: what never started is redeployed from the state it was given, all else from HA metadata
or from what an ended job left. The spec that was given up stays recorded, so that it is not tried again until somebody
changes it. A JobManager that never started and whose failure Kubernetes names is given up sooner than the deadline.
"""

from dataclasses import replace

from operator_core.conf import options
from operator_core.decide import (
    choices,
    leftstates,
    memories,
    mounts,
    observing,
    podfailures,
    steps,
    upgrades,
    verdicts,
)
from operator_core.decide.decisions import Event, Rest, ScaleToZero, Step
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import Job
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Need, Unread
from operator_core.decide.podfailures import PodFailure
from operator_core.decide.records import Restore
from operator_core.decide.wanted import Wanted
from operator_core.model import lastspecs
from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import TERMINAL_JOB_STATES

_PATIENCE = 30.0
"""Seconds after which a named failure of a JobManager that never started is believed (pulls are tried again)."""

EVENT = Event("Normal", "Rollback", "Rolling back failed deployment.", observing.JOB_MANAGER)


def step(facts: Facts, want: Wanted, failure: PodFailure | None) -> Step | None:
    """Begin a rollback where it is due; None where it is not, or where no state is known to go back with."""
    if not is_possible(facts) or _seconds_left(facts, failure) > 0:
        return None
    match _choice(facts, want):
        case choices.Ask(needs):
            return steps.look(facts, *needs)
        case choices.Freeze(uid, version):
            return Step(ScaleToZero(uid, version, upgrades.UNSTARTED), facts.status)
        case choices.TearDown(restore):
            return _begun(facts, restore, failure)
        case _:
            return None


def hastened(facts: Facts, taken: Step, failure: PodFailure | None) -> Step:
    """The step, its rest no longer than until a rollback is due."""
    if not isinstance(taken.decision, Rest) or not is_possible(facts):
        return taken
    left = _seconds_left(facts, failure)
    if left <= 0 or (taken.decision.seconds is not None and taken.decision.seconds <= left):
        return taken
    return replace(taken, decision=Rest(left + 0.1))


def taken_over(facts: Facts, want: Wanted) -> Step:
    """Another operator began a rollback, how far it got is not known: begin it anew, from the newest state."""
    if facts.cluster is None and isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    choice = _choice(facts, want)
    if choice is None and facts.cluster is None:
        choice = leftstates.same_restore(facts, want)  # it only rolls back without metadata what never started
    match choice:
        case choices.Ask(needs):
            return steps.look(facts, *needs)
        case choices.Freeze(uid, version):
            return Step(ScaleToZero(uid, version, upgrades.UNSTARTED), facts.status)
        case choices.TearDown(restore):
            return steps.torn_down(facts, restore)
        case choices.DeadEnd(reason, message):
            return steps.blocked(facts, reason, message)
        case _:
            found = leftstates.no_ha_metadata()
            return steps.blocked(facts, found.reason, f"Another operator began a rollback. {found.message}")


def is_possible(facts: JobFacts[S]) -> bool:
    """Whether a rollback is switched on, the deployed spec is not stable, and another one was."""
    record = facts.status.reconciliation_status
    if record.state != "DEPLOYED" or not options.get_bool(facts.conf, options.ROLLBACK_ENABLED):
        return False
    if record.last_stable_spec is None or record.last_stable_spec == record.last_reconciled_spec:
        return False
    return facts.last is not None and _may_return(facts.last, lastspecs.decode(record.last_stable_spec))


def _may_return(last: LastSpec, stable: LastSpec) -> bool:
    """Never to another version, to a suspended job, or behind a redeployment from a savepoint that was asked for."""
    before, now = stable.spec.get("job") or {}, last.spec.get("job") or {}
    if before.get("state", "running") != "running" or stable.spec.get("flinkVersion") != last.spec.get("flinkVersion"):
        return False
    return bool(before.get("savepointRedeployNonce") == now.get("savepointRedeployNonce"))


def _seconds_left(facts: Facts, failure: PodFailure | None) -> float:
    """Seconds until the rollback is due; a cluster that was taken down unstarted waits for nothing more."""
    cluster = facts.cluster
    if cluster is not None and upgrades.is_marked(cluster):
        return 0.0
    left = seconds_left(facts)
    named = failure is not None and failure.reason != mounts.REASON  # a volume may be on its way for minutes
    if named and cluster is not None and podfailures.never_started(cluster):
        patience = options.get_seconds(facts.conf, options.READINESS_TIMEOUT) or 0.0
        left -= max(0.0, patience - _PATIENCE)
    return left


def seconds_left(facts: JobFacts[S]) -> float:
    """Seconds until what was deployed should have come up."""
    patience = options.get_seconds(facts.conf, options.READINESS_TIMEOUT) or 0.0
    return facts.status.reconciliation_status.reconciliation_timestamp / 1000 + patience - facts.now.timestamp()


def _choice(facts: Facts, want: Wanted) -> choices.Choice | None:
    """How to stop what does not come up; None where no state is known."""
    job, cluster = facts.flink.job, facts.cluster
    if cluster is not None and (upgrades.is_marked(cluster) or podfailures.never_started(cluster)):
        return upgrades.unstarted(facts, want, cluster)
    if want.upgrade_mode == "stateless":
        return choices.TearDown(Restore("stateless"))
    if isinstance(job, Job) and job.state in TERMINAL_JOB_STATES:
        return leftstates.from_terminal(facts, want, job)
    if not options.has_high_availability(facts.last_conf):
        return None
    if isinstance(facts.ha, Unread):
        return choices.Ask((Need.HA_METADATA,))
    return choices.TearDown(Restore("last-state")) if facts.ha.with_checkpoint else None


def _begun(facts: Facts, restore: Restore, failure: PodFailure | None) -> Step:
    """Record the rollback; the cause is kept for people."""
    cause = f"{failure.reason}: {failure.message}" if failure is not None else cause_of(facts)
    return steps.torn_down(replace(facts, status=noted(facts, cause)), restore, events=(EVENT,), give_up=True)


def noted(facts: JobFacts[S], cause: str) -> S:
    """The status that remembers why its spec is given up."""
    return memories.remembering(facts.status, {**memories.of(facts.status), verdicts.GIVEN_UP: cause[:300]})


def cause_of(facts: JobFacts[S]) -> str:
    """Why the job did not come up, as far as the status says."""
    told = verdicts.error_message(facts.status.error)
    return told or f"the job was not RUNNING in time, it was {facts.status.job_status.state}"
