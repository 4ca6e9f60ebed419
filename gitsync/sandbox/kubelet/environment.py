"""The environment of a container: image, services, envFrom, env, in the order in which later ones win.

Pure: ConfigMaps and Secrets come through `Sources`. Rules: Kubernetes documentation, "Define environment variables",
"Environment variables for Services" (kubelet, envvars).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gitsync.sandbox.kubelet import expansion, fieldpaths
from operator_core.jsonvalues import Object, dig

MASTER = ("default", "kubernetes")


class MissingSource(Exception):
    """A ConfigMap, a Secret or a key in one is not there; the message names it as the kubelet does."""


class Sources(Protocol):
    """Where ConfigMaps and Secrets of the pod's namespace come from; None when there is none of that name."""

    def config_map(self, name: str) -> Object | None: ...

    def secret(self, name: str) -> Object | None: ...


@dataclass(frozen=True, slots=True)
class Setting:
    """What a container's values may refer to besides ConfigMaps and Secrets."""

    manifest: Object
    address: str
    host_ip: str
    allocatable: Mapping[str, str]
    services: tuple[Object, ...]


def environment(container: Object, setting: Setting, sources: Sources, image: Mapping[str, str]) -> dict[str, str]:
    """All variables. Raises MissingSource, and ValueError for an impossible reference."""
    manifest = setting.manifest
    values = dict(image)
    values["HOSTNAME"] = hostname(manifest)
    links = dig(manifest, "spec", "enableServiceLinks", default=True)
    values |= service_variables(setting.services, dig(manifest, "metadata", "namespace") if links else None)
    for source in container.get("envFrom") or []:
        values |= _from_source(source, sources)
    declared: dict[str, str] = {}
    for entry in container.get("env") or []:
        name = str(entry["name"])
        if "valueFrom" in entry:
            value = _referred(entry["valueFrom"], container, setting, sources)
            if value is None:
                continue
        else:
            # A reference sees the services and what was declared before it, not the image's own variables.
            value = expansion.expand(str(entry.get("value") or ""), {**values, **declared})
        declared[name] = value
    return values | declared


def hostname(manifest: Object) -> str:
    """`spec.hostname` or the pod's name, cut to what a host name may have."""
    chosen = str(dig(manifest, "spec", "hostname", default="") or dig(manifest, "metadata", "name"))
    return chosen[:63].rstrip("-.")


def service_variables(services: Iterable[Object], namespace: str | None) -> dict[str, str]:
    """`NAME_SERVICE_HOST` and its relatives for the Services of `namespace`, and always for the API server's."""
    values: dict[str, str] = {}
    for service in services:
        where = (dig(service, "metadata", "namespace"), dig(service, "metadata", "name"))
        address = dig(service, "spec", "clusterIP", default="None")
        ports = dig(service, "spec", "ports", default=[]) or []
        if (where[0] == namespace or where == MASTER) and address not in ("", "None") and ports:
            values |= _variables(str(where[1]), str(address), ports)
    return values


def _variables(service: str, address: str, ports: list[Object]) -> dict[str, str]:
    prefix = _variable_name(service)
    values = {f"{prefix}_SERVICE_HOST": address, f"{prefix}_SERVICE_PORT": str(ports[0]["port"])}
    for index, port in enumerate(ports):
        number, protocol = str(port["port"]), str(port.get("protocol") or "TCP")
        url = f"{protocol.lower()}://{address}:{number}"
        if port.get("name"):
            values[f"{prefix}_SERVICE_PORT_{_variable_name(str(port['name']))}"] = number
        if index == 0:
            values[f"{prefix}_PORT"] = url
        link = f"{prefix}_PORT_{number}_{protocol}"
        values |= {link: url, f"{link}_PROTO": protocol.lower(), f"{link}_PORT": number, f"{link}_ADDR": address}
    return values


def _variable_name(text: str) -> str:
    return text.upper().replace("-", "_")


def _from_source(source: Object, sources: Sources) -> dict[str, str]:
    prefix = str(source.get("prefix") or "")
    if "configMapRef" in source:
        reference = source["configMapRef"]
        found = sources.config_map(reference["name"])
        data = dict(found.get("data") or {}) if found else None
        kind = "configmap"
    else:
        reference = source["secretRef"]
        found = sources.secret(reference["name"])
        data = {key: decoded(value) for key, value in (found.get("data") or {}).items()} if found else None
        kind = "secret"
    if data is None:
        if reference.get("optional"):
            return {}
        raise MissingSource(f'{kind} "{reference["name"]}" not found')
    return {prefix + key: value for key, value in data.items()}


def _referred(source: Object, container: Object, setting: Setting, sources: Sources) -> str | None:
    match source:
        case {"fieldRef": {"fieldPath": path}}:
            return fieldpaths.field_value(setting.manifest, str(path), address=setting.address, host_ip=setting.host_ip)
        case {"resourceFieldRef": reference}:
            return fieldpaths.resource_value(
                _named(setting.manifest, reference, container), reference, setting.allocatable
            )
        case {"configMapKeyRef": reference}:
            found = sources.config_map(reference["name"])
            return _key(reference, found, (found or {}).get("data") or {}, "configmap")
        case {"secretKeyRef": reference}:
            found = sources.secret(reference["name"])
            value = _key(reference, found, (found or {}).get("data") or {}, "secret")
            return None if value is None else decoded(value)
        case _:
            raise ValueError(f"valueFrom {', '.join(source)} is not supported by the sandbox")


def _named(manifest: Object, reference: Object, container: Object) -> Object:
    name = reference.get("containerName")
    if not name:
        return container
    return next((c for c in dig(manifest, "spec", "containers", default=[]) if c["name"] == name), container)


def _key(reference: Object, found: Object | None, data: Mapping[str, str], kind: str) -> str | None:
    name, key = reference["name"], reference["key"]
    if found is not None and key in data:
        return str(data[key])
    if reference.get("optional"):
        return None
    if found is None:
        raise MissingSource(f'{kind} "{name}" not found')
    raise MissingSource(f"couldn't find key {key} in {kind} {name}")


def decoded(value: str) -> str:
    """A Secret's value as text."""
    return base64.b64decode(value).decode("utf-8", "replace")
