"""Manifests in the form in which fixtures hold them: without what the API server fills in, files as data.

A fixture is written as the API server returned the object; the builder writes what it sends. Both are brought
to one form: server defaults dropped, Flink's configuration file flat, the TaskManager's template as an object,
the default log4j file as "<default>".
"""

import copy
from typing import Any

import yaml

from operator_core.build import logconfigs
from operator_core.conf import flattening
from operator_core.jsonvalues import Json, Object

_DEFAULTS: dict[str, Json] = {
    "failureThreshold": 3,
    "progressDeadlineSeconds": 600,
    "protocol": "TCP",
    "resources": {},
    "revisionHistoryLimit": 10,
    "securityContext": {},
    "successThreshold": 1,
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "timeoutSeconds": 1,
    "imagePullPolicy": "IfNotPresent",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "sessionAffinity": "None",
    "terminationGracePeriodSeconds": 30,
}
_ASSIGNED = (
    "allocateLoadBalancerNodePorts",
    "clusterIPs",
    "defaultMode",
    "externalTrafficPolicy",
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "strategy",
)


def comparable(manifest: Object) -> Object:
    """The manifest in the common form; the argument is left alone."""
    form: Object = _without_defaults(copy.deepcopy(manifest))
    if form["kind"] == "ConfigMap":
        form["data"] = {name: _file(name, text) for name, text in form["data"].items()}
    return form


def identity(manifest: Object) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def differences(ours: Json, theirs: Json, path: str = "") -> dict[str, tuple[Json, Json]]:
    """Path to (our value, their value) for every leaf that differs; None where a side has nothing."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return {
            at: pair
            for key in sorted(set(ours) | set(theirs))
            for at, pair in differences(ours.get(key), theirs.get(key), f"{path}[{key}]").items()
        }
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return {
            at: pair
            for index, (one, other) in enumerate(zip(ours, theirs, strict=True))
            for at, pair in differences(one, other, f"{path}[{index}]").items()
        }
    return {} if ours == theirs else {path: (ours, theirs)}


def _without_defaults(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_defaults(item)
            for key, item in value.items()
            if key not in _ASSIGNED and not (key in _DEFAULTS and item == _DEFAULTS[key])
        }
    return [_without_defaults(item) for item in value] if isinstance(value, list) else value


def _file(name: str, content: Json) -> Json:
    if not isinstance(content, str):
        return content
    if name == "flink-conf.yaml":
        return dict(line.split(": ", 1) for line in content.splitlines())
    if name == "config.yaml":
        return flattening.flatten(yaml.safe_load(content))
    if name == "taskmanager-pod-template.yaml":
        return yaml.safe_load(content)
    return "<default>" if content == logconfigs.DEFAULT_LOG4J else content
