"""Where inside the cluster a forwarded connection goes: an address and a port from Services and Pods.

A Service with a cluster address is reached by it, so that the cluster's own balancing applies; a headless one
and a Deployment by one of their ready pods. Reads the API server; opens no connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from gitsync.sandbox.access import Access
from gitsync.sandbox.forwarding import Target
from operator_core.jsonvalues import Json


class NoDestination(Exception):
    """Nothing can take the connection; the text says why."""


def find(access: Access, target: Target) -> tuple[str, int]:
    """Address and port for a new connection. Raises NoDestination, and Unanswered when the object is not there."""
    base = f"/api/v1/namespaces/{target.namespace}"
    match target.kind:
        case "pod":
            return pod_destination(access.json(f"{base}/pods/{target.name}"), target.remote)
        case "service":
            service = access.json(f"{base}/services/{target.name}")
            selector = service["spec"].get("selector") or {}
            port = service_port(service, target.remote)
            if service["spec"].get("clusterIP", "None") != "None":
                return service["spec"]["clusterIP"], int(port["port"])
            return pod_destination(_ready_pod(access, base, selector), str(port.get("targetPort", port["port"])))
        case _:
            path = f"/apis/apps/v1/namespaces/{target.namespace}/deployments/{target.name}"
            selector = access.json(path)["spec"]["selector"].get("matchLabels", {})
            return pod_destination(_ready_pod(access, base, selector), target.remote)


def pod_destination(pod: Json, port: str) -> tuple[str, int]:
    """A pod's address, with a port's number or the number of the port with that name."""
    name, address = pod["metadata"]["name"], pod.get("status", {}).get("podIP")
    if not address:
        raise NoDestination(f"pod {name} has no address yet")
    if port.isdigit():
        return address, int(port)
    for container in pod["spec"]["containers"]:
        for each in container.get("ports", []):
            if each.get("name") == port:
                return address, int(each["containerPort"])
    raise NoDestination(f"pod {name} has no port named {port}")


def service_port(service: Json, wanted: str) -> Json:
    """The port of a Service with that number or name."""
    offered = service["spec"].get("ports", [])
    for port in offered:
        if wanted in (str(port["port"]), port.get("name")):
            return port
    names = ", ".join(f"{port['port']} {port.get('name', '')}".strip() for port in offered) or "none"
    raise NoDestination(f"service {service['metadata']['name']} has no port {wanted} (it has {names})")


def first_ready(pods: Iterable[Json]) -> Json:
    """The first pod that is ready and not being deleted."""
    for pod in pods:
        conditions = pod.get("status", {}).get("conditions", [])
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        if ready and "deletionTimestamp" not in pod["metadata"]:
            return pod
    raise NoDestination("no ready pod")


def _ready_pod(access: Access, base: str, selector: dict[str, str]) -> Json:
    if not selector:
        raise NoDestination("it selects no pods")
    labels = quote(",".join(f"{key}={value}" for key, value in selector.items()))
    return first_ready(access.json(f"{base}/pods?labelSelector={labels}")["items"])
