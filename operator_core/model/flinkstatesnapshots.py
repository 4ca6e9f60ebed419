"""FlinkStateSnapshot (flink.apache.org/v1beta1): one savepoint or checkpoint of a job, as a resource.

Exactly one of `savepoint` and `checkpoint` belongs in the spec; that is for validation to say. Timestamps
of the status are ISO instants.
"""

from typing import Literal

from operator_core.jsonvalues import Object
from operator_core.model import resources
from operator_core.model.resources import ObjectMeta, Wire
from operator_core.model.statuses import SavepointFormat

KIND = "FlinkStateSnapshot"
FINALIZER = "flinkstatesnapshots.flink.apache.org/finalizer"

SnapshotState = Literal["ABANDONED", "COMPLETED", "FAILED", "IN_PROGRESS", "TRIGGER_PENDING"]


class JobReference(Wire):
    kind: Literal["FlinkDeployment", "FlinkSessionJob"] | None = None
    name: str | None = None


class SavepointSpec(Wire):
    """`already_exists`: the savepoint at `path` is only recorded, not taken."""

    path: str | None = None
    format_type: SavepointFormat = "CANONICAL"
    dispose_on_delete: bool = True
    already_exists: bool = False


class CheckpointSpec(Wire):
    """A checkpoint has nothing to choose."""


class FlinkStateSnapshotSpec(Wire):
    """`backoff_limit` -1: tried again without limit."""

    job_reference: JobReference | None = None
    savepoint: SavepointSpec | None = None
    checkpoint: CheckpointSpec | None = None
    backoff_limit: int = -1


class FlinkStateSnapshotStatus(Wire):
    state: SnapshotState = "TRIGGER_PENDING"
    trigger_id: str | None = None
    trigger_timestamp: str | None = None
    result_timestamp: str | None = None
    path: str | None = None
    error: str | None = None
    failures: int = 0


class FlinkStateSnapshot(Wire):
    metadata: ObjectMeta
    spec: FlinkStateSnapshotSpec = FlinkStateSnapshotSpec()
    status: FlinkStateSnapshotStatus | None = None


def parse(obj: Object) -> FlinkStateSnapshot:
    """The manifest or live object; Stalled(ValidationError) whose message names the wrong fields."""
    return resources.parse(FlinkStateSnapshot, KIND, obj)
