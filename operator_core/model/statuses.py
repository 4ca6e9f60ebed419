"""Status of the Flink kinds, as the Java operator writes it (common to FlinkDeployment and FlinkSessionJob).

Numbers, texts and defaults are kept byte for byte compatible, so that either operator can go on from
the other's record: startTime and updateTime are texts holding epoch milliseconds, trigger timestamps are
numbers, empty histories and zero timestamps are written. Decides nothing.
"""

from typing import Literal

from pydantic import Field

from operator_core.model.resources import Wire

JobState = Literal[
    "CANCELED",
    "CANCELLING",
    "CREATED",
    "FAILED",
    "FAILING",
    "FINISHED",
    "INITIALIZING",
    "RECONCILING",
    "RESTARTING",
    "RUNNING",
    "SUSPENDED",
]
JobManagerStatus = Literal["DEPLOYED_NOT_READY", "DEPLOYING", "ERROR", "MISSING", "READY"]
LifecycleState = Literal[
    "CREATED",
    "DELETED",
    "DELETING",
    "DEPLOYED",
    "FAILED",
    "ROLLED_BACK",
    "ROLLING_BACK",
    "STABLE",
    "SUSPENDED",
    "UPGRADING",
]
ReconciliationState = Literal["DEPLOYED", "ROLLED_BACK", "ROLLING_BACK", "UPGRADING"]
TriggerType = Literal["MANUAL", "PERIODIC", "UNKNOWN", "UPGRADE"]
SavepointFormat = Literal["CANONICAL", "NATIVE", "UNKNOWN"]
CheckpointFormat = Literal["FULL", "INCREMENTAL", "UNKNOWN"]

TERMINAL_JOB_STATES: frozenset[str] = frozenset(("CANCELED", "FAILED", "FINISHED"))
"""Globally terminal job states (org.apache.flink.api.common.JobStatus)."""


class Savepoint(Wire):
    time_stamp: int = 0
    location: str | None = None
    trigger_type: TriggerType = "UNKNOWN"
    format_type: SavepointFormat = "UNKNOWN"
    trigger_nonce: int | None = None


class SavepointInfo(Wire):
    last_savepoint: Savepoint | None = None
    trigger_id: str | None = None
    trigger_timestamp: int | None = None
    trigger_type: TriggerType | None = None
    format_type: SavepointFormat | None = None
    savepoint_history: tuple[Savepoint, ...] = Field(default=(), strict=False)
    last_periodic_savepoint_timestamp: int = 0


class Checkpoint(Wire):
    time_stamp: int = 0
    trigger_type: TriggerType = "UNKNOWN"
    format_type: CheckpointFormat = "UNKNOWN"
    trigger_nonce: int | None = None


class CheckpointInfo(Wire):
    last_checkpoint: Checkpoint | None = None
    trigger_id: str | None = None
    trigger_timestamp: int | None = None
    trigger_type: TriggerType | None = None
    format_type: CheckpointFormat | None = None
    last_periodic_checkpoint_timestamp: int = 0


class JobStatus(Wire):
    job_name: str | None = None
    job_id: str | None = None
    state: JobState | None = None
    start_time: str | None = None
    update_time: str | None = None
    upgrade_savepoint_path: str | None = None
    savepoint_info: SavepointInfo = SavepointInfo()
    checkpoint_info: CheckpointInfo = CheckpointInfo()


class ReconciliationStatus(Wire):
    """`state` is UPGRADING until something was deployed; the specs are texts (`lastspecs`)."""

    reconciliation_timestamp: int = 0
    last_reconciled_spec: str | None = None
    last_stable_spec: str | None = None
    state: ReconciliationState = "UPGRADING"


class TaskManagerInfo(Wire):
    label_selector: str = ""
    replicas: int = 0


class Condition(Wire):
    """A metav1.Condition."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = ""
    message: str = ""
    last_transition_time: str = ""
    observed_generation: int | None = None


class CommonStatus(Wire):
    """`error` is a JSON text; `lifecycle_state` is derived from the rest each time it is written.

    The Java operator keeps `conditions` for FlinkDeployments only.
    """

    job_status: JobStatus = JobStatus()
    error: str | None = None
    observed_generation: int | None = None
    lifecycle_state: LifecycleState | None = None
    reconciliation_status: ReconciliationStatus = ReconciliationStatus()
    conditions: tuple[Condition, ...] = Field(default=(), strict=False)


class FlinkDeploymentStatus(CommonStatus):
    cluster_info: dict[str, str] = Field(default_factory=dict)
    job_manager_deployment_status: JobManagerStatus = "MISSING"
    task_manager: TaskManagerInfo | None = None
