"""Pod templates: the common one and a role's one merged, resources and startup probe added.

Merge rules of the Java operator: objects by key, scalars replaced by the role's value, lists by index, or
by element name where `kubernetes.operator.pod-template.merge-arrays-by-name` is set. The result is a plain
template (metadata, spec); what Flink itself puts on top is `jobmanager`'s business.
"""

import copy
from collections.abc import Mapping
from typing import Final

from operator_core.build import names
from operator_core.conf import options
from operator_core.jsonvalues import Json, Object, dig
from operator_core.model.flinkdeployments import FlinkDeploymentSpec, JobManagerSpec, TaskManagerSpec

_FOREVER: Final = 2**31 - 1


def task_manager_template(spec: FlinkDeploymentSpec, conf: Mapping[str, str]) -> Object | None:
    """The TaskManager's template; None where nothing asks for one."""
    extra = _extra_resources(spec.task_manager)
    own = spec.task_manager.pod_template if spec.task_manager else None
    if spec.pod_template is None and own is None and not extra:
        return None
    return _merged(spec, own, extra, conf)


def job_manager_template(spec: FlinkDeploymentSpec, conf: Mapping[str, str]) -> Object:
    """The JobManager's template, with a startup probe that holds until the job was accepted."""
    own = spec.job_manager.pod_template if spec.job_manager else None
    template = _merged(spec, own, _extra_resources(spec.job_manager), conf)
    container = main_container(template)
    if options.get_bool(conf, options.STARTUP_PROBE_ENABLED) and "startupProbe" not in container:
        container["startupProbe"] = _startup_probe(conf)
    return template


def main_container(template: Object) -> Object:
    """Flink's container inside the template (the same object, not a copy), added where it is missing."""
    containers = template.setdefault("spec", {}).setdefault("containers", [])
    for container in containers:
        if container.get("name") == names.MAIN_CONTAINER:
            return dict_of(container)
    container = {"name": names.MAIN_CONTAINER}
    containers.append(container)
    return container


def dict_of(value: Json) -> Object:
    """The value, known to be an object; TypeError otherwise."""
    if not isinstance(value, dict):
        raise TypeError("a container of a pod template must be an object")
    return value


def merge(base: Json, specific: Json, *, by_name: bool) -> Json:
    """Both values as one, the specific winning; neither argument is changed."""
    if isinstance(base, dict) and isinstance(specific, dict):
        merged = {key: copy.deepcopy(value) for key, value in base.items()}
        for key, value in specific.items():
            merged[key] = merge(base[key], value, by_name=by_name) if key in base else copy.deepcopy(value)
        return merged
    if isinstance(base, list) and isinstance(specific, list):
        return (
            _merge_by_name(base, specific)
            if by_name and _are_named(base, specific)
            else _merge_by_index(base, specific, by_name=by_name)
        )
    return copy.deepcopy(specific)


def _merge_by_index(base: list[Json], specific: list[Json], *, by_name: bool) -> list[Json]:
    shared = min(len(base), len(specific))
    merged = [merge(base[i], specific[i], by_name=by_name) for i in range(shared)]
    return merged + copy.deepcopy(base[shared:]) + copy.deepcopy(specific[shared:])


def _merge_by_name(base: list[Object], specific: list[Object]) -> list[Json]:
    own = {element["name"]: element for element in specific}
    merged = [
        merge(element, own.pop(element["name"]), by_name=True) if element["name"] in own else copy.deepcopy(element)
        for element in base
    ]
    return merged + [copy.deepcopy(element) for element in specific if element["name"] in own]


def _are_named(*lists: list[Json]) -> bool:
    """Whether names tell the elements of each list apart (two mounts of one volume have the same name)."""
    for elements in lists:
        found = [element.get("name") if isinstance(element, dict) else None for element in elements]
        if None in found or len(set(found)) != len(found):
            return False
    return True


def _merged(spec: FlinkDeploymentSpec, own: Object | None, extra: Object, conf: Mapping[str, str]) -> Object:
    by_name = options.get_bool(conf, options.MERGE_ARRAYS_BY_NAME)
    template = merge(spec.pod_template or {}, own or {}, by_name=by_name)
    # A Pod was accepted here by early releases; Flink wants metadata and spec only.
    template = {key: template[key] for key in ("metadata", "spec") if template.get(key) is not None}
    if extra:
        container = main_container(template)
        container["resources"] = merge(container.get("resources") or {}, extra, by_name=False)
    return dict_of(template)


def _extra_resources(role: JobManagerSpec | TaskManagerSpec | None) -> Object:
    """Requests and limits beside CPU and memory, which Flink's own options carry."""
    if role is None:
        return {}
    if role.resources is not None:
        kinds = {"requests": role.resources.requests, "limits": role.resources.limits}
        chosen = {
            kind: {name: str(amount) for name, amount in amounts.items() if name not in ("cpu", "memory")}
            for kind, amounts in kinds.items()
        }
        return {kind: amounts for kind, amounts in chosen.items() if amounts}
    storage = role.resource.ephemeral_storage if role.resource else None
    return {kind: {"ephemeral-storage": storage} for kind in ("requests", "limits")} if storage else {}


def _startup_probe(conf: Mapping[str, str]) -> Object:
    ssl = conf.get("security.ssl.rest.enabled", "").lower() == "true"
    mutual = ssl and conf.get("security.ssl.rest.authentication-enabled", "").lower() == "true"
    # The kubelet has no client certificate, so with mutual TLS an open port is all it can check.
    check: Object = (
        {"tcpSocket": {"port": names.REST_PORT_NAME}}
        if mutual
        else {"httpGet": {"path": "/config", "port": names.REST_PORT_NAME, "scheme": "HTTPS" if ssl else "HTTP"}}
    )
    return check | {"periodSeconds": 1, "failureThreshold": _FOREVER}


def has_main_container(template: Object | None) -> bool:
    """Whether the template names Flink's container at all."""
    return any(
        isinstance(container, dict) and container.get("name") == names.MAIN_CONTAINER
        for container in dig(template, "spec", "containers", default=[])
    )
