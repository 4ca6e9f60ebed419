"""From a stopped job to the next deployment: tear down, wait until gone, record, create.

Two deployments of a job never live at once: a new one is recorded only after a live read found the old one
gone, HA metadata of an older run is removed unless it is what is restored, and a recorded deployment
that may have been created before a crash is finished, not repeated.
"""

from dataclasses import replace

from operator_core.conf import options
from operator_core.decide import (
    choices,
    deploymentrecords,
    leftstates,
    observing,
    remarks,
    renames,
    snapshots,
    standalone,
    steps,
    stoprecords,
    verdicts,
    wanted,
)
from operator_core.decide.decisions import CreateCluster, DeleteHaMetadata, Event, FinishCluster, Record, Rest, Step
from operator_core.decide.facts import Facts
from operator_core.decide.needs import Need, Unread
from operator_core.decide.records import LAST_STATE_MARKER, Restore
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig
from operator_core.model.flinkdeployments import GENERATION_ANNOTATION
from operator_core.model.statuses import FlinkDeploymentStatus

_GONE_RECHECK = 30.0
MISSING = "Missing JobManager deployment"


def first(facts: Facts, want: Wanted) -> Step:
    """Nothing was ever deployed."""
    if not want.running:
        return Step(Rest(None), facts.status)
    if (other := taken(facts) or standalone.taken(facts)) is not None:
        return other
    asked = wanted.request(facts)
    if isinstance(asked, wanted.RestoreFrom) and asked.path:
        answer = verdicts.Answered(asked.id, f"restoring from {asked.path}")
        return _record(facts, want, Restore("savepoint", asked.path), first_deployment=True, verdict=answer)
    return _first_record(facts, want)


def _first_record(facts: Facts, want: Wanted) -> Step:
    """Nobody named the state by a request: it is another name's, or what the spec says."""
    found = (None if _named(facts) else renames.inherited(facts)) or renames.Inherited(first_restore(facts, want))
    if isinstance(found, Step):
        return found
    return _record(facts, want, found.restore, first_deployment=True, verdict=found.answer)


def taken(facts: Facts) -> Step | None:
    """A step while a Deployment that nobody recorded has the cluster's name, or nobody looked; None: it is free."""
    if isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    if facts.live_deployment is None:
        return None
    return steps.blocked(
        facts,
        Reason.DeploymentExists,
        f"A Deployment {facts.name} exists already and is not recorded as ours; delete it or rename this resource",
        seconds=_GONE_RECHECK,
    )


def first_restore(facts: Facts, want: Wanted) -> Restore:
    """A first deployment starts empty unless the spec names a savepoint, or a person did who was answered already."""
    recorded = facts.status.job_status.upgrade_savepoint_path
    if recorded and recorded in wanted.requested_paths(facts):
        return Restore("savepoint", recorded)
    path = dig(want.spec, "job", "initialSavepointPath")
    return Restore("savepoint", str(path)) if path else Restore("stateless")


def tearing_down(facts: Facts, want: Wanted) -> Step:
    """The state to restore is recorded. Delete what is left, then start or settle."""
    cluster = facts.cluster
    if (taken := snapshots.of_upgrade(facts)) is not None:
        return Step(taken, facts.status)
    if cluster is None and isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    if cluster is not None:
        return delete(facts, cluster)
    if want.running:
        return start(facts, want)
    cleanup = standalone.leftover(facts) or _foreign_ha(facts, keep=_how_stopped(facts) == "last-state")
    return cleanup or _settle(facts, want)


def delete(facts: Facts, cluster: Object) -> Step:
    """Delete the JobManager Deployment, or wait for its end."""
    status = facts.status.model_copy(update={"job_manager_deployment_status": "MISSING"})
    if dig(cluster, "metadata", "deletionTimestamp"):
        return steps.rest(facts, _GONE_RECHECK, status=status)
    at_once = _how_stopped(facts) != "last-state"
    return Step(standalone.deletion(facts, cluster, cancel=_to_cancel(facts), at_once=at_once), status)


def _to_cancel(facts: Facts) -> str | None:
    """A stateless stop lets Flink cancel first, so that sinks close; with state the job has ended already."""
    stateless = _how_stopped(facts) == "stateless"
    return facts.status.job_status.job_id if stateless and observing.serves(facts) else None


def suspended(facts: Facts, want: Wanted) -> Step:
    """The job is meant to be down."""
    if facts.cluster is not None:
        return delete(facts, facts.cluster)
    if want.running:
        return resumed(facts, want)
    if facts.workers is not None and (left := standalone.leftover(facts)) is not None:
        return left
    if facts.last is not None and _differs(facts, want):
        return replace(_settle(facts, want), events=remarks.changed_while_suspended(facts, want))
    status = facts.status.model_copy(
        update={"job_manager_deployment_status": "MISSING", "observed_generation": want.generation}
    )
    return steps.rest(facts, None, status=status)


def resumed(facts: Facts, want: Wanted) -> Step:
    """Start a suspended job again; what changed is told once it begins."""
    step = start(facts, want)
    if not isinstance(step.decision, Record):
        return step
    return replace(step, events=(*remarks.changed_while_suspended(facts, want), *step.events))


def _differs(facts: Facts, want: Wanted) -> bool:
    settled = deploymentrecords.suspended(facts, want.spec, want.generation).reconciliation_status
    return settled.last_reconciled_spec != facts.status.reconciliation_status.last_reconciled_spec


def _settle(facts: Facts, want: Wanted) -> Step:
    return steps.rest(facts, None, status=deploymentrecords.suspended(facts, want.spec, want.generation))


def start(facts: Facts, want: Wanted) -> Step:
    """Deploy from the recorded state. The old cluster must be seen gone by a live read."""
    if isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    if facts.live_deployment is not None:
        return delete(facts, facts.live_deployment)
    if (left := standalone.leftover(facts)) is not None:
        return left
    restore = recorded_restore(facts, want)
    if restore is None:
        return steps.blocked(facts, Reason.RestoreFailed, f"The savepoint is not recorded in status. {choices.WAY_OUT}")
    if restore.mode == "last-state":
        if isinstance(facts.ha, Unread):
            return steps.look(facts, Need.HA_METADATA)
        if not facts.ha.with_checkpoint:
            dead_end = leftstates.no_ha_metadata()
            return steps.blocked(facts, dead_end.reason, dead_end.message)
    cleanup = _foreign_ha(facts, keep=restore.mode == "last-state")
    return cleanup or _record(facts, want, restore, first_deployment=False)


def recorded_restore(facts: Facts, want: Wanted) -> Restore | None:
    """The state the record says to start from; a stateless spec drops it. None: it is not recorded."""
    how = _how_stopped(facts)
    dropped = want.upgrade_mode == "stateless" and facts.invalid is None and not _named(facts)
    if how == "stateless" or dropped:
        return Restore("stateless")
    if how == "last-state":
        return Restore("last-state")
    info = facts.status.job_status
    path = info.upgrade_savepoint_path
    if (not path or path == LAST_STATE_MARKER) and info.savepoint_info.last_savepoint is not None:
        path = info.savepoint_info.last_savepoint.location
    return Restore("savepoint", path) if path and path != LAST_STATE_MARKER else None


def _named(facts: Facts) -> bool:
    """Whether a request named the state to start from: that beats a stateless spec."""
    return facts.status.job_status.upgrade_savepoint_path in wanted.requested_paths(facts)


def _how_stopped(facts: Facts) -> str:
    return str(dig(facts.last.spec, "job", "upgradeMode", default="stateless")) if facts.last else "stateless"


def _foreign_ha(facts: Facts, *, keep: bool) -> Step | None:
    """Remove HA metadata of an older run: a JobManager would recover that job beside the new one."""
    if keep or not (options.has_high_availability(facts.conf) or options.has_high_availability(facts.last_conf)):
        return None
    if isinstance(facts.ha, Unread):
        return steps.look(facts, Need.HA_METADATA)
    return Step(DeleteHaMetadata(facts.ha.names), facts.status) if facts.ha.names else None


def _record(
    facts: Facts,
    want: Wanted,
    restore: Restore,
    *,
    first_deployment: bool,
    verdict: verdicts.Verdict | None = None,
) -> Step:
    status = deploymentrecords.deploying(facts, want.spec, want.generation, restore, first=first_deployment)
    if want.rolls_back:
        status = deploymentrecords.rolling_back(facts, status)
    event = Event("Normal", "Submit", "Starting deployment", observing.JOB_MANAGER)
    return steps.record(
        facts,
        status,
        cluster_of(status),
        failpoint="deploy-recorded",
        verdict=verdict,
        events=(event, *remarks.at_deployment(facts, want)),
    )


def cluster_of(status: FlinkDeploymentStatus) -> CreateCluster:
    """What the newest deploy record says to create; the same after a crash as before it."""
    last = steps.last_of(status)
    if last is None:
        raise ValueError("no deployment is recorded")
    path = status.job_status.upgrade_savepoint_path
    return CreateCluster(
        spec=last.spec,
        generation=status.observed_generation or 0,
        job_id=status.job_status.job_id or "",
        savepoint_path=path,
        last_state=path == LAST_STATE_MARKER,
    )


def deploying(facts: Facts, want: Wanted) -> Step:
    """A deployment is recorded: create it, finish it, or replace the record while nothing exists."""
    if isinstance(facts.live_deployment, Unread):
        return steps.look(facts, Need.LIVE_DEPLOYMENT)
    cluster = facts.live_deployment
    if cluster is None:
        return _not_created(facts, want)
    if dig(cluster, "metadata", "deletionTimestamp"):
        return steps.rest(facts, _GONE_RECHECK)
    generation = dig(cluster, "metadata", "annotations", GENERATION_ANNOTATION)
    if generation != str(facts.status.observed_generation):
        return steps.blocked(
            facts,
            Reason.DeploymentExists,
            f"The Deployment {facts.name} is of generation {generation}, generation "
            f"{facts.status.observed_generation} was recorded: somebody else made it; delete it to go on",
            seconds=_GONE_RECHECK,
        )
    return Step(FinishCluster(cluster_of(facts.status), dig(cluster, "metadata", "uid")), facts.status)


def _not_created(facts: Facts, want: Wanted) -> Step:
    changed = want.generation != facts.status.observed_generation
    if not changed:
        return Step(cluster_of(facts.status), facts.status)
    if not want.running:
        restore = recorded_restore(facts, want) or Restore("stateless")
        return steps.record(facts, stoprecords.torn_down(facts, restore), None)
    if options.has_high_availability(facts.last_conf):
        if isinstance(facts.ha, Unread):
            return steps.look(facts, Need.HA_METADATA)
        if facts.ha.with_checkpoint:
            return _record(facts, want, Restore("last-state"), first_deployment=False)
    last_first = facts.last is not None and facts.last.first_deployment
    if last_first:
        return _first_record(facts, want)
    return start(facts, want)
