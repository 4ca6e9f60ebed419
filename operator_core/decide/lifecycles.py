"""The lifecycle state of a resource, as the Java operator's table has it. Decides nothing."""

from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import CommonStatus, FlinkDeploymentStatus, LifecycleState

_DEAD_END_MARKERS = (
    "Manual restore required.",
    "It is possible that the job has finished or terminally failed, or the configmaps have been deleted.",
    "HA metadata is not available",
)


def of(status: CommonStatus, last: LastSpec | None, *, deleting: bool) -> LifecycleState:
    """The Java operator's table, first match wins."""
    if deleting:
        return "DELETING"
    record = status.reconciliation_status
    if last is None:
        return "FAILED" if status.error else "CREATED"
    if record.state == "UPGRADING":
        return "UPGRADING"
    if record.state == "ROLLING_BACK":
        return "ROLLING_BACK"
    if last.spec.get("job", {}).get("state", "running") == "suspended":
        return "SUSPENDED"
    if status.job_status.state == "FAILED" or _is_dead_end(status):
        return "FAILED"
    if record.state == "ROLLED_BACK":
        return "ROLLED_BACK"
    return "STABLE" if record.last_reconciled_spec == record.last_stable_spec else "DEPLOYED"


def _is_dead_end(status: CommonStatus) -> bool:
    if not isinstance(status, FlinkDeploymentStatus):
        return False
    return status.job_manager_deployment_status in ("MISSING", "ERROR") and any(
        marker in (status.error or "") for marker in _DEAD_END_MARKERS
    )
