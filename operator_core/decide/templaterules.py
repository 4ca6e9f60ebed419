"""Validation rules about pod templates: what the API server would refuse once they are merged.

The API server names fields of the finished Deployment, which nobody wrote; these findings name the role whose
templates do not fit together. Only common mistakes are looked for, the API server remains the judge.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from operator_core.conf import flattening, options
from operator_core.decide.candidates import Candidate
from operator_core.jsonvalues import Json, Object, dig
from operator_core.model import podtemplates

_ADDED_VOLUMES: Final = ("flink-config-volume", "pod-template-volume", "user-artifacts-volume", "user-lib-dir")


def templates_are_deployable(candidate: Candidate) -> Iterator[str]:
    spec = candidate.spec
    own_templates = {
        "spec.podTemplate": spec.pod_template,
        "spec.jobManager.podTemplate": spec.job_manager.pod_template if spec.job_manager else None,
        "spec.taskManager.podTemplate": spec.task_manager.pod_template if spec.task_manager else None,
    }
    misshapen = [finding for path, template in own_templates.items() for finding in _shape(path, template)]
    yield from misshapen
    if misshapen:
        return
    for name, role in (("jobManager", spec.job_manager), ("taskManager", spec.task_manager)):
        if spec.pod_template is not None or (role is not None and role.pod_template is not None):
            yield from _merged(name, candidate.template(role), candidate.conf)


def _shape(path: str, template: Object | None) -> Iterator[str]:
    for kind in ("containers", "initContainers", "volumes"):
        elements = dig(template, "spec", kind, default=[])
        if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements):
            yield f"{path}.spec.{kind} must be a list of objects; write each with '- name: ...'"
            continue
        for index, element in enumerate(elements):
            if not isinstance(element.get("name"), str) or not element["name"]:
                hint = f" ({podtemplates.MAIN_CONTAINER} is Flink's own)" if kind == "containers" else ""
                yield f"{path}.spec.{kind}[{index}].name is missing; name it{hint}"
            yield from _container_lists(f"{path}.spec.{kind}[{index}]", element)


def _container_lists(path: str, container: Object) -> Iterator[str]:
    for kind in ("env", "ports", "volumeMounts"):
        elements = container.get(kind)
        if elements is not None and not (isinstance(elements, list) and all(isinstance(e, dict) for e in elements)):
            yield f"{path}.{kind} must be a list of objects; write each with '- name: ...'"


def _merged(role: str, template: Object, conf: Mapping[str, str]) -> Iterator[str]:
    volumes = {volume["name"] for volume in dig(template, "spec", "volumes", default=[])}
    volumes |= {*_ADDED_VOLUMES, *(f"{name}-volume" for name in _secrets(conf))}
    seen: set[str] = set()
    for kind in ("initContainers", "containers"):
        for container in dig(template, "spec", kind, default=[]):
            name = container["name"]
            where = f"spec.{role}.podTemplate over spec.podTemplate, container {name}"
            if name in seen:
                yield f"{where}: the name occurs twice; {_BY_NAME}"
            seen.add(name)
            if name != podtemplates.MAIN_CONTAINER and not container.get("image"):
                yield f"{where}: image is missing; set it"
            yield from _environment(where, container.get("env"))
            for mount in container.get("volumeMounts") or []:
                if mount.get("name") not in volumes:
                    yield f"{where}: volumeMount {mount.get('name')!r} has no volume; add it to spec.volumes"


def _environment(where: str, variables: Json) -> Iterator[str]:
    for variable in variables or []:
        if variable.get("value") and variable.get("valueFrom"):
            yield f"{where}: env {variable.get('name')} has both value and valueFrom; {_BY_NAME}"


def _secrets(conf: Mapping[str, str]) -> tuple[str, ...]:
    try:
        return tuple(flattening.split_map(options.get(conf, options.SECRETS) or ""))
    except ValueError:
        return ()


_BY_NAME: Final = (
    "lists of the common and the role's template are merged by position: put entries in the same order, or set "
    f"{options.MERGE_ARRAYS_BY_NAME.key}: 'true' in spec.flinkConfiguration"
)
