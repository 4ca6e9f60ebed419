"""How far an app came with a commit, as the record that goes back to Git.

`pending` until it is applied whole; `applied` then; `running` when every job runs the commit's spec;
`stable` when besides every job completed a checkpoint since (jobs without checkpoints and session
clusters count when they run, bounded jobs when they finished); `failed` when the commit cannot be
applied or a job does not do what it asks. Pure; what a job restored from is read from its status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitsync.model.identities import AppName, Identity
from gitsync.model.records import JobRecord, Phase, Record
from gitsync.plan import healthrules
from gitsync.plan.healthrules import Verdict
from operator_core.decide.plans import Effect
from operator_core.jsonvalues import Object, dig

_JOB_KINDS = frozenset({"FlinkDeployment", "FlinkSessionJob"})
_STABLE_REASONS = frozenset({"Stable", "Finished", "Suspended"})
_RESTORES = frozenset(
    {Effect.UPGRADE_SAVEPOINT, Effect.UPGRADE_LAST_STATE, Effect.RESUME, Effect.CREATE, Effect.REDEPLOY}
)
_LEAVES_SAVEPOINT = frozenset({Effect.UPGRADE_SAVEPOINT, Effect.SUSPEND})


@dataclass(frozen=True, slots=True)
class Outcome:
    """A phase and why."""

    phase: Phase
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What a pass knows about a commit."""

    revision: str
    broken: tuple[str, str] | None
    """Reason and message of why the commit is not applied (whole); None when it is."""
    whole: bool
    verdict: Verdict
    live: Mapping[Identity, Object]
    effects: Mapping[Identity, str]
    held_back: str = ""
    """Why it was only compared."""


def is_job(identity: Identity) -> bool:
    """Whether the object is a Flink job or a Flink cluster."""
    return identity.group == "flink.apache.org" and identity.kind in _JOB_KINDS


def outcome(progress: Progress) -> Outcome:
    """The phase reached."""
    if progress.broken is not None:
        return Outcome(Phase.FAILED, *progress.broken)
    if not progress.whole:
        return Outcome(Phase.PENDING, "Pending", progress.held_back or "not applied whole yet")
    match progress.verdict.status:
        case "Healthy" | "Suspended":
            jobs = [obj for identity, obj in progress.live.items() if is_job(identity)]
            if all(is_stable(job) for job in jobs):
                text = "every job runs and completed a checkpoint" if jobs else "applied"
                return Outcome(Phase.STABLE, "Stable", text)
            return Outcome(Phase.RUNNING, "Running", "every job runs the spec of this commit")
        case "Degraded":
            return Outcome(Phase.FAILED, "Degraded", progress.verdict.message)
        case _:
            return Outcome(Phase.APPLIED, progress.verdict.status, progress.verdict.message)


def is_stable(job: Object) -> bool:
    """Whether a healthy job proved itself: a checkpoint since it started, finished, suspended, or nothing to prove."""
    if dig(job, "spec", "job") is None or dig(job, "status", "jobStatus", "state") == "FINISHED":
        return True
    ready = healthrules.condition(job, "Ready")
    if ready is not None:
        return ready.get("status") == "True" and ready.get("reason") in _STABLE_REASONS
    return bool(dig(job, "status", "lifecycleState") == "SUSPENDED")


def record(cluster: str, app: AppName, progress: Progress, now: datetime) -> Record:
    """The record to write back, with one entry per job."""
    reached = outcome(progress)
    jobs = tuple(
        job_record(identity, obj, progress.effects.get(identity, ""))
        for identity, obj in sorted(progress.live.items(), key=lambda pair: pair[0])
        if is_job(identity) and reached.phase is not Phase.PENDING
    )
    return Record(
        cluster=cluster,
        app=app.name,
        revision=progress.revision,
        phase=reached.phase,
        reason=reached.reason,
        message=reached.message,
        time=now,
        jobs=jobs,
    )


def job_record(identity: Identity, live: Object, effect: str) -> JobRecord:
    """The job's id, and of its state what `effect` brought: what it restored from, which savepoint it left."""
    deployed = dig(live, "status", "observedGeneration") == dig(live, "metadata", "generation")
    path = str(dig(live, "status", "jobStatus", "upgradeSavepointPath", default="")) if deployed else ""
    newest: Object = dig(live, "status", "jobStatus", "savepointInfo", "lastSavepoint", default={})
    return JobRecord(
        kind=identity.kind,
        namespace=identity.namespace,
        name=identity.name,
        effect=effect,
        job_id=str(dig(live, "status", "jobStatus", "jobId", default="")),
        restored_from=path if effect in _RESTORES else "",
        savepoint=_savepoint(live, newest, path if effect in _LEAVES_SAVEPOINT else "") if deployed else "",
        scheduled=newest.get("triggerType") == "PERIODIC",
    )


def _savepoint(live: Object, newest: Object, left: str) -> str:
    """The savepoint that the commit left, or the newest one taken since by nonce, by request or on schedule."""
    location = str(newest.get("location") or "")
    if newest.get("triggerType") not in ("MANUAL", "PERIODIC"):
        return left if left == location else ""
    since = int(dig(live, "status", "reconciliationStatus", "reconciliationTimestamp", default=0))
    return location if int(newest.get("timeStamp") or 0) >= since else left
