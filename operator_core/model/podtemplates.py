"""Pod templates as data: the common one and a role's one merged, Flink's container found.

Merge rules of the Java operator: objects by key, scalars replaced by the role's value, lists by index, or by
element name where `kubernetes.operator.pod-template.merge-arrays-by-name` asks for it. Nothing given is
changed. Knows no Flink option.
"""

import copy
from typing import Final

from operator_core.jsonvalues import Json, Object

MAIN_CONTAINER: Final = "flink-main-container"
"""The container of a pod template that is Flink's own."""


def merged(common: Object | None, own: Object | None, *, by_name: bool) -> Object:
    """A role's template (metadata and spec) from the common one and its own."""
    template = merge(common or {}, own or {}, by_name=by_name)
    # A Pod was accepted here by early releases; only these two members mean anything.
    return {key: template[key] for key in ("metadata", "spec") if template.get(key) is not None}


def merge(base: Json, specific: Json, *, by_name: bool) -> Json:
    """Both values as one, the specific winning."""
    if isinstance(base, dict) and isinstance(specific, dict):
        result = {key: copy.deepcopy(value) for key, value in base.items()}
        for key, value in specific.items():
            result[key] = merge(base[key], value, by_name=by_name) if key in base else copy.deepcopy(value)
        return result
    if isinstance(base, list) and isinstance(specific, list):
        if by_name and _are_named(base) and _are_named(specific):
            return _merge_by_name(base, specific)
        return _merge_by_index(base, specific, by_name=by_name)
    return copy.deepcopy(specific)


def main_container(template: Object) -> Object:
    """Flink's container inside the template (the very object), added where the template has none."""
    spec: Object = template.setdefault("spec", {})
    containers: list[Object] = spec.setdefault("containers", [])
    for container in containers:
        if container.get("name") == MAIN_CONTAINER:
            return container
    containers.append({"name": MAIN_CONTAINER})
    return containers[-1]


def _merge_by_index(base: list[Json], specific: list[Json], *, by_name: bool) -> list[Json]:
    shared = min(len(base), len(specific))
    both = [merge(base[i], specific[i], by_name=by_name) for i in range(shared)]
    return both + copy.deepcopy(base[shared:]) + copy.deepcopy(specific[shared:])


def _merge_by_name(base: list[Object], specific: list[Object]) -> list[Json]:
    own = {element["name"]: element for element in specific}
    known = {element["name"] for element in base}
    both = [
        merge(element, own[element["name"]], by_name=True) if element["name"] in own else copy.deepcopy(element)
        for element in base
    ]
    return both + [copy.deepcopy(element) for element in specific if element["name"] not in known]


def _are_named(elements: list[Json]) -> bool:
    """Whether names tell the elements apart (two mounts of one volume have the same name)."""
    found = [element.get("name") if isinstance(element, dict) else None for element in elements]
    return all(isinstance(name, str) for name in found) and len(set(found)) == len(found)
