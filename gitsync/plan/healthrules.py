"""Health of the kinds Kubernetes brings, each from the object alone.

The rules are Argo CD's (documentation, "Resource Health"), as tables read from top to bottom; a kind
without a rule has no health and counts for nothing. Knows nothing of Flink (`flinkhealth`).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from operator_core.jsonvalues import Json, Object, dig

HealthStatus = Literal["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]


class Verdict(NamedTuple):
    """A health and why."""

    status: HealthStatus
    message: str = ""


HEALTHY = Verdict("Healthy")


def condition(obj: Object, kind: str) -> Object | None:
    """The condition of one type in `status.conditions`."""
    found = (c for c in dig(obj, "status", "conditions", default=[]) if isinstance(c, dict) and c.get("type") == kind)
    return next(found, None)


def is_true(obj: Object, kind: str) -> bool:
    """Whether the condition is there and True."""
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def _number(obj: Object, *path: str, default: int = 0) -> int:
    return int(dig(obj, *path, default=default))


def _lags(obj: Object) -> bool:
    return _number(obj, "status", "observedGeneration") < _number(obj, "metadata", "generation")


_LAGS = Verdict("Progressing", "the controller has not seen the newest spec yet")


def _deployment(obj: Object) -> Verdict:
    if _lags(obj):
        return _LAGS
    if dig(obj, "spec", "paused"):
        return Verdict("Suspended", "the Deployment is paused")
    progress = condition(obj, "Progressing")
    if progress is not None and progress.get("reason") == "ProgressDeadlineExceeded":
        return Verdict("Degraded", str(progress.get("message", "the rollout does not progress")))
    wanted = _number(obj, "spec", "replicas", default=1)
    updated, total, available = (
        _number(obj, "status", name) for name in ("updatedReplicas", "replicas", "availableReplicas")
    )
    if updated < wanted:
        return Verdict("Progressing", f"{updated} of {wanted} replicas are updated")
    if total > updated:
        return Verdict("Progressing", f"{total - updated} old replicas still run")
    if available < updated:
        return Verdict("Progressing", f"{available} of {updated} replicas are available")
    return HEALTHY


def _stateful_set(obj: Object) -> Verdict:
    if _lags(obj):
        return _LAGS
    wanted, ready = _number(obj, "spec", "replicas", default=1), _number(obj, "status", "readyReplicas")
    if ready < wanted:
        return Verdict("Progressing", f"{ready} of {wanted} replicas are ready")
    on_delete = dig(obj, "spec", "updateStrategy", "type") == "OnDelete"
    partition = _number(obj, "spec", "updateStrategy", "rollingUpdate", "partition")
    if partition and not on_delete:
        updated = _number(obj, "status", "updatedReplicas")
        return HEALTHY if updated >= wanted - partition else Verdict("Progressing", f"{updated} replicas are updated")
    if not on_delete and dig(obj, "status", "updateRevision") != dig(obj, "status", "currentRevision"):
        return Verdict("Progressing", "replicas are being updated")
    return HEALTHY


def _daemon_set(obj: Object) -> Verdict:
    if _lags(obj):
        return _LAGS
    if dig(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return HEALTHY
    wanted = _number(obj, "status", "desiredNumberScheduled")
    updated, available = _number(obj, "status", "updatedNumberScheduled"), _number(obj, "status", "numberAvailable")
    if min(updated, available) < wanted:
        return Verdict("Progressing", f"{updated} of {wanted} pods are updated, {available} available")
    return HEALTHY


def _replica_set(obj: Object) -> Verdict:
    if _lags(obj):
        return _LAGS
    failure = condition(obj, "ReplicaFailure")
    if failure is not None and failure.get("status") == "True":
        return Verdict("Degraded", str(failure.get("message", "")))
    wanted, available = _number(obj, "spec", "replicas", default=1), _number(obj, "status", "availableReplicas")
    return HEALTHY if available >= wanted else Verdict("Progressing", f"{available} of {wanted} replicas are available")


def _waiting_reasons(obj: Object) -> list[tuple[str, str, str]]:
    statuses = [
        *dig(obj, "status", "initContainerStatuses", default=[]),
        *dig(obj, "status", "containerStatuses", default=[]),
    ]
    waiting = [(str(dig(s, "name")), dig(s, "state", "waiting", default={})) for s in statuses]
    return [(name, str(state.get("reason", "")), str(state.get("message", ""))) for name, state in waiting if state]


def pod_trouble(obj: Object) -> str | None:
    """Why a pod cannot start, when a container says so: image, configuration, crash loop."""
    for container, reason, message in _waiting_reasons(obj):
        if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
            return f"container {container}: {reason}" + (f": {message}" if message else "")
    return None


def _pod(obj: Object) -> Verdict:
    phase = dig(obj, "status", "phase", default="Unknown")
    if dig(obj, "spec", "restartPolicy", default="Always") != "Always":
        return {
            "Succeeded": HEALTHY,
            "Failed": Verdict("Degraded", str(dig(obj, "status", "message", default="the pod failed"))),
        }.get(str(phase), Verdict("Progressing", f"the pod is {phase}"))
    trouble = pod_trouble(obj)
    if trouble is not None:
        return Verdict("Degraded", trouble)
    if is_true(obj, "Ready"):
        return HEALTHY
    if any(dig(s, "lastState", "terminated") for s in dig(obj, "status", "containerStatuses", default=[])):
        return Verdict("Degraded", "a container ended and the pod is not ready")
    return Verdict("Progressing", f"the pod is {phase} and not ready")


def _job(obj: Object) -> Verdict:
    failed = condition(obj, "Failed")
    if failed is not None and failed.get("status") == "True":
        return Verdict("Degraded", str(failed.get("message", "")))
    if is_true(obj, "Complete"):
        return HEALTHY
    return Verdict("Suspended") if is_true(obj, "Suspended") else Verdict("Progressing", "the Job runs")


def _service(obj: Object) -> Verdict:
    if dig(obj, "spec", "type") == "LoadBalancer" and not dig(obj, "status", "loadBalancer", "ingress"):
        return Verdict("Progressing", "the load balancer has no address yet")
    return HEALTHY


def _ingress(obj: Object) -> Verdict:
    if not dig(obj, "status", "loadBalancer", "ingress"):
        return Verdict("Progressing", "the ingress has no address yet")
    return HEALTHY


def _claim(obj: Object) -> Verdict:
    phase = dig(obj, "status", "phase", default="Unknown")
    rows: dict[str, Verdict] = {
        "Bound": HEALTHY,
        "Pending": Verdict("Progressing", "the claim is not bound yet"),
        "Lost": Verdict("Degraded", "the claim lost its volume"),
    }
    return rows.get(str(phase), Verdict("Unknown", f"the claim is {phase}"))


def _autoscaler(obj: Object) -> Verdict:
    for kind in ("AbleToScale", "ScalingActive"):
        found = condition(obj, kind)
        if (
            found is not None
            and found.get("status") == "False"
            and str(found.get("reason", "")).startswith(("Failed", "Invalid"))
        ):
            return Verdict("Degraded", str(found.get("message", "")))
    settled = is_true(obj, "AbleToScale") or is_true(obj, "ScalingLimited")
    return HEALTHY if settled else Verdict("Progressing", "the autoscaler has not acted yet")


def _definition(obj: Object) -> Verdict:
    return HEALTHY if is_true(obj, "Established") else Verdict("Progressing", "the kind is not served yet")


def _api_service(obj: Object) -> Verdict:
    found = condition(obj, "Available")
    return HEALTHY if is_true(obj, "Available") else Verdict("Progressing", str(dig(found, "message", default="")))


def _sync_app(obj: Object) -> Verdict:
    status: Json = dig(obj, "status", "health", "status")
    if status not in ("Healthy", "Suspended", "Progressing", "Degraded"):
        return Verdict("Progressing", "the app was not looked at yet")
    return Verdict(status, str(dig(obj, "status", "health", "message", default="")))


RULES: dict[tuple[str, str], Callable[[Object], Verdict]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("", "Pod"): _pod,
    ("batch", "Job"): _job,
    ("", "Service"): _service,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("", "PersistentVolumeClaim"): _claim,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("gitsync.io", "SyncApp"): _sync_app,
}
