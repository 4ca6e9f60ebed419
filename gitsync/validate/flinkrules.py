"""What the operator would say about a Flink resource, asked before it is merged.

Pure. FlinkDeployments go through the very rules the operator uses; session jobs and snapshots
through those of the Java operator's validator that need no cluster. `defaults` is what holds below
every resource, where the platform sets options for everybody.
"""

from collections.abc import Iterator

from gitsync.validate.findings import Severity, Trouble, steps_of
from operator_core.conf.defaults import Defaults
from operator_core.decide import validation
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object, dig
from operator_core.model import flinkdeployments, flinksessionjobs, flinkstatesnapshots

GROUP = "flink.apache.org/"
_FORBIDDEN = ("kubernetes.namespace", "kubernetes.cluster-id", "high-availability.cluster-id")


def troubles(body: Object, defaults: Defaults) -> Iterator[Trouble]:
    """The findings about one resource, errors first; raises Stalled where it cannot even be read."""
    match body.get("kind"):
        case "FlinkDeployment":
            deployment = flinkdeployments.parse(body)
            for message in validation.validate(deployment, None, defaults):
                yield _told("operator", Severity.error, message)
            for message in validation.advice(deployment, defaults):
                yield _told("operator-advice", Severity.warning, message)
        case "FlinkSessionJob":
            for message in _session_job(flinksessionjobs.parse(body)):
                yield _told("operator", Severity.error, message)
        case "FlinkStateSnapshot":
            for message in _snapshot(flinkstatesnapshots.parse(body)):
                yield _told("operator", Severity.error, message)


def unreadable(error: Stalled, body: Object) -> Trouble:
    """A resource whose shape is wrong; said when its schema found nothing."""
    prefix = f"{body.get('kind')} {dig(body, 'metadata', 'name', default='?')}: "
    return _told("operator", Severity.error, error.message.removeprefix(prefix))


def _told(rule: str, severity: Severity, message: str) -> Trouble:
    return Trouble(rule, severity, steps_of(message), message)


def _session_job(resource: flinksessionjobs.FlinkSessionJob) -> Iterator[str]:
    spec = resource.spec
    if not spec.deployment_name:
        yield "spec.deploymentName is missing; name the session cluster's FlinkDeployment"
    if spec.job is None:
        yield "spec.job is missing; set the job to submit"
        return
    if not spec.job.jar_uri:
        yield "spec.job.jarURI is missing; set where the job's jar is, for instance https://example.com/job.jar"
    if spec.job.parallelism < 1:
        yield f"spec.job.parallelism must be at least 1 (it is {spec.job.parallelism or 'not set'}); set it"
    for key in _FORBIDDEN:
        if key in spec.flink_configuration:
            yield f"spec.flinkConfiguration[{key}] is set by the operator; remove it"
    nonce, path = spec.job.savepoint_redeploy_nonce, spec.job.initial_savepoint_path
    if nonce is not None and not path:
        yield "spec.job.savepointRedeployNonce redeploys from spec.job.initialSavepointPath, which is missing; set it"


def _snapshot(resource: flinkstatesnapshots.FlinkStateSnapshot) -> Iterator[str]:
    spec = resource.spec
    if (spec.savepoint is None) == (spec.checkpoint is None):
        yield "spec: give exactly one of savepoint and checkpoint"
    exists = spec.savepoint is not None and spec.savepoint.already_exists
    if exists and spec.savepoint is not None and not spec.savepoint.path:
        yield "spec.savepoint.path is missing: a savepoint that exists already has one; set it"
    if spec.job_reference is None and not exists:
        yield "spec.jobReference is missing; name the job to take it of"
    if spec.job_reference is not None and not (spec.job_reference.kind and spec.job_reference.name):
        yield "spec.jobReference needs kind and name"
