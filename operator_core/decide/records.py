"""What all write-ahead records are made of: marks in the status, the state to restore, the spec as it is recorded.

The records themselves stand by what they are of: `deploymentrecords`, `stoprecords`, `snapshotrecords`,
`sessionrecords`, `submissionrecords`. Only fields of the Java operator's status are used, so either operator can go on
from any of them. Decides nothing: which record is due is decided elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operator_core.conf import options
from operator_core.decide import errortexts
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.jsonvalues import Object
from operator_core.model import lastspecs
from operator_core.model.jobs import UpgradeMode

LAST_STATE_MARKER = "KUBERNETES_OPERATOR_LAST_STATE"
"""A path nobody can restore: HA metadata comes before it, without HA metadata the job fails, not starts empty."""

NOT_ADDRESSABLE = "<checkpoint-not-externally-addressable>"
"""What Flink says instead of the path of a checkpoint that is not kept outside."""

FINAL_SNAPSHOT = "final-snapshot"
"""Key of `memories`: path of the newest snapshot of a job that has ended, "" when it had none."""

STOPPED_BY_HAND = "stopped-with-savepoint"
"""Key of `memories`: there when a job ended because somebody stopped it with a savepoint, not by itself."""

END_READ = "end-read"
"""Key of `memories`: there once Flink was asked what an ended session job left, or does not know the job any more."""

SUBMITTED_TO = "submitted-to"
"""Key of `memories`: the JobManager for which the submission of a session job is recorded, until the job is listed."""

SCALING_REFUSED = "scaling-refused"
"""Key of `memories`: the generation for which Flink refused to rescale the job in place."""

SCALING = "scaling"
"""Key of clusterInfo: the bounds of the job's vertices from before a rescaling whose spec is not recorded yet."""

FAILED_RESTARTS = "failed-restarts"
"""Key of `memories`: how often in a row a FAILED job was started again; outlives a deployment."""


@dataclass(frozen=True, slots=True)
class Restore:
    """The state a deployment starts from; `path` is set in mode savepoint only."""

    mode: UpgradeMode
    path: str | None = None


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970 in UTC."""
    return int(moment.timestamp() * 1000)


def keeps_history(facts: JobFacts[S]) -> bool:
    """Whether savepoints are listed in the status: where they are no FlinkStateSnapshots (Java operator: legacy)."""
    return facts.snapshots is None or not options.get_bool(facts.conf, options.SNAPSHOT_RESOURCES)


def failed_with(status: S, problem: errortexts.Problem, conf: Mapping[str, str]) -> S:
    """The status with an error text."""
    return status.model_copy(update={"error": errortexts.text(problem, conf)})


def how_stopped(facts: JobFacts[S]) -> UpgradeMode:
    mode: UpgradeMode = (
        (facts.last.spec.get("job") or {}).get("upgradeMode", "stateless") if facts.last else "stateless"
    )
    return mode


def recorded_spec(facts: JobFacts[S], spec: Object, state: str, mode: UpgradeMode) -> Object:
    """`spec` as it is recorded: state and mode rewritten, trigger nonces of the record before kept."""
    job = {**(spec.get("job") or {}), "state": state, "upgradeMode": mode}
    if facts.last is not None:
        before = facts.last.spec.get("job") or {}
        for nonce in ("savepointTriggerNonce", "checkpointTriggerNonce"):
            job[nonce] = before.get(nonce)
    return {**spec, "job": job}


def last_text(facts: JobFacts[S], *, state: str, mode: UpgradeMode) -> str:
    """The record before, its job in another state."""
    if facts.last is None:
        raise ValueError("nothing was ever deployed: there is no spec to keep")
    spec = facts.last.tried or facts.last.spec
    job = {**(spec.get("job") or {}), "state": state, "upgradeMode": mode}
    return lastspecs.encode({**spec, "job": job}, first_deployment=facts.last.first_deployment)


def with_job(status: S, **changes: Any) -> S:
    """The status with other members of jobStatus."""
    return status.model_copy(update={"job_status": status.job_status.model_copy(update=changes)})


def with_record(status: S, facts: JobFacts[S], **changes: Any) -> S:
    """The status with other members of reconciliationStatus, written now."""
    changes["reconciliation_timestamp"] = epoch_ms(facts.now)
    record = status.reconciliation_status.model_copy(update=changes)
    return status.model_copy(update={"reconciliation_status": record})
