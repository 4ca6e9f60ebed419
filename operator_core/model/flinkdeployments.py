"""FlinkDeployment (flink.apache.org/v1beta1): shape and code defaults of its spec, and its status.

Free-form parts (podTemplate, flinkConfiguration, Kubernetes resources) stay plain dicts. Whether a
spec makes sense is decided by `decide.validation`; this module only refuses wrong types.
"""

from typing import Literal

from pydantic import Field

from operator_core.jsonvalues import Json, Object
from operator_core.model import resources
from operator_core.model.flinkversions import FlinkVersionName
from operator_core.model.jobs import JobSpec
from operator_core.model.resources import ObjectMeta, Wire
from operator_core.model.statuses import FlinkDeploymentStatus

KIND = "FlinkDeployment"
FINALIZER = "flinkdeployments.flink.apache.org/finalizer"
GENERATION_ANNOTATION = "flinkdeployment.flink.apache.org/generation"
"""On the JobManager Deployment: metadata.generation of the resource it was made from."""

Mode = Literal["native", "standalone"]


class Resource(Wire):
    """The older `resource` form: requests equal limits. `memory` in Flink's or Kubernetes' syntax."""

    cpu: float | None = None
    memory: str | None = None
    ephemeral_storage: str | None = None


class ResourceRequirements(Wire):
    """core/v1 ResourceRequirements; quantities as text or number. Wins over `resource`."""

    requests: dict[str, str | int] = Field(default_factory=dict)
    limits: dict[str, str | int] = Field(default_factory=dict)


class JobManagerSpec(Wire):
    resource: Resource | None = None
    resources: ResourceRequirements | None = None
    replicas: int = 1
    pod_template: Object | None = None


class TaskManagerSpec(Wire):
    """`replicas` None: derived from the job's parallelism."""

    resource: Resource | None = None
    resources: ResourceRequirements | None = None
    replicas: int | None = None
    pod_template: Object | None = None


class IngressTls(Wire):
    hosts: tuple[str, ...] = Field(default=(), strict=False)
    secret_name: str | None = None


class IngressSpec(Wire):
    template: str | None = None
    class_name: str | None = None
    annotations: dict[str, str] | None = None
    labels: dict[str, str] | None = None
    tls: tuple[IngressTls, ...] | None = Field(default=None, strict=False)


class FlinkDeploymentSpec(Wire):
    """`job` present: an application cluster; absent: a session cluster. `mode` None means native."""

    job: JobSpec | None = None
    restart_nonce: int | None = None
    flink_configuration: dict[str, Json] = Field(default_factory=dict)
    image: str | None = None
    image_pull_policy: str | None = None
    service_account: str | None = None
    flink_version: FlinkVersionName | None = None
    ingress: IngressSpec | None = None
    pod_template: Object | None = None
    job_manager: JobManagerSpec | None = None
    task_manager: TaskManagerSpec | None = None
    log_configuration: dict[str, str] | None = None
    mode: Mode | None = None


class FlinkDeployment(Wire):
    metadata: ObjectMeta
    spec: FlinkDeploymentSpec = FlinkDeploymentSpec()
    status: FlinkDeploymentStatus = Field(default_factory=FlinkDeploymentStatus)


def parse(obj: Object) -> FlinkDeployment:
    """The manifest or live object; Stalled(ValidationError) whose message names the wrong fields."""
    return resources.parse(FlinkDeployment, KIND, obj)


def parse_spec(spec: Object) -> FlinkDeploymentSpec:
    """A bare spec, for instance of a last reconciled spec; Stalled(ValidationError) as `parse`."""
    return resources.parse(_SpecOnly, KIND, {"spec": spec}).spec


class _SpecOnly(Wire):
    spec: FlinkDeploymentSpec = FlinkDeploymentSpec()
