"""A valid spec, and short ways to change it."""

import copy
from typing import Any

from operator_core.conf.defaults import Defaults
from operator_core.decide import validation
from operator_core.model import flinkdeployments, lastspecs

VALID: dict[str, Any] = {
    "image": "flink:1.20",
    "flinkVersion": "v1_20",
    "serviceAccount": "flink",
    "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "2"},
    "jobManager": {"resource": {"memory": "2048m", "cpu": 1}},
    "taskManager": {"resource": {"memory": "2048m", "cpu": 1}},
    "job": {"jarURI": "local:///opt/flink/usrlib/job.jar", "parallelism": 2, "upgradeMode": "stateless"},
}
HA = {"high-availability.type": "kubernetes", "high-availability.storageDir": "s3://b/ha"}
DIRECTORIES = {"state.checkpoints.dir": "s3://b/cp", "state.savepoints.dir": "s3://b/sp"}
OPERATOR = "kubernetes.operator."
MAIN = "flink-main-container"


def overlaid(base: Any, change: Any) -> Any:
    """The base with the change merged in; None removes."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    merged = {key: copy.deepcopy(value) for key, value in base.items() if change.get(key, 0) is not None}
    return merged | {key: overlaid(base.get(key, {}), value) for key, value in change.items() if value is not None}


def findings(
    change: dict[str, Any], *, name: str = "app", last: dict[str, Any] | None = None, **defaults: str
) -> tuple[str, ...]:
    resource = {"metadata": {"name": name, "namespace": "jobs"}, "spec": overlaid(VALID, change)}
    recorded = None
    if last is not None:
        recorded = lastspecs.decode(lastspecs.encode(overlaid(VALID, last), first_deployment=False))
    return validation.validate(flinkdeployments.parse(resource), recorded, Defaults(defaults))


def conf(**options: Any) -> dict[str, Any]:
    return {"flinkConfiguration": options}


def operator_conf(name: str, value: str) -> dict[str, Any]:
    return conf(**{OPERATOR + name: value})


def job(**fields: Any) -> dict[str, Any]:
    return {"job": fields}


def resources(**kinds: Any) -> dict[str, Any]:
    return {"jobManager": {"resources": kinds}}


def template(*containers: Any, **spec: Any) -> dict[str, Any]:
    return {"podTemplate": {"spec": {"containers": list(containers), **spec}}}
