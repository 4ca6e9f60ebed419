"""FlinkSessionJob (flink.apache.org/v1beta1): a job submitted to a session cluster of the same namespace.

Shape and code defaults only; whether it makes sense is decided by validation.
"""

from pydantic import Field

from operator_core.jsonvalues import Json, Object
from operator_core.model import resources
from operator_core.model.jobs import JobSpec
from operator_core.model.resources import ObjectMeta, Wire
from operator_core.model.statuses import CommonStatus

KIND = "FlinkSessionJob"
FINALIZER = "flinksessionjobs.flink.apache.org/finalizer"


class FlinkSessionJobSpec(Wire):
    """`deployment_name`: the session cluster's FlinkDeployment."""

    deployment_name: str | None = None
    job: JobSpec | None = None
    restart_nonce: int | None = None
    flink_configuration: dict[str, Json] = Field(default_factory=dict)


class FlinkSessionJobStatus(CommonStatus):
    """Nothing beyond the common status."""


class FlinkSessionJob(Wire):
    metadata: ObjectMeta
    spec: FlinkSessionJobSpec = FlinkSessionJobSpec()
    status: FlinkSessionJobStatus = Field(default_factory=FlinkSessionJobStatus)


def parse(obj: Object) -> FlinkSessionJob:
    """The manifest or live object; Stalled(ValidationError) whose message names the wrong fields."""
    return resources.parse(FlinkSessionJob, KIND, obj)


def parse_spec(spec: Object) -> FlinkSessionJobSpec:
    """A bare spec, for instance of a last reconciled spec; Stalled(ValidationError) as `parse`."""
    return resources.parse(_SpecOnly, KIND, {"spec": spec}).spec


class _SpecOnly(Wire):
    spec: FlinkSessionJobSpec = FlinkSessionJobSpec()
