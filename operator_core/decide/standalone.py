"""The TaskManagers of a standalone cluster: a Deployment beside the JobManager's that nobody but us makes or removes.

A cluster is gone only when both are; TaskManagers of an older deployment would serve the next JobManager. Where state
is in HA metadata the JobManager goes first: losing its TaskManagers it might end the job and clean the metadata
up. Replicas change in place for the reactive scheduler and for session clusters; a change of which the record could
not be written any more is set right again. Knows nothing of savepoints.
"""

from collections.abc import Mapping

from operator_core.conf import options
from operator_core.decide import deploymentrecords, observing, remarks, steps, taskmanagercounts
from operator_core.decide.decisions import CreateWorkers, DeleteCluster, DeleteWorkers, Event, ScaleWorkers, Step
from operator_core.decide.facts import Facts
from operator_core.decide.needs import Need, Unread
from operator_core.decide.specdiff import DiffType, SpecDiff
from operator_core.decide.wanted import Wanted
from operator_core.errors import Reason
from operator_core.jsonvalues import Object, dig

SCALED_TO = "gitsync.io/scaled-to"
"""Annotation of the TaskManagers' Deployment: the replicas it was given in place."""

_GONE_RECHECK = 30.0


def is_standalone(facts: Facts) -> bool:
    """Whether TaskManagers are a Deployment (the mode cannot change once something was deployed)."""
    if facts.last is not None:
        return bool(facts.last.spec.get("mode") == "standalone")
    return bool(dig(facts.resource, "spec", "mode") == "standalone")


def deletion(facts: Facts, cluster: Object, *, cancel: str | None = None, at_once: bool = True) -> DeleteCluster:
    """The deletion of a cluster; `at_once`: TaskManagers together with the JobManager, not after it."""
    workers = facts.workers if at_once and is_standalone(facts) and _is_ours(facts, facts.workers) else None
    uid = None if _ends(workers) else dig(workers, "metadata", "uid")
    return DeleteCluster(str(dig(cluster, "metadata", "uid")), cancel, workers=uid)


def leftover(facts: Facts) -> Step | None:
    """The JobManager is gone: a step while TaskManagers are left or nobody looked, None when none are."""
    if not is_standalone(facts):
        return None
    live = facts.live_workers
    if isinstance(live, Unread):
        return steps.look(facts, Need.LIVE_WORKERS)
    if live is None:
        return None
    if not _is_ours(facts, live):
        return None if facts.deleting else _taken(facts)
    if _ends(live):
        return steps.rest(facts, _GONE_RECHECK)
    return Step(DeleteWorkers(str(dig(live, "metadata", "uid"))), facts.status)


def taken(facts: Facts) -> Step | None:
    """Before a first deployment: a step while a Deployment has the TaskManagers' name."""
    if not is_standalone(facts):
        return None
    if isinstance(facts.live_workers, Unread):
        return steps.look(facts, Need.LIVE_WORKERS)
    return None if facts.live_workers is None else _taken(facts)


def _taken(facts: Facts) -> Step:
    return steps.blocked(
        facts,
        Reason.DeploymentExists,
        f"A Deployment {facts.name}-taskmanager exists already and is not recorded as ours; delete it or rename this "
        "resource",
        seconds=_GONE_RECHECK,
    )


def missing(facts: Facts) -> Step | None:
    """The JobManager stands: TaskManagers that somebody deleted are made again from the recorded spec."""
    if not is_standalone(facts) or facts.workers is not None or facts.last is None:
        return None
    live = facts.live_workers
    if isinstance(live, Unread):
        return steps.look(facts, Need.LIVE_WORKERS)
    if live is not None:
        return steps.rest(facts, _GONE_RECHECK) if _ends(live) else None
    event = Event("Warning", Reason.Missing, "Missing TaskManager deployment: made again", observing.JOB_MANAGER)
    return Step(CreateWorkers(facts.last.spec), facts.status, (event,))


def scaled(facts: Facts, want: Wanted, diff: SpecDiff) -> Step | None:
    """Carry out a change of replicas in place; None where the cluster must be deployed again for it."""
    if diff.type is not DiffType.SCALE or not is_standalone(facts) or not scales_in_place(want.spec, facts.last_conf):
        return None
    if facts.workers is None or _ends(facts.workers) or not _is_ours(facts, facts.workers):
        return None
    wished = replicas(want.spec, facts.conf)
    if dig(facts.workers, "spec", "replicas", default=1) != wished:
        event = remarks.changed(diff, want.generation)
        scale = ScaleWorkers(str(dig(facts.workers, "metadata", "uid")), wished)
        return Step(scale, facts.status, (event,))
    return steps.record(facts, deploymentrecords.scaled(facts, want.spec, want.generation), None)


def unsettled(facts: Facts) -> Step | None:
    """Set replicas right that were meant for a spec that was never recorded: it changed back, or the agent died.

    Told by the annotation: what somebody else gave the Deployment since then is theirs.
    """
    if not is_standalone(facts) or facts.last is None or not scales_in_place(facts.last.spec, facts.last_conf):
        return None
    if facts.workers is None or _ends(facts.workers) or not _is_ours(facts, facts.workers):
        return None
    present = dig(facts.workers, "spec", "replicas", default=1)
    wished = replicas(facts.last.spec, facts.last_conf)
    given = dig(facts.workers, "metadata", "annotations", default={}).get(SCALED_TO)
    if present == wished or given != str(present):
        return None
    return Step(ScaleWorkers(str(dig(facts.workers, "metadata", "uid")), wished), facts.status)


def scales_in_place(spec: Object, conf: Mapping[str, str]) -> bool:
    """Whether more or fewer TaskManagers need no new deployment; `conf` is what is deployed.

    The reactive scheduler uses what is there (Flink: elastic scaling); a session cluster offers slots, no more.
    """
    mode = (options.get(conf, options.SCHEDULER_MODE) or "").strip().upper()
    return spec.get("job") is None or mode == "REACTIVE"


def replicas(spec: Object, conf: Mapping[str, str]) -> int:
    """How many TaskManagers a standalone cluster has, as the build of its Deployment counts them."""
    if spec.get("job") is not None:
        return max(1, taskmanagercounts.of_application("", spec, conf).replicas)
    return int(dig(spec, "taskManager", "replicas", default=0) or options.get_int(conf, options.TASK_MANAGER_REPLICAS))


def _is_ours(facts: Facts, workers: Object | None) -> bool:
    owners = dig(workers, "metadata", "ownerReferences", default=[])
    return any(owner.get("uid") == facts.resource["metadata"].get("uid") for owner in owners)


def _ends(workers: Object | None) -> bool:
    return bool(dig(workers, "metadata", "deletionTimestamp"))
