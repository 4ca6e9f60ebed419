"""Checkpoints that a job's own runs left for the next one: whose they are, and when their files go.

A run that is cancelled for an upgrade, or fails, keeps its newest checkpoint, and the next run starts from it. In
NO_CLAIM mode Flink never deletes it, so it is ours. It stays while a deployment is configured to start from it, because
without HA a JobManager that restarts reads it again, and goes once the run after that has a checkpoint of its own:
two at most are left, however often a job is upgraded. What people name is theirs, what Flink claims is Flink's.
"""

import json
from collections.abc import Mapping

from operator_core.conf import options
from operator_core.decide import wanted
from operator_core.decide.facts import Facts
from operator_core.decide.records import Restore
from operator_core.jsonvalues import Object, dig
from operator_core.model.statuses import FlinkDeploymentStatus

KEY = "left-checkpoints"
"""Key of clusterInfo: JSON list of the paths, oldest first."""
_MOST = 10


def of(status: FlinkDeploymentStatus) -> tuple[str, ...]:
    """What the status remembers; a text nobody can read is no memory."""
    try:
        found = json.loads(status.cluster_info.get(KEY, "[]"))
    except ValueError:
        return ()
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def carried_over(facts: Facts, spec: Object, restore: Restore) -> dict[str, str]:
    """What a deployment remembers that starts from `restore`; nothing where a person chose what it starts from."""
    path = restore.path
    by_person = path in (*wanted.requested_paths(facts), dig(spec, "job", "initialSavepointPath"))
    if restore.mode == "stateless" or (path and by_person):
        return {}
    known = of(facts.status)
    if path and path not in known and _is_own(facts, path) and _is_unclaimed(facts.conf):
        known = (*known, path)
    return _memory(known[-_MOST:])


def outlived(facts: Facts) -> str | None:
    """The oldest one whose files are to go now; None when there is none."""
    if facts.status.job_status.state != "RUNNING" or "state-size" not in facts.status.cluster_info:
        return None
    if not _is_unclaimed(facts.last_conf) or _is_to_be_kept(facts):
        return None
    started_from = facts.status.job_status.upgrade_savepoint_path
    return next((each for each in of(facts.status) if each != started_from), None)


def disposed(status: FlinkDeploymentStatus, path: str) -> FlinkDeploymentStatus:
    """The files are gone, and with them the memory of them."""
    known = of(status)
    if path not in known:
        return status
    info = {key: value for key, value in status.cluster_info.items() if key != KEY}
    info |= _memory(tuple(each for each in known if each != path))
    return status.model_copy(update={"cluster_info": info})


def _memory(paths: tuple[str, ...]) -> dict[str, str]:
    return {KEY: json.dumps(paths, separators=(",", ":"))} if paths else {}


def _is_own(facts: Facts, path: str) -> bool:
    """Whether the run that was stopped wrote it: Flink puts a run's checkpoints below its job id, which is ours."""
    job_id = facts.status.job_status.job_id
    return bool(job_id) and f"/{job_id}/chk-" in path


def _is_unclaimed(conf: Mapping[str, str]) -> bool:
    return (options.get(conf, options.CLAIM_MODE) or "NO_CLAIM").upper() == "NO_CLAIM"


def _is_to_be_kept(facts: Facts) -> bool:
    """Whether the configuration says that files stay."""
    disposes = not options.is_set(facts.conf, options.SAVEPOINT_DISPOSE)
    disposes = disposes or options.get_bool(facts.conf, options.SAVEPOINT_DISPOSE)
    return not disposes or not options.get_bool(facts.conf, options.SAVEPOINT_CLEANUP)
