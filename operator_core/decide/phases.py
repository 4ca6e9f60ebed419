"""Where a FlinkDeployment stands in the write-ahead protocol, read from its status alone.

The status is the write-ahead log: after a crash the next pass knows from the phase which side effect
may or may not have happened (design of the protocol: one record before each side effect). Looks at no
live object.
"""

from enum import StrEnum

from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import CommonStatus, FlinkDeploymentStatus

ROLLBACK_BEGUN = "rollback-begun"
"""Key of clusterInfo: the deployment of the stable spec is recorded; before that key the failed one is torn down."""


class Phase(StrEnum):
    """One per kind of record that can be the newest."""

    NEW = "new"
    """Nothing was ever deployed."""
    DEPLOYING = "deploying"
    """A deployment is recorded; its objects may or may not exist."""
    DEPLOYED = "deployed"
    """The objects exist and the job is meant to run."""
    STOPPING = "stopping"
    """A stop with savepoint is recorded under our trigger id; it may or may not have been sent."""
    CANCELLING = "cancelling"
    """A cancellation is recorded after which the newest checkpoint is restored."""
    TEARING_DOWN = "tearing-down"
    """The state to restore is recorded; the cluster may or may not be gone."""
    SUSPENDED = "suspended"
    """The cluster is gone and meant to be."""
    ROLLING_BACK = "rolling-back"
    """A rollback is recorded, by us for a session job, else by another operator.

    What stands is the spec to be given up, or already the stable one.
    """


def phase_of(status: CommonStatus, last: LastSpec | None) -> Phase:
    """The phase; `last` is what `lastspecs.deployed` says of the status."""
    state = status.reconciliation_status.state
    if last is None:
        return Phase.NEW
    if state == "ROLLING_BACK" and last.spec.get("job", {}).get("state", "running") == "running":
        begun = isinstance(status, FlinkDeploymentStatus) and ROLLBACK_BEGUN in status.cluster_info
        return Phase.DEPLOYING if begun else Phase.ROLLING_BACK
    if last.spec.get("job", {}).get("state", "running") != "running":
        if _is_submitted(status, last):
            return Phase.DEPLOYING
        return Phase.TEARING_DOWN if state in ("UPGRADING", "ROLLING_BACK") else Phase.SUSPENDED
    info = status.job_status.savepoint_info
    if info.trigger_id and info.trigger_type == "UPGRADE":
        return Phase.STOPPING
    if state != "UPGRADING":
        return Phase.DEPLOYED
    return Phase.CANCELLING if status.job_status.state == "CANCELLING" else Phase.DEPLOYING


def _is_submitted(status: CommonStatus, last: LastSpec) -> bool:
    """Whether a session job's submission is recorded; its job is told as suspended until Flink has it (as in Java)."""
    under_way = status.reconciliation_status.state in ("UPGRADING", "ROLLING_BACK")
    recorded = under_way and status.job_status.state == "RECONCILING"
    return recorded and "deploymentName" in last.spec and bool(status.job_status.job_id)
