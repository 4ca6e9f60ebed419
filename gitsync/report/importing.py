"""Live Flink resources as manifests that, applied again, change nothing.

Drops what the API server, an operator or a GitOps tool added (Kubernetes, "Object Names and IDs", server-side
metadata; the Flink operator's labels), keeps the spec word for word, since every changed field of it could restart a
job, and lays it out as one file per object below a directory per namespace. Secrets are named, never written. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from gitsync.model.identities import Identity
from gitsync.plan import identities
from operator_core.jsonvalues import Json, Object, dig

KINDS = ("FlinkDeployment", "FlinkSessionJob", "FlinkBlueGreenDeployment")
_TOOL_PREFIXES = (
    "gitsync.io/",
    "argocd.argoproj.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "meta.helm.sh/",
)
_TOOL_KEYS = frozenset({"kubectl.kubernetes.io/last-applied-configuration", "target.session"})
_KEPT_PREFIXES = ("gitsync.io/on-delete", "gitsync.io/sync-wave", "gitsync.io/sync-options")


@dataclass(frozen=True, slots=True)
class Imported:
    """A file to write."""

    path: str
    text: str


def manifest(live: Object) -> Object:
    """The part of a live object that belongs into Git."""
    meta = live["metadata"]
    kept: Object = {"name": meta["name"], "namespace": meta["namespace"]}
    for field in ("labels", "annotations"):
        own = {key: value for key, value in (meta.get(field) or {}).items() if _is_own(key)}
        if own:
            kept[field] = own
    body = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": kept}
    return {**body, "spec": live["spec"]} if "spec" in live else {**body, "data": live.get("data") or {}}


def _is_own(key: str) -> bool:
    if key.startswith(_KEPT_PREFIXES):
        return True
    return not key.startswith(_TOOL_PREFIXES) and key not in _TOOL_KEYS


def referred(objects: Iterable[Object]) -> frozenset[Identity]:
    """The ConfigMaps and Secrets of their own namespaces that specs name: their pod templates need them."""
    found: set[Identity] = set()
    for obj in objects:
        _collect(obj.get("spec"), str(dig(obj, "metadata", "namespace", default="")), found)
    return frozenset(found)


def _collect(value: Json, namespace: str, found: set[Identity]) -> None:
    if isinstance(value, list):
        for item in value:
            _collect(item, namespace, found)
    if not isinstance(value, dict):
        return
    for key, kind, field in (
        ("configMap", "ConfigMap", "name"),
        ("configMapRef", "ConfigMap", "name"),
        ("configMapKeyRef", "ConfigMap", "name"),
        ("secret", "Secret", "secretName"),
        ("secretRef", "Secret", "name"),
        ("secretKeyRef", "Secret", "name"),
    ):
        name = dig(value.get(key), field)
        if isinstance(name, str) and name:
            found.add(Identity("", kind, namespace, name))
    for item in value.values():
        _collect(item, namespace, found)


def layout(objects: Iterable[Object]) -> tuple[Imported, ...]:
    """One file per object: `<namespace>/<name>.yaml`, with the kind in the name where two share it."""
    found = sorted((manifest(obj) for obj in objects), key=identities.identity_of)
    names = [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in found]
    files = []
    for one, place in zip(found, names, strict=True):
        suffix = f"-{one['kind'].lower()}" if names.count(place) > 1 else ""
        files.append(Imported(f"{place[0]}/{place[1]}{suffix}.yaml", _text(one)))
    return tuple(files)


class _Dumper(yaml.SafeDumper):
    """Block texts as people write them."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent)


def _text(obj: Object) -> str:
    return yaml.dump(obj, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
