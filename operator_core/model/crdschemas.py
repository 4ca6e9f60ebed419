"""Structural OpenAPI v3 schemas (apiextensions.k8s.io/v1) made from the pydantic models.

Takes what pydantic says about a model and keeps only what a structural schema may hold: types, enums,
properties, items. `podTemplate` is a PodTemplateSpec of which only the parts the operator itself reads are
spelled out; the rest is kept as sent (x-kubernetes-preserve-unknown-fields): the full core/v1 schema would be
about 9,000 lines, three times, tied to one Kubernetes release, and the API server checks the finished
Deployment against its own release anyway.
"""

from typing import Final

from operator_core.jsonvalues import Json, Object
from operator_core.model.resources import Wire

_UNKNOWN_KEPT: Final = {"x-kubernetes-preserve-unknown-fields": True}
_TEXT: Final[Object] = {"type": "string"}
_TEXTS: Final[Object] = {"type": "object", "additionalProperties": _TEXT}


def resource_schema(spec: type[Wire], status: type[Wire]) -> Object:
    """The schema of a kind from its two parts."""
    return {
        "type": "object",
        "properties": {"spec": _schema_of(spec), "status": _schema_of(status)},
    }


def _schema_of(model: type[Wire]) -> Object:
    source = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(source, source.get("$defs", {}))


def _structural(source: Object, definitions: Object) -> Object:
    if "$ref" in source:
        return _structural(definitions[source["$ref"].removeprefix("#/$defs/")], definitions)
    if "anyOf" in source:
        return _choice([option for option in source["anyOf"] if option != {"type": "null"}], definitions)
    if "enum" in source or "const" in source:
        return {"type": "string", "enum": source.get("enum") or [source["const"]]}
    if source.get("type") == "array":
        return {"type": "array", "items": _structural(source["items"], definitions)}
    if source.get("type") == "object":
        return _object(source, definitions)
    return {"type": source["type"]}


def _choice(choices: list[Object], definitions: Object) -> Object:
    if {choice.get("type") for choice in choices} == {"string", "integer"}:
        return {"x-kubernetes-int-or-string": True}
    (only,) = choices
    return _structural(only, definitions)


def _object(source: Object, definitions: Object) -> Object:
    if "properties" in source:
        members = source["properties"]
        return {"type": "object", "properties": {name: _member(name, members[name], definitions) for name in members}}
    values: Json = source.get("additionalProperties")
    if isinstance(values, dict) and values:
        return {"type": "object", "additionalProperties": _structural(values, definitions)}
    return {"type": "object"}


def _member(name: str, source: Object, definitions: Object) -> Object:
    if name == "podTemplate":
        return _POD_TEMPLATE
    if name == "flinkConfiguration":
        # Any nesting of keys, values of any scalar type: no `type` here, as in the original.
        return dict(_UNKNOWN_KEPT)
    return _structural(source, definitions)


def _open(properties: Object) -> Object:
    return {"type": "object", "properties": properties} | _UNKNOWN_KEPT


def _list_of(items: Object) -> Object:
    return {"type": "array", "items": items}


_NAMED: Final[Object] = _open({"name": _TEXT})
_AMOUNTS: Final[Object] = {"type": "object", "additionalProperties": {"x-kubernetes-int-or-string": True}}
_CONTAINER: Final[Object] = _open(
    {
        "name": _TEXT,
        "image": _TEXT,
        "imagePullPolicy": _TEXT,
        "command": _list_of(_TEXT),
        "args": _list_of(_TEXT),
        "env": _list_of(_open({"name": _TEXT, "value": _TEXT})),
        "ports": _list_of(_open({"name": _TEXT, "containerPort": {"type": "integer"}})),
        "resources": _open({"requests": _AMOUNTS, "limits": _AMOUNTS}),
        "volumeMounts": _list_of(_open({"name": _TEXT, "mountPath": _TEXT})),
    }
)
_POD_TEMPLATE: Final[Object] = _open(
    {
        "metadata": _open({"labels": _TEXTS, "annotations": _TEXTS}),
        "spec": _open(
            {
                "containers": _list_of(_CONTAINER),
                "initContainers": _list_of(_CONTAINER),
                "volumes": _list_of(_NAMED),
                "nodeSelector": _TEXTS,
                "imagePullSecrets": _list_of(_NAMED),
                "tolerations": _list_of(_open({"key": _TEXT, "operator": _TEXT, "effect": _TEXT})),
                "serviceAccountName": _TEXT,
            }
        ),
    }
)
