"""Whether the Apache Flink Kubernetes Operator still looks after a resource: then nothing may be done to it.

Signs of life are its Deployment (the label its Helm chart gives), its Lease, and what it wrote into the status a
moment ago. Two operators at one job would each undo what the other does, so any sign that concerns the resource's
namespace is enough. Sources: the operator's Helm chart, its leader election, the Kubernetes API (managedFields).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from operator_core.jsonvalues import Object, dig

DEPLOYMENT_LABELS = "app.kubernetes.io/name=flink-kubernetes-operator"
QUIET_SECONDS = 60.0
"""So long after its last write it may still be there; its own re-check comes at least that often."""
_WRITERS = ("fabric8-kubernetes-client", "okhttp", "flinkdeploymentcontroller", "flinksessionjobcontroller")
_ALL_NAMESPACES = "JOSDK_ALL_NAMESPACES"


@dataclass(frozen=True, slots=True)
class Running:
    """A Deployment of the operator that has pods or is about to; `namespaces` it watches (empty: all)."""

    namespace: str
    name: str
    namespaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that somebody holds until then."""

    namespace: str
    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Signs:
    """What was seen in the cluster."""

    running: tuple[Running, ...] = ()
    held: tuple[Held, ...] = ()


def signs(deployments: Iterable[Object], leases: Iterable[Object]) -> Signs:
    """What Deployments with its label and Leases of its name say."""
    return Signs(
        tuple(one for one in map(_running, deployments) if one is not None),
        tuple(lease for lease in map(_held, leases) if lease is not None),
    )


def last_write(obj: Object) -> datetime | None:
    """When the Java operator wrote the object's status last; None: not in what is on record."""
    entries = dig(obj, "metadata", "managedFields", default=[])
    times = [
        _time(entry.get("time"))
        for entry in entries
        if entry.get("subresource") == "status" and str(entry.get("manager")).startswith(_WRITERS)
    ]
    return max((time for time in times if time is not None), default=None)


def sign_of_life(namespace: str, written: datetime | None, seen: Signs, now: datetime) -> str | None:
    """What shows that it looks after resources of the namespace, as part of a sentence; None: nothing does."""
    for one in seen.running:
        if not one.namespaces or namespace in one.namespaces:
            return f"its Deployment {one.namespace}/{one.name} is running"
    known = {one.namespace for one in seen.running}
    for lease in seen.held:
        if lease.namespace not in known and now < lease.until:
            return f"its lease {lease.namespace}/{lease.name} is held"
    if written is not None and now - written < timedelta(seconds=QUIET_SECONDS):
        return f"it wrote the status less than {QUIET_SECONDS:.0f} s ago"
    return None


def message(sign: str) -> str:
    """What people are told."""
    return (
        f"the Apache Flink Kubernetes Operator looks after this resource: {sign}. Nothing is done until it stops: "
        "scale its Deployment to zero, or take the namespace from it; then gitsync goes on by itself"
    )


def _running(deployment: Object) -> Running | None:
    if not dig(deployment, "spec", "replicas", default=1) and not dig(deployment, "status", "replicas", default=0):
        return None
    meta = deployment["metadata"]
    containers = dig(deployment, "spec", "template", "spec", "containers", default=[])
    texts = [
        str(variable.get("value") or "")
        for container in containers
        for variable in container.get("env") or []
        if variable.get("name") == "WATCH_NAMESPACES"
    ]
    names = tuple(name.strip() for text in texts for name in text.split(",") if name.strip())
    return Running(str(meta["namespace"]), str(meta["name"]), () if _ALL_NAMESPACES in names else names)


def _held(lease: Object) -> Held | None:
    renewed = _time(dig(lease, "spec", "renewTime"))
    if renewed is None or not dig(lease, "spec", "holderIdentity"):
        return None
    duration = float(dig(lease, "spec", "leaseDurationSeconds", default=15))
    meta = lease["metadata"]
    return Held(str(meta["namespace"]), str(meta["name"]), renewed + timedelta(seconds=duration))


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
