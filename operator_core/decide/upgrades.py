"""How a deployed job is stopped so that a changed spec can take over its state.

The table of the Java operator (reconcile, job spec change) with its dead ends opened: what never ran
is redeployed from the state it was given; a job that does not run is continued from its newest
checkpoint; where no state can be found safely the change is blocked with a named way out. Never
answers with a state older than the newest one known.
"""

from dataclasses import dataclass

from operator_core.conf import options
from operator_core.decide import podfailures, specdiff
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import Checkpoints, Job, Snapshot, Unreachable
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Need, Unread
from operator_core.decide.records import FINAL_SNAPSHOT, LAST_STATE_MARKER, NOT_ADDRESSABLE, Restore
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig
from operator_core.model.jobs import UpgradeMode
from operator_core.model.statuses import TERMINAL_JOB_STATES

CHECKPOINT_CACHE_SECONDS = 4.0
"""Flink caches checkpoint statistics for three seconds: an answer sooner after the end may miss the last one."""
UNSTARTED = "gitsync.io/unstarted"
"""Annotation of a JobManager Deployment that was scaled to zero before it ever served."""
_BOOT_PATIENCE = 60.0
WAY_OUT = (
    "Manual restore required. Set the annotation gitsync.io/restore-from: '<any id> <path of a savepoint or "
    "checkpoint>' (or '<any id> latest'), or gitsync.io/accept-state-loss: <any id> to start without state"
)


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop with a savepoint."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel and continue from the checkpoint that is kept."""


@dataclass(frozen=True, slots=True)
class TearDown:
    """Delete the cluster; `restore` is what the next deployment starts from."""

    restore: Restore


@dataclass(frozen=True, slots=True)
class Freeze:
    """Take a cluster that never started down, provided it is still at `version`."""

    uid: str
    version: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Not possible at the moment; try again in `seconds` or when something changes."""

    why: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DeadEnd:
    """Not possible without a person."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Ask:
    """More must be known."""

    needs: tuple[Need, ...]


Choice = Stop | Cancel | TearDown | Freeze | Wait | DeadEnd | Ask


def choose(facts: Facts, want: Wanted, diff: specdiff.SpecDiff) -> Choice:
    """How to stop the job that is deployed. `facts.status` is the observed status."""
    if diff.type is specdiff.DiffType.SAVEPOINT_REDEPLOY:
        return TearDown(Restore("savepoint", str(dig(want.spec, "job", "initialSavepointPath"))))
    if want.upgrade_mode == "stateless":
        return TearDown(Restore("stateless"))
    if facts.cluster is not None and (is_marked(facts.cluster) or podfailures.never_started(facts.cluster)):
        return unstarted(facts, want, facts.cluster)
    job = facts.flink.job
    if isinstance(job, Job):
        return _with_job(facts, want, job)
    return _without_job(facts, want)


def unstarted(facts: Facts, want: Wanted, cluster: Object) -> Choice:
    """Make sure that it never will start before the state it was given is handed to the next deployment."""
    if is_marked(cluster):
        return same_restore(facts, want)
    if isinstance(facts.live_deployment, Unread):
        return Ask((Need.LIVE_DEPLOYMENT,))
    return Freeze(str(dig(cluster, "metadata", "uid")), str(dig(cluster, "metadata", "resourceVersion")))


def is_marked(cluster: Object) -> bool:
    """Whether the cluster was taken down by us before it ever started."""
    marked = dig(cluster, "metadata", "annotations", UNSTARTED)
    return marked is not None and dig(cluster, "spec", "replicas", default=1) == 0


def _with_job(facts: Facts, want: Wanted, job: Job) -> Choice:
    state = job.reported_state
    if state in TERMINAL_JOB_STATES:
        return from_terminal(facts, want, job)
    mode, changed = want.upgrade_mode, _version_changed(facts, want)
    if state == "RUNNING" and (mode == "savepoint" or (changed and has_savepoint_dir(facts))):
        return Stop()
    if mode == "savepoint" and not changed:
        if state in ("CREATED", "INITIALIZING", "CANCELLING") and age(facts, job) < _BOOT_PATIENCE:
            return Wait(f"the job is {state}: a savepoint needs a running job", 1.0)
        if not options.get_bool(facts.conf, options.LAST_STATE_FALLBACK):
            return Wait(f"the job is {state}: a savepoint needs a running job and falling back is switched off", 15.0)
    if state == "RUNNING" and (choice := _by_age(facts, job)) is not None:
        return choice
    return last_state(facts, changed)


def _by_age(facts: Facts, job: Job) -> Choice | None:
    """A savepoint, or a wait, where the newest checkpoint is older than allowed; None where it will do."""
    allowed = options.get_seconds(facts.conf, options.MAX_CHECKPOINT_AGE)
    now_ms = facts.now.timestamp() * 1000
    if allowed is None or not has_savepoint_dir(facts) or now_ms - job.start <= allowed * 1000:
        return None
    found = facts.flink.checkpoints
    if isinstance(found, Unread):
        return Ask((Need.CHECKPOINTS,))
    if isinstance(found, Unreachable):
        return Wait("Flink does not say how old the newest checkpoint is", 2.0)
    if found.checkpoint is not None and now_ms - found.checkpoint.trigger_timestamp <= allowed * 1000:
        return None
    if found.pending_since is not None and now_ms - found.pending_since <= allowed * 1000:
        return Wait("the newest checkpoint is older than allowed; another one is under way", 1.0)
    return Stop()


def last_state(facts: Facts, changed: bool) -> Choice:
    """Continue from the newest checkpoint: through HA metadata, or cancelled with its checkpoint kept."""
    if options.has_high_availability(facts.last_conf) and not changed:
        if isinstance(facts.ha, Unread):
            return Ask((Need.HA_METADATA,))
        if facts.ha.with_checkpoint and options.has_high_availability(facts.conf) and not _prefers_cancelling(facts):
            return TearDown(Restore("last-state"))
    if keeps_checkpoints(facts):
        return Cancel()
    return Wait(
        "cancelling would delete the checkpoints (externalized-checkpoint-retention): waiting for RUNNING", 15.0
    )


def _prefers_cancelling(facts: Facts) -> bool:
    """Whether the operator's options ask for a cancellation where HA metadata would do; it needs a kept checkpoint."""
    return options.get_bool(facts.conf, options.LAST_STATE_CANCEL) and keeps_checkpoints(facts)


def from_terminal(facts: Facts, want: Wanted, job: Job) -> Choice:
    """Continue from what a job left behind that has ended."""
    newest = newest_state(facts, job)
    if not isinstance(newest, Snapshot | None):
        return newest
    if newest is None:
        return _without_statistics(facts, want, job)
    if newest.path == NOT_ADDRESSABLE or not newest.path:
        return DeadEnd(Reason.CheckpointNotFound, f"The newest checkpoint of the ended job has no path. {WAY_OUT}")
    return TearDown(Restore("savepoint", newest.path))


def _without_statistics(facts: Facts, want: Wanted, job: Job) -> Choice:
    """Flink names no snapshot: there never was one, or the JobManager restarted after the end and forgot."""
    if facts.status.cluster_info.get(FINAL_SNAPSHOT) is None and may_have_forgotten(facts, job, None):
        return DeadEnd(Reason.UpgradeFailed, f"The job ended and its JobManager forgot its checkpoints. {WAY_OUT}")
    return from_record(facts, want)


def from_record(facts: Facts, want: Wanted) -> Choice:
    """Continue from what the status recorded of a job's end; for a job that had no snapshot, from where it began."""
    known = facts.status.cluster_info.get(FINAL_SNAPSHOT)
    if known:
        return TearDown(Restore("savepoint", known))
    if facts.status.job_status.upgrade_savepoint_path is None:
        initial = dig(want.spec, "job", "initialSavepointPath")
        return TearDown(Restore("savepoint", str(initial)) if initial else Restore("stateless"))
    return same_restore(facts, want)


def has_recorded_end(facts: Facts) -> bool:
    """Whether the job ended while its JobManager stood and the status says what it left behind."""
    ended = facts.status.job_status.state in TERMINAL_JOB_STATES
    return ended and FINAL_SNAPSHOT in facts.status.cluster_info


def may_have_forgotten(facts: Facts, job: Job, newest: Snapshot | None) -> bool:
    """Whether statistics of an ended job without snapshots prove nothing.

    With HA a restarted JobManager knows from the JobResultStore how a job ended, without tasks or checkpoints.
    """
    restarted = newest is None and job.tasks_total == 0
    return restarted and options.has_high_availability(facts.last_conf) and ran(facts)


def ran(facts: Facts) -> bool:
    """Whether the deployment that stands was seen RUNNING."""
    record = facts.status.reconciliation_status
    return record.last_stable_spec is not None and record.last_stable_spec == record.last_reconciled_spec


def newest_state(facts: JobFacts[S], job: Job) -> Snapshot | Ask | Wait | None:
    """The newest checkpoint or savepoint an ended job has, None when it never had any."""
    checkpoints = facts.flink.checkpoints
    if isinstance(checkpoints, Unread):
        early = still_cached(facts, job)
        if early > 0:
            return Wait("Flink may still serve older checkpoint statistics", early)
        return Ask((Need.CHECKPOINTS,))
    if isinstance(checkpoints, Unreachable):
        return Wait("Flink does not answer", 2.0)
    return newest_of(checkpoints)


def still_cached(facts: JobFacts[S], job: Job) -> float:
    """Seconds for which statistics of an ended job may be older than its end; 0 when they are current."""
    ended = facts.now.timestamp() - job.end / 1000
    return max(0.0, CHECKPOINT_CACHE_SECONDS - ended) if job.end > 0 else 0.0


def newest_of(checkpoints: Checkpoints | Unreachable | Unread) -> Snapshot | None:
    """The newest snapshot that statistics name."""
    if not isinstance(checkpoints, Checkpoints):
        return None
    found = [snapshot for snapshot in (checkpoints.newest, checkpoints.restored) if snapshot is not None]
    return max(found, key=lambda snapshot: snapshot.id, default=None)


def _without_job(facts: Facts, want: Wanted) -> Choice:
    """Flink does not answer, or knows no job yet."""
    if facts.cluster is None and has_recorded_end(facts):
        return from_record(facts, want)
    if options.has_high_availability(facts.last_conf) and _may_fall_back(facts, want):
        if isinstance(facts.ha, Unread):
            return Ask((Need.HA_METADATA,))
        if facts.ha.with_checkpoint and options.has_high_availability(facts.conf):
            return TearDown(Restore("last-state"))
    if facts.cluster is None:
        return lost(facts)
    failing = podfailures.failure(facts.cluster, facts.pods)
    if failing is not None:
        return DeadEnd(
            Reason.UpgradeFailed,
            f"The JobManager fails ({failing.reason}: {failing.message}) and ran before, so its newest state is not "
            f"known. {WAY_OUT}",
        )
    return Wait("the JobManager does not answer yet", 15.0)


def _may_fall_back(facts: Facts, want: Wanted) -> bool:
    if _version_changed(facts, want):
        return False
    return want.upgrade_mode == "last-state" or options.get_bool(facts.conf, options.LAST_STATE_FALLBACK)


def lost(facts: Facts) -> DeadEnd:
    """The JobManager is gone, and with it the knowledge of the newest state."""
    return DeadEnd(
        Reason.UpgradeFailed,
        f"JobManager deployment is missing and HA metadata is not available to make stateful upgrades. {WAY_OUT}",
    )


def same_restore(facts: Facts, want: Wanted) -> Choice:
    """The state the present deployment was given: right only while nothing newer can exist."""
    if facts.last is None:
        return DeadEnd(Reason.UpgradeFailed, "Nothing was ever deployed")
    mode: UpgradeMode = dig(facts.last.spec, "job", "upgradeMode", default="stateless")
    path = facts.status.job_status.upgrade_savepoint_path
    if mode == "last-state":
        if isinstance(facts.ha, Unread):
            return Ask((Need.HA_METADATA,))
        return TearDown(Restore("last-state")) if facts.ha.names else no_ha_metadata()
    initial = dig(want.spec, "job", "initialSavepointPath")
    if facts.last.first_deployment:
        return TearDown(Restore("savepoint", str(initial)) if initial else Restore("stateless"))
    if mode == "savepoint":
        if path and path != LAST_STATE_MARKER:
            return TearDown(Restore("savepoint", path))
        return DeadEnd(Reason.UpgradeFailed, f"The savepoint to restore is not recorded in status. {WAY_OUT}")
    return TearDown(Restore("stateless"))


def no_ha_metadata() -> DeadEnd:
    """Last-state needs what is not there."""
    return DeadEnd(
        Reason.RestoreFailed,
        "HA metadata is not available to restore the last state. It is possible that the job has finished or "
        f"terminally failed, or the configmaps have been deleted. {WAY_OUT}",
    )


def has_savepoint_dir(facts: JobFacts[S]) -> bool:
    """Whether savepoints have somewhere to go."""
    return options.is_set(facts.conf, options.SAVEPOINT_DIR) or options.is_set(facts.last_conf, options.SAVEPOINT_DIR)


def keeps_checkpoints(facts: JobFacts[S]) -> bool:
    """Whether a cancelled job leaves its newest checkpoint behind (unset: it does, the builder sees to it)."""
    retention = options.get(facts.last_conf, options.CHECKPOINT_RETENTION)
    return (retention or "RETAIN_ON_CANCELLATION").strip().upper() == "RETAIN_ON_CANCELLATION"


def _version_changed(facts: Facts, want: Wanted) -> bool:
    return facts.last is not None and facts.last.spec.get("flinkVersion") != want.spec.get("flinkVersion")


def age(facts: JobFacts[S], job: Job) -> float:
    """Seconds since the deployment, or since the JobManager began the job again."""
    began = max(facts.status.reconciliation_status.reconciliation_timestamp, job.start)
    return facts.now.timestamp() - began / 1000
