"""A FlinkDeployment under validation: the spec with everything its rules look at, computed once.

Rules are generators from a candidate to messages; a rule may let a Stalled(ValidationError) of `conf` out,
its message counts as the rule's finding. Knows no rule.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from operator_core.conf import effective, flattening, options
from operator_core.conf.defaults import Defaults
from operator_core.jsonvalues import Json, Object, dig
from operator_core.model import flinkversions, podtemplates
from operator_core.model.flinkdeployments import (
    FlinkDeployment,
    FlinkDeploymentSpec,
    JobManagerSpec,
    TaskManagerSpec,
)
from operator_core.model.lastspecs import LastSpec


@dataclass(frozen=True, slots=True)
class Candidate:
    """`own`: what the resource itself configures, flat; `conf`: with all defaults below it."""

    deployment: FlinkDeployment
    last: LastSpec | None
    own: Mapping[str, str]
    conf: Mapping[str, str]

    @property
    def spec(self) -> FlinkDeploymentSpec:
        return self.deployment.spec

    @property
    def version(self) -> flinkversions.FlinkVersion | None:
        return flinkversions.parse(self.spec.flink_version) if self.spec.flink_version else None

    def last_value(self, *path: str) -> Json:
        """A field of the last reconciled spec; None where there is none."""
        return dig(self.last.spec, *path) if self.last else None

    def template(self, role: JobManagerSpec | TaskManagerSpec | None) -> Object:
        """The role's pod template as it will be merged."""
        by_name = options.get_bool(self.conf, options.MERGE_ARRAYS_BY_NAME)
        return podtemplates.merged(self.spec.pod_template, role.pod_template if role else None, by_name=by_name)


Rule = Callable[[Candidate], Iterator[str]]


def candidate(deployment: FlinkDeployment, last: LastSpec | None, defaults: Defaults) -> Candidate:
    """The candidate of a resource, its last reconciled spec (None: never deployed) and the operator's defaults."""
    meta, spec = deployment.metadata, deployment.spec
    own = flattening.flatten(spec.flink_configuration)
    conf = effective.effective(spec, name=meta.name, namespace=meta.namespace, defaults=defaults)
    return Candidate(deployment, last, own, conf)
