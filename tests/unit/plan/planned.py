"""Rendered, live and remembered objects for tests of plans."""

from datetime import UTC, datetime
from typing import Any

from gitsync.model.identities import AppName, Identity
from gitsync.model.rendersets import RenderedObject
from gitsync.model.syncstatuses import InventoryEntry
from gitsync.plan import identities, preparing
from gitsync.plan.preparing import Prepared
from gitsync.plan.pruning import PrunePolicy
from operator_core.kube.requests import CONFIG_MAPS, FLINK_DEPLOYMENTS, NAMESPACES

Object = dict[str, Any]
APP = AppName("sys", "root")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = {
    ("v1", "ConfigMap"): CONFIG_MAPS,
    ("v1", "Namespace"): NAMESPACES,
    ("flink.apache.org/v1beta1", "FlinkDeployment"): FLINK_DEPLOYMENTS,
}
PRUNE = PrunePolicy(prune=True, allow_empty=False, guards_state=True)


def rendered(kind: str, name: str, api_version: str = "v1", line: int = 1, **rest: object) -> RenderedObject:
    return RenderedObject({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **rest}, "a.yaml", line)


def prepare(*objects: RenderedObject, namespace: str = "n") -> Prepared:
    return preparing.prepare(objects, KINDS, APP, preparing.Place(namespace))


def identity(name: str, kind: str = "ConfigMap", group: str = "") -> Identity:
    return Identity(group, kind, "n", name)


def tracked(name: str, kind: str = "ConfigMap", api_version: str = "v1", owner: AppName = APP, **rest: Any) -> Object:
    group = api_version.rpartition("/")[0]
    tracking = identities.tracking_id(owner, Identity(group, kind, "n", name))
    meta = {"name": name, "namespace": "n", "uid": f"uid-{name}", "annotations": {"gitsync.io/tracking-id": tracking}}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **rest}


def entry(name: str, **rest: Any) -> InventoryEntry:
    return InventoryEntry(id=str(identity(name)), version="v1", **rest)
