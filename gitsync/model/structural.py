"""A pydantic model as the structural schema a CustomResourceDefinition accepts.

Kubernetes wants no `$ref`, no `title`, no `anyOf` with null, no bare `const`, and `nullable` instead
of a null type (API reference, "Specifying a structural schema"). Knows no kind.
"""

from pydantic import BaseModel

from operator_core.jsonvalues import Json, Object

_DROPPED = frozenset({"title", "$defs", "default", "const", "discriminator"})


def schema(model: type[BaseModel]) -> Object:
    """The OpenAPI v3 structural schema of `model`, by alias."""
    document = model.model_json_schema(by_alias=True, mode="validation")
    cleaned: Object = _clean(document, document.get("$defs", {}))
    return cleaned


def _clean(node: Json, definitions: Object) -> Json:
    if isinstance(node, list):
        return [_clean(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        merged = {**definitions[node["$ref"].rpartition("/")[2]], **{k: v for k, v in node.items() if k != "$ref"}}
        return _clean(merged, definitions)
    if "anyOf" in node:
        return _clean_any_of(node, definitions)
    cleaned = {key: _cleaned_member(key, value, definitions) for key, value in node.items() if key not in _DROPPED}
    if cleaned.get("additionalProperties") is False:
        del cleaned["additionalProperties"]
    if cleaned.get("additionalProperties") is True:
        # Any content: nothing of it may be dropped.
        del cleaned["additionalProperties"]
        cleaned["x-kubernetes-preserve-unknown-fields"] = True
    return cleaned


def _cleaned_member(key: str, value: Json, definitions: Object) -> Json:
    if key == "properties":
        return {name: _clean(below, definitions) for name, below in value.items()}
    if key in ("enum", "required"):
        return value
    if key == "description":
        return " ".join(str(value).split())
    return _clean(value, definitions)


def _clean_any_of(node: Object, definitions: Object) -> Object:
    choices = [choice for choice in node["anyOf"] if choice.get("type") != "null"]
    if len(choices) != 1:
        raise ValueError(f"a union of {len(choices)} types has no structural schema")
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    cleaned: Object = _clean({**choices[0], **rest}, definitions)
    if len(choices) < len(node["anyOf"]):
        cleaned["nullable"] = True
    return cleaned
