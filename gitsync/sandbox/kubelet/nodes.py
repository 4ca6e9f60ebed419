"""The sandbox's one Node as the API shows it, and which pods fit on it.

Pure. CPU and memory are overcommitted on purpose: manifests written for a cluster ask for far more than their
processes use on one machine, and a laptop must run several of them at once.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from gitsync.sandbox.kubelet import podstatus, quantities
from operator_core.jsonvalues import Object, dig

NAME = "sandbox"
CPU_OVERCOMMIT = 32
MEMORY_OVERCOMMIT = 4
MAX_PODS = 500
LEASE_SECONDS = 40
VERSION = "v1.36.0-gitsync-sandbox"


@dataclass(frozen=True, slots=True)
class Machine:
    """What the node is made of; memory in bytes."""

    cpus: int
    memory: int
    address: str
    port: int


def capacity(machine: Machine) -> dict[str, str]:
    """What the node offers to pods."""
    return {
        "cpu": str(machine.cpus * CPU_OVERCOMMIT),
        "memory": f"{machine.memory * MEMORY_OVERCOMMIT // 1024}Ki",
        "ephemeral-storage": "100Gi",
        "pods": str(MAX_PODS),
    }


def node() -> Object:
    """The Node to create."""
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    labels = {
        "kubernetes.io/hostname": NAME,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": arch,
        "node-role.kubernetes.io/control-plane": "",
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME, "labels": labels}}


def status(machine: Machine, now: datetime) -> Object:
    """The status subresource of a node that works."""
    stamp = podstatus.timestamp(now)

    def condition(kind: str, value: str, reason: str, message: str) -> Object:
        return {
            "type": kind,
            "status": value,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": stamp,
            "lastTransitionTime": stamp,
        }

    return {
        "capacity": capacity(machine),
        "allocatable": capacity(machine),
        "addresses": [{"type": "InternalIP", "address": machine.address}, {"type": "Hostname", "address": NAME}],
        # Lets the API server hand WebSockets of `kubectl exec` through instead of speaking SPDY.
        "declaredFeatures": ["ExtendWebSocketsToKubelet"],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": machine.port}},
        "nodeInfo": {
            "kubeletVersion": VERSION,
            "kubeProxyVersion": "",
            "containerRuntimeVersion": "process://1",
            "operatingSystem": "linux",
            "architecture": dig(node(), "metadata", "labels", "kubernetes.io/arch"),
            "osImage": "this machine",
            "kernelVersion": platform.release(),
            "machineID": NAME,
            "systemUUID": NAME,
            "bootID": stamp,
        },
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "the sandbox does not measure memory"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "the sandbox does not measure disk space"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "the sandbox does not count processes"),
            condition("Ready", "True", "KubeletReady", "pods run as processes of this machine"),
        ],
    }


def lease(now: datetime) -> Object:
    """The heartbeat object in kube-node-lease."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": NAME, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": renew_time(now)},
    }


def renew_time(now: datetime) -> str:
    """A MicroTime."""
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def is_wanted(pod: Object) -> bool:
    """Whether a pod waits for a node and for the default scheduler to choose it."""
    return (
        not dig(pod, "spec", "nodeName")
        and not dig(pod, "metadata", "deletionTimestamp")
        and not dig(pod, "spec", "schedulingGates")
        and dig(pod, "spec", "schedulerName", default="default-scheduler") == "default-scheduler"
    )


def misfit(pod: Object, others: Iterable[Object], offered: dict[str, str]) -> str | None:
    """Why the pod does not fit beside `others`, in the scheduler's words; None when it does."""
    labels = node()["metadata"]["labels"]
    selector: Object = dig(pod, "spec", "nodeSelector", default={}) or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    running = [other for other in others if is_counted(other)]
    if len(running) >= MAX_PODS:
        return "0/1 nodes are available: 1 Too many pods."
    for resource in ("cpu", "memory"):
        used = sum((requested(other, resource) for other in running), Decimal(0))
        if used + requested(pod, resource) > quantities.parse(offered[resource]):
            return f"0/1 nodes are available: 1 Insufficient {resource}."
    return None


def is_counted(pod: Object) -> bool:
    """Whether a pod takes part of the node's resources."""
    return bool(dig(pod, "spec", "nodeName")) and dig(pod, "status", "phase") not in ("Succeeded", "Failed")


def requested(pod: Object, resource: str) -> Decimal:
    """What a pod asks for: its containers together, or its largest init container."""

    def of(container: Object) -> Decimal:
        return quantities.parse(dig(container, "resources", "requests", resource, default="0"))

    together = sum((of(item) for item in dig(pod, "spec", "containers", default=[])), Decimal(0))
    init = [of(item) for item in dig(pod, "spec", "initContainers", default=[]) or []]
    return max([together, *init])
