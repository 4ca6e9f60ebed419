"""When to look again at a job that nobody reports about.

Watches wake a key for everything Kubernetes knows. Only Flink's REST can tell the rest, so it is asked
often while a boot, trigger or cancellation is pending (every half second, backing off after 30 s)
and rarely, spread over time, once a job is stable.
"""

import zlib

from operator_core.decide import observing
from operator_core.decide.facts import Facts
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.jsonvalues import dig
from operator_core.model.statuses import TERMINAL_JOB_STATES, FlinkDeploymentStatus

PENDING = 0.5
_PATIENCE = 30.0
_SLOWEST_PENDING = 15.0
_RECHECK = 15.0
_SAFETY = 60.0
_TERMINAL = 300.0


def pending(facts: JobFacts[S], since_ms: int | None) -> float:
    """While an answer from Flink is awaited since `since_ms` (epoch ms)."""
    waited = facts.now.timestamp() - (since_ms or 0) / 1000
    return min(_SLOWEST_PENDING, max(PENDING, (waited - _PATIENCE) / 20))


def triggered(facts: JobFacts[S], since_ms: int | None) -> float:
    """While a savepoint is being taken: a small one takes a fraction of a second."""
    waited = facts.now.timestamp() - (since_ms or 0) / 1000
    return 0.1 if waited < 1 else min(_SLOWEST_PENDING, max(PENDING, (waited - _PATIENCE) / 20))


def deployed(facts: Facts, status: FlinkDeploymentStatus) -> float:
    """While a deployment stands."""
    state = status.job_status.state
    if state in TERMINAL_JOB_STATES:
        return _TERMINAL + _spread(facts, 60)
    if not observing.serves(facts):
        return _SAFETY + _spread(facts, 20)
    since = max(status.reconciliation_status.reconciliation_timestamp, int(status.job_status.update_time or 0))
    if state == "RUNNING":
        settled = "state-size" in status.cluster_info or "checkpointing" in status.cluster_info
        waited = facts.now.timestamp() - since / 1000
        return 2.0 if not settled and waited < 120 else _RECHECK + _spread(facts, 3)
    return pending(facts, since)


def session(facts: Facts) -> float:
    """While a session cluster stands: often until it answers, then only to see a JobManager that hangs."""
    if facts.status.job_manager_deployment_status == "READY" or not observing.serves(facts):
        return _SAFETY + _spread(facts, 20)
    return pending(facts, facts.status.reconciliation_status.reconciliation_timestamp)


def session_job(facts: JobFacts[S], *, settled: bool) -> float:
    """While a session job runs or has ended on a cluster that serves; `settled`: nothing more is worth telling."""
    state = facts.status.job_status.state
    if state in TERMINAL_JOB_STATES:
        return _TERMINAL + _spread(facts, 60)
    record = facts.status.reconciliation_status
    since = max(record.reconciliation_timestamp, int(facts.status.job_status.update_time or 0))
    if state != "RUNNING":
        return pending(facts, since)
    young = facts.now.timestamp() - since / 1000 < 120
    return 2.0 if young and not settled else _RECHECK + _spread(facts, 3)


def _spread(facts: JobFacts[S], seconds: float) -> float:
    """A part of `seconds` that is the resource's own, so that many resources do not come at once."""
    uid = str(dig(facts.resource, "metadata", "uid", default=facts.name))
    return seconds * (zlib.crc32(uid.encode()) % 1000) / 1000
