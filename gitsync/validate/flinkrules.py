"""What the operator would say about a Flink resource, asked before it is merged.

Pure. FlinkDeployments and session jobs go through the very rules the operator uses, session jobs through
those that need no cluster; snapshots through those of the Java operator's validator. `defaults` is what holds
below every resource, where the platform sets options for everybody.
"""

from collections.abc import Iterator

from gitsync.validate.findings import Severity, Trouble, steps_of
from operator_core.conf.defaults import Defaults
from operator_core.decide import sessionrules, validation
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object, dig
from operator_core.model import flinkdeployments, flinksessionjobs, flinkstatesnapshots

GROUP = "flink.apache.org/"


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
            for message in sessionrules.validate(flinksessionjobs.parse(body), None, None, defaults):
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
