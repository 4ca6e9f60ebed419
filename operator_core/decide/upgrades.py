"""How a deployed job is stopped so that a changed spec can take over its state.

The table of the Java operator (reconcile, job spec change) with its dead ends opened: what never ran
is redeployed from the state it was given; a job that does not run is continued from its newest
checkpoint. What an ended or lost job left behind is in `leftstates`.
"""

from operator_core.conf import options
from operator_core.decide import leftstates, podfailures, specdiff
from operator_core.decide.choices import WAY_OUT, Ask, Cancel, Choice, DeadEnd, Freeze, Stop, TearDown, Wait
from operator_core.decide.facts import Facts
from operator_core.decide.flinkfacts import Job, Unreachable
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Need, Unread
from operator_core.decide.records import Restore
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig
from operator_core.model.statuses import TERMINAL_JOB_STATES

UNSTARTED = "gitsync.io/unstarted"
"""Annotation of a JobManager Deployment that was scaled to zero before it ever served."""
_BOOT_PATIENCE = 60.0


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
        return leftstates.same_restore(facts, want)
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
        return leftstates.from_terminal(facts, want, job)
    mode, changed = want.upgrade_mode, _version_changed(facts, want)
    if state == "RUNNING" and (mode == "savepoint" or (changed and has_savepoint_dir(facts))):
        return Stop()
    if mode == "savepoint" and not changed:
        if state in ("CREATED", "INITIALIZING", "CANCELLING") and age(facts, job) < _BOOT_PATIENCE:
            return Wait(f"the job is {state}: a savepoint needs a running job", 1.0)
        if not options.get_bool(facts.conf, options.LAST_STATE_FALLBACK):
            return Wait(f"the job is {state}: a savepoint needs a running job and falling back is switched off", 15.0)
    if state == "RUNNING" and (choice := by_age(facts, job)) is not None:
        return choice
    return last_state(facts, changed)


def by_age(facts: JobFacts[S], job: Job) -> Choice | None:
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


def _without_job(facts: Facts, want: Wanted) -> Choice:
    """Flink does not answer, or knows no job yet."""
    if facts.cluster is None and leftstates.has_recorded_end(facts):
        return leftstates.from_record(facts, want)
    if options.has_high_availability(facts.last_conf) and _may_fall_back(facts, want):
        if isinstance(facts.ha, Unread):
            return Ask((Need.HA_METADATA,))
        if facts.ha.with_checkpoint and options.has_high_availability(facts.conf):
            return TearDown(Restore("last-state"))
    if facts.cluster is None:
        return leftstates.lost(facts)
    if facts.flink.job is None and options.has_high_availability(facts.last_conf):
        return leftstates.unlisted(facts, want)
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
