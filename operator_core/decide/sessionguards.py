"""Who waits for whom when a session cluster and its jobs change at the same time.

A cluster is replaced only while none of its jobs is between two records (stopping, cancelling, being submitted), and
where high availability would not bring them back, only when those with state were stopped with it. A job is
submitted only to a cluster that stays. Each side writes first (the job its record, the user the cluster's
spec) and then reads the other one live, so at least one of them sees the other. A job that its cluster has lost and
whose next step only a person can take holds nothing up. Both controllers ask here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from operator_core.conf import options
from operator_core.decide import memories, podfailures, records, verdicts
from operator_core.decide.phases import Phase, phase_of
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object, dig
from operator_core.model import flinksessionjobs, lastspecs
from operator_core.model.flinksessionjobs import FlinkSessionJobStatus
from operator_core.model.statuses import TERMINAL_JOB_STATES, CommonStatus

WAITING_FOR_JOBS = "WaitingForSessionJobs"
"""Reason of a session cluster's Ready condition: its jobs with state are to stop, so that it can be replaced."""
JOBS_UNDER_WAY = "SessionJobsUnderWay"
"""The same where high availability brings running jobs back: only those between two records are waited for."""
_PATIENCE = 60.0
_UNDER_WAY: Mapping[Phase, str] = {
    Phase.STOPPING: "is being stopped with a savepoint",
    Phase.CANCELLING: "is being cancelled",
    Phase.DEPLOYING: "is being submitted",
    Phase.ROLLING_BACK: "is being rolled back",
}
_LOST = frozenset((Reason.Missing, Reason.UpgradeFailed, Reason.CheckpointNotFound))
"""Reasons of dead ends in which the cluster does not run the job any more."""


@dataclass(frozen=True, slots=True)
class Held:
    """A job that a session cluster waits for, and why."""

    name: str
    why: str


def holding(jobs: Iterable[Object], *, recovers: bool) -> tuple[Held, ...]:
    """The session jobs that a replacement of their cluster would harm now.

    `recovers`: high availability brings running jobs back on the new cluster with their newest checkpoint.
    """
    found = ((str(job["metadata"]["name"]), _harm(job, recovers=recovers)) for job in jobs)
    return tuple(Held(name, why) for name, why in sorted(found) if why)


def _harm(job: Object, *, recovers: bool) -> str:
    try:
        status = flinksessionjobs.parse({"metadata": job["metadata"], "status": job.get("status") or {}}).status
        last = lastspecs.deployed(status.reconciliation_status)
    except Stalled:
        return ""  # its controller can do nothing with it either
    phase = phase_of(status, last)
    if _is_lost(status):
        return ""
    if phase in _UNDER_WAY:
        return _UNDER_WAY[phase]
    if phase is not Phase.DEPLOYED or not _has_state(job, status):
        return ""
    if status.job_status.state in TERMINAL_JOB_STATES:
        read = records.END_READ in memories.of(status) or not memories.are_kept(status)
        return "" if read else "has ended, and what it left is about to be recorded"
    return "" if recovers else "runs with state"


def _is_lost(status: CommonStatus) -> bool:
    """Whether the newest word about the job is that it is gone and only a person can say what to go on from."""
    told = {condition.type: condition for condition in status.conditions}
    blocked, ready = told.get(verdicts.UPGRADE_BLOCKED), told.get(verdicts.READY)
    if blocked is None or ready is None or blocked.status != "True" or ready.status != "False":
        return False
    return blocked.reason == ready.reason and blocked.reason in _LOST


def _has_state(job: Object, status: FlinkSessionJobStatus) -> bool:
    """Whether the job's state is to be carried over; while its newest spec is refused that is never given up."""
    accepted = dig(job, "metadata", "generation") == status.observed_generation
    return not accepted or dig(job, "spec", "job", "upgradeMode", default="stateless") != "stateless"


def recovers(before: Mapping[str, str], after: Mapping[str, str], *, same_version: bool) -> bool:
    """Whether a new cluster brings back the jobs of the one before from HA metadata."""
    return same_version and options.has_high_availability(before) and options.has_high_availability(after)


def is_hopeless(deployment: Object | None, pods: tuple[Object, ...], now: datetime) -> bool:
    """Whether no JobManager has been ready for so long that no job can be stopped through it."""
    if deployment is None:
        return True
    if any(podfailures.is_ready(pod) for pod in pods):
        return False
    since = str(dig(deployment, "metadata", "creationTimestamp", default=""))
    for condition in dig(deployment, "status", "conditions", default=[]):
        if condition.get("type") == "Available" and condition.get("status") != "True":
            since = str(condition.get("lastTransitionTime") or since)
    return not since or now.timestamp() - datetime.fromisoformat(since).timestamp() > _PATIENCE


def asks_jobs_to_stop(cluster: Object | None) -> bool:
    """Whether a session cluster waits, for its newest spec, until its jobs with state have stopped."""
    judged = _judgement(cluster)
    return judged is not None and judged.get("reason") == WAITING_FOR_JOBS


def closed(cluster: Object | None) -> str | None:
    """Why no job can be submitted to a session cluster now, for people; None: it can."""
    if cluster is None:
        return "does not exist"
    if dig(cluster, "metadata", "deletionTimestamp"):
        return "is being deleted"
    record = dig(cluster, "status", "reconciliationStatus", default={})
    if not record.get("lastReconciledSpec"):
        return "was not deployed yet"
    if record.get("state") not in ("DEPLOYED", "ROLLED_BACK"):
        return "is being changed"
    judged = _judgement(cluster)
    observed = dig(cluster, "status", "observedGeneration") == dig(cluster, "metadata", "generation")
    if not observed and (judged is None or judged.get("reason") in (WAITING_FOR_JOBS, JOBS_UNDER_WAY)):
        return "is about to be changed"
    return None


def _judgement(cluster: Object | None) -> Object | None:
    """The Ready condition, where it speaks of the newest spec."""
    for condition in dig(cluster, "status", "conditions", default=[]):
        current = condition.get("observedGeneration") == dig(cluster, "metadata", "generation")
        if condition.get("type") == "Ready" and current:
            return dict(condition)
    return None
