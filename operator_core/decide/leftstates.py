"""The state that the next deployment of a job may start from, told by what the last one left behind.

An ended job is asked for its newest snapshot, a status for what it recorded of an end, a deployment that never ran for
the state it was given. Never answers with a state older than the newest one known; where none can be found safely the
answer is a dead end with a named way out. How a job that goes on is stopped is decided elsewhere.
"""

from operator_core.conf import options
from operator_core.decide import memories
from operator_core.decide.choices import WAY_OUT, Ask, Choice, DeadEnd, TearDown, Wait
from operator_core.decide.facts import Facts, HaMetadata
from operator_core.decide.flinkfacts import Checkpoints, Job, Snapshot, Unreachable
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Need, Unread
from operator_core.decide.records import FINAL_SNAPSHOT, LAST_STATE_MARKER, NOT_ADDRESSABLE, Restore
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig
from operator_core.model import lastspecs
from operator_core.model.jobs import UpgradeMode
from operator_core.model.statuses import TERMINAL_JOB_STATES

_CACHE_SLACK = 1.0
_SUBMISSION_SECONDS = 300.0


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


def has_recorded_end(facts: JobFacts[S]) -> bool:
    """Whether the job ended while its JobManager stood and the status says what it left behind."""
    ended = facts.status.job_status.state in TERMINAL_JOB_STATES
    return ended and FINAL_SNAPSHOT in memories.of(facts.status)


def may_have_forgotten(facts: JobFacts[S], job: Job, newest: Snapshot | None) -> bool:
    """Whether statistics of an ended job without snapshots prove nothing.

    With HA a restarted JobManager knows from the JobResultStore how a job ended, without tasks or checkpoints.
    """
    restarted = newest is None and job.tasks_total == 0
    return restarted and options.has_high_availability(facts.last_conf) and ran(facts)


def ran(facts: JobFacts[S]) -> bool:
    """Whether the deployment that stands was seen RUNNING, or to have completed a checkpoint."""
    record = facts.status.reconciliation_status
    if "state-size" in memories.of(facts.status):
        return True
    if facts.last is None or record.last_stable_spec is None:
        return False
    if facts.status.job_status.state == "CANCELLING":  # the record of that names another mode
        return _but_for_mode(facts.last.spec) == _but_for_mode(lastspecs.decode(record.last_stable_spec).spec)
    return record.last_stable_spec == record.last_reconciled_spec


def _but_for_mode(spec: Object) -> Object:
    return {**spec, "job": {key: value for key, value in spec["job"].items() if key != "upgradeMode"}}


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
    """Seconds for which statistics of an ended job may be older than its end; 0 when they are current.

    Flink serves them from a cache: an answer sooner after the end may miss the last snapshot.
    """
    ended = facts.now.timestamp() - job.end / 1000
    cached = (options.get_seconds(facts.last_conf, options.STATISTICS_CACHE) or 0.0) + _CACHE_SLACK
    return max(0.0, cached - ended) if job.end > 0 else 0.0


def newest_of(checkpoints: Checkpoints | Unreachable | Unread) -> Snapshot | None:
    """The newest snapshot that statistics name."""
    if not isinstance(checkpoints, Checkpoints):
        return None
    found = [snapshot for snapshot in (checkpoints.newest, checkpoints.restored) if snapshot is not None]
    return max(found, key=lambda snapshot: snapshot.id, default=None)


def is_recoverable(facts: Facts, found: HaMetadata) -> bool:
    """Whether HA has the ConfigMap of the job: of a job that ended Flink deletes it."""
    job_id = facts.status.job_status.job_id or ""
    return any(job_id in name for name in found.names)


def unlisted(facts: Facts, want: Wanted) -> Choice:
    """With HA a JobManager that restarted after its job ended lists nothing for ever (Flink: JobResultStore)."""
    if isinstance(facts.ha, Unread):
        return Ask((Need.HA_METADATA,))
    if is_recoverable(facts, facts.ha) or not (ran(facts) or _had_time(facts)):
        return Wait("the JobManager does not list the job yet", 15.0)
    if has_recorded_end(facts):
        return from_record(facts, want)
    return DeadEnd(Reason.UpgradeFailed, f"The job ended and its JobManager forgot its checkpoints. {WAY_OUT}")


def _had_time(facts: Facts) -> bool:
    """Whether the deployment is so old that its job was submitted: it may have run and ended unseen."""
    since = facts.status.reconciliation_status.reconciliation_timestamp / 1000
    return facts.now.timestamp() - since > _SUBMISSION_SECONDS


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
