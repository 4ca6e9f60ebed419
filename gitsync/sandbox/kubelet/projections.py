"""Which files a ConfigMap, Secret, projected or downwardAPI volume holds.

Pure: from the volume's declaration and the objects it refers to, to names, contents and modes. Service-account tokens
are asked for through `Sources`, because only the API server can make them. Rules: Kubernetes documentation, "Volumes".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gitsync.sandbox.kubelet import environment, fieldpaths
from gitsync.sandbox.kubelet.environment import MissingSource, Setting
from operator_core.jsonvalues import Object

DEFAULT_MODE = 0o644


@dataclass(frozen=True, slots=True)
class File:
    data: bytes
    mode: int


Files = dict[str, File]


class Sources(environment.Sources, Protocol):
    """Also makes tokens for the pod's service account."""

    def token(self, audience: str, seconds: int) -> str: ...


KINDS = ("configMap", "secret", "projected", "downwardAPI")


def is_projection(volume: Object) -> bool:
    """Whether the volume is made of API objects."""
    return any(kind in volume for kind in KINDS)


def files_of(volume: Object, setting: Setting, sources: Sources) -> Files:
    """The files of one volume by relative path. Raises MissingSource and ValueError."""
    if "projected" in volume:
        projected = volume["projected"]
        mode = int(projected.get("defaultMode", DEFAULT_MODE))
        merged: Files = {}
        for part in projected.get("sources") or []:
            merged |= _part(part, mode, setting, sources)
        return merged
    if "secret" in volume:
        secret = volume["secret"]
        reference = {**secret, "name": secret.get("secretName", "")}
        return _part({"secret": reference}, int(secret.get("defaultMode", DEFAULT_MODE)), setting, sources)
    kind = "configMap" if "configMap" in volume else "downwardAPI"
    return _part({kind: volume[kind]}, int(volume[kind].get("defaultMode", DEFAULT_MODE)), setting, sources)


def _part(part: Object, mode: int, setting: Setting, sources: Sources) -> Files:
    match part:
        case {"configMap": reference}:
            found = sources.config_map(reference["name"])
            data = {key: text.encode() for key, text in ((found or {}).get("data") or {}).items()}
            data |= {key: base64.b64decode(text) for key, text in ((found or {}).get("binaryData") or {}).items()}
            return _keyed(reference, found, data, mode, "configmap")
        case {"secret": reference}:
            found = sources.secret(reference["name"])
            data = {key: base64.b64decode(text) for key, text in ((found or {}).get("data") or {}).items()}
            return _keyed(reference, found, data, mode, "secret")
        case {"downwardAPI": reference}:
            return {str(item["path"]): _downward(item, mode, setting) for item in reference.get("items") or []}
        case {"serviceAccountToken": reference}:
            token = sources.token(str(reference.get("audience") or ""), int(reference.get("expirationSeconds", 3600)))
            return {str(reference["path"]): File(token.encode(), mode)}
        case _:
            raise ValueError(f"the projected source {', '.join(part)} is not supported by the sandbox")


def _keyed(reference: Object, found: Object | None, data: Mapping[str, bytes], mode: int, kind: str) -> Files:
    name, optional = reference["name"], bool(reference.get("optional"))
    if found is None:
        if optional:
            return {}
        raise MissingSource(f'{kind} "{name}" not found')
    items = reference.get("items")
    if not items:
        return {key: File(value, mode) for key, value in data.items()}
    missing = [str(item["key"]) for item in items if item["key"] not in data]
    if missing and not optional:
        raise MissingSource(f"references non-existent {kind} key: {missing[0]} in {name}")
    return {
        str(item["path"]): File(data[item["key"]], int(item.get("mode", mode))) for item in items if item["key"] in data
    }


def _downward(item: Object, mode: int, setting: Setting) -> File:
    if "fieldRef" in item:
        path = str(item["fieldRef"]["fieldPath"])
        text = fieldpaths.field_value(setting.manifest, path, address=setting.address, host_ip=setting.host_ip)
    else:
        reference = item["resourceFieldRef"]
        containers = setting.manifest["spec"]["containers"]
        named = next((c for c in containers if c["name"] == reference.get("containerName")), containers[0])
        text = fieldpaths.resource_value(named, reference, setting.allocatable)
    return File(text.encode(), int(item.get("mode", mode)))
