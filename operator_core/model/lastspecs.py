"""The Java operator's `lastReconciledSpec` and `lastStableSpec` texts, written and read.

Form: {"spec": <spec>, "resource_metadata": {"apiVersion": ..., "firstDeployment": bool}}, the spec with
every field the Java class has, in its order, nulls and code defaults included, so that both operators
write the same text for the same spec (it is compared byte for byte with the stable one). Values of older
releases, a bare spec with an apiVersion inside, are read too. `resources`, which only newer releases
know, is written only where it is set.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from operator_core import errors
from operator_core.jsonvalues import Json, Object
from operator_core.model import resources
from operator_core.model.statuses import ReconciliationStatus

_JOB: Final[Mapping[str, Json]] = {
    "jarURI": None,
    "parallelism": 0,
    "entryClass": None,
    "args": [],
    "state": "running",
    "savepointTriggerNonce": None,
    "initialSavepointPath": None,
    "checkpointTriggerNonce": None,
    "upgradeMode": "stateless",
    "allowNonRestoredState": None,
    "savepointRedeployNonce": None,
    "autoscalerResetNonce": None,
}
_COMMON: Final[Mapping[str, Json]] = {"job": None, "restartNonce": None, "flinkConfiguration": {}}
_DEPLOYMENT: Final[Mapping[str, Json]] = {
    **_COMMON,
    "image": None,
    "imagePullPolicy": None,
    "serviceAccount": None,
    "flinkVersion": None,
    "ingress": None,
    "podTemplate": None,
    "jobManager": None,
    "taskManager": None,
    "logConfiguration": None,
    "mode": None,
}
_SESSION_JOB: Final[Mapping[str, Json]] = {**_COMMON, "deploymentName": None}
_RESOURCE: Final[Mapping[str, Json]] = {"cpu": None, "memory": None, "ephemeralStorage": None}
_JOB_MANAGER: Final[Mapping[str, Json]] = {"resource": None, "replicas": 1, "podTemplate": None}
_TASK_MANAGER: Final[Mapping[str, Json]] = {"resource": None, "replicas": None, "podTemplate": None}
_INGRESS: Final[Mapping[str, Json]] = {
    "template": None,
    "className": None,
    "annotations": None,
    "labels": None,
    "tls": None,
}


@dataclass(frozen=True, slots=True)
class LastSpec:
    """A recorded spec (without nulls) and whether it belongs to the first deployment ever.

    `tried` is set in and after a rollback: the spec that was given up, while `spec` is the stable one deployed instead.
    """

    spec: Object
    first_deployment: bool
    tried: Object | None = None


def canonical(spec: Object) -> Object:
    """The spec with the fields, defaults, order and number forms of the Java class."""
    full = _filled(_SESSION_JOB if "deploymentName" in spec else _DEPLOYMENT, spec)
    if isinstance(full.get("job"), dict):
        full["job"] = _filled(_JOB, full["job"])
    if isinstance(full.get("ingress"), dict):
        full["ingress"] = _filled(_INGRESS, full["ingress"])
    for role, fields in (("jobManager", _JOB_MANAGER), ("taskManager", _TASK_MANAGER)):
        if isinstance(full.get(role), dict):
            full[role] = _process(fields, full[role])
    return full


def encode(spec: Object, *, first_deployment: bool, api_version: str = resources.API_VERSION) -> str:
    """The text to record for the spec."""
    metadata = {"apiVersion": api_version, "firstDeployment": first_deployment}
    return json.dumps(
        {"spec": canonical(spec), "resource_metadata": metadata}, separators=(",", ":"), ensure_ascii=False
    )


def decode(text: str) -> LastSpec:
    """The recorded spec; Stalled(ValidationError) where the text is not one."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise _unreadable() from error
    if not isinstance(value, dict):
        raise _unreadable()
    if isinstance(value.get("spec"), dict):
        metadata = value.get("resource_metadata")
        first = isinstance(metadata, dict) and metadata.get("firstDeployment") is True
        return LastSpec(resources.without_nulls(value["spec"]), first)
    value.pop("apiVersion", None)
    return LastSpec(resources.without_nulls(value), False)


def deployed(record: ReconciliationStatus) -> LastSpec | None:
    """The spec that is deployed, as a status records it; None before the first deployment.

    In and after a rollback `lastReconciledSpec` keeps the spec that was given up: how its job was stopped, whether it
    is meant to run and which nonces were seen is said there, all else by `lastStableSpec` (as the Java operator).
    """
    if not record.last_reconciled_spec:
        return None
    last = decode(record.last_reconciled_spec)
    if record.state not in ("ROLLING_BACK", "ROLLED_BACK") or not record.last_stable_spec:
        return last
    stable = decode(record.last_stable_spec).spec
    tried = last.spec.get("job") or {}
    kept = {name: tried.get(name) for name in _KEPT_IN_ROLLBACK}
    job = {**(stable.get("job") or {}), **kept}
    return LastSpec(
        resources.without_nulls({**stable, "job": job}),
        last.first_deployment,
        tried={**last.spec, "job": {**tried, "state": "running"}},
    )


_KEPT_IN_ROLLBACK: Final = (
    "state",
    "upgradeMode",
    "savepointTriggerNonce",
    "checkpointTriggerNonce",
    "savepointRedeployNonce",
)


def _filled(fields: Mapping[str, Json], given: Object) -> Object:
    filled = {key: given[key] if given.get(key) is not None else default for key, default in fields.items()}
    return filled | {key: value for key, value in given.items() if key not in fields and value is not None}


def _process(fields: Mapping[str, Json], given: Object) -> Object:
    filled = _filled(fields, given)
    if isinstance(filled["resource"], dict):
        resource = _filled(_RESOURCE, filled["resource"])
        if isinstance(resource["cpu"], int) and not isinstance(resource["cpu"], bool):
            resource["cpu"] = float(resource["cpu"])
        filled["resource"] = resource
    return filled


def _unreadable() -> errors.Stalled:
    return errors.Stalled(
        errors.Reason.ValidationError,
        "status.reconciliationStatus.lastReconciledSpec is not a recorded spec: the status was edited by hand; "
        "restore it, or delete and create the resource with initialSavepointPath set to its newest savepoint",
    )
