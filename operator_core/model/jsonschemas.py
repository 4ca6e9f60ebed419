"""JSON Schemas for editors and checkers, from custom resource definitions: one file per kind and version.

`python -m operator_core.model.jsonschemas CRDS DIRECTORY` writes them in the layout that kubeconform and the
catalogs of such schemas use: GROUP/KIND_VERSION.json. Stricter than the API server in one thing, on purpose: a
member that the schema does not know is an error, where the API server drops it without a word.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from operator_core.jsonvalues import Json, Object

_DIALECT = "http://json-schema.org/draft-07/schema#"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_OPEN = "x-kubernetes-preserve-unknown-fields"
_KUBERNETES = "https://kubernetes.io/docs/reference/generated/kubernetes-api/"


def schemas(definition: Object) -> Iterator[tuple[str, Object]]:
    """(file name, schema) of each version that a definition serves."""
    spec = definition["spec"]
    group, kind = spec["group"], spec["names"]["kind"]
    for version in spec["versions"]:
        body = converted(version["schema"]["openAPIV3Schema"])
        api_version = f"{group}/{version['name']}"
        properties = body.setdefault("properties", {})
        properties["apiVersion"] = {"type": "string", "enum": [api_version]}
        properties["kind"] = {"type": "string", "enum": [kind]}
        properties["metadata"] = {"type": "object", "description": f"ObjectMeta, see {_KUBERNETES}"}
        body["required"] = ["apiVersion", "kind", "metadata"]
        name = f"{group}/{kind.lower()}_{version['name']}.json"
        yield name, {"$schema": _DIALECT, "title": f"{kind} ({api_version})", **body}


def converted(node: Object) -> Object:
    """A structural schema of OpenAPI 3.0 as JSON Schema."""
    kept = {key: value for key, value in node.items() if not key.startswith("x-kubernetes-") and key != "nullable"}
    if "properties" in kept:
        kept["properties"] = {name: converted(child) for name, child in kept["properties"].items()}
        if not node.get(_OPEN) and "additionalProperties" not in kept:
            kept["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(kept.get(key), dict):
            kept[key] = converted(kept[key])
    if node.get(_INT_OR_STRING):
        kept.pop("type", None)
        kept["type"] = ["integer", "string"]
    if node.get("nullable") and "type" in kept:
        kept["type"] = _or_null(kept["type"])
        if "enum" in kept:
            kept["enum"] = [*kept["enum"], None]
    return kept


def _or_null(types: Json) -> Json:
    return [*types, "null"] if isinstance(types, list) else [types, "null"]


def text(schema: Object) -> str:
    """A schema as its file."""
    return json.dumps(schema, indent=1, sort_keys=False) + "\n"


def main(arguments: list[str]) -> None:
    source, target = Path(arguments[0]), Path(arguments[1])
    for file in sorted(source.glob("*.yaml")):
        for name, schema in schemas(yaml.safe_load(file.read_text())):
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(schema))


if __name__ == "__main__":
    main(sys.argv[1:])
