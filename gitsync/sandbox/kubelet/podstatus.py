"""How a pod's state reads in its status: phase, conditions and container statuses.

Pure. Produces the whole status the kubelet owns and keeps what others wrote (readiness gates, qosClass is the API
server's). Phase rules follow the kubelet's own (pkg/kubelet, getPhase); condition names are the Kubernetes API's.
"""

from __future__ import annotations

from datetime import UTC, datetime

from gitsync.sandbox.kubelet import decisions, lifecycle
from gitsync.sandbox.kubelet.podstates import Container, Pod, Role, Running, Terminated, Waiting
from operator_core.jsonvalues import Object, dig

OWN_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def status_of(pod: Pod, *, host_ip: str, now: datetime) -> Object:
    """The status to publish; times of conditions that did not change are kept from the manifest's status."""
    before: Object = pod.manifest.get("status") or {}
    status: Object = {
        "phase": phase_of(pod),
        "conditions": _conditions(pod, before.get("conditions") or [], now),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": before.get("startTime") or timestamp(pod.accepted_at),
        "containerStatuses": [_container_status(item) for item in pod.of_role(Role.MAIN)],
    }
    if pod.address:
        status |= {"podIP": pod.address, "podIPs": [{"ip": pod.address}]}
    init = pod.of_role(Role.INIT, Role.SIDECAR)
    if init:
        status["initContainerStatuses"] = [_container_status(item) for item in init]
    if pod.halt:
        status |= {"reason": pod.halt.reason, "message": pod.halt.message}
    return status


def phase_of(pod: Pod) -> str:
    """Pending, Running, Succeeded or Failed."""
    mains = pod.of_role(Role.MAIN)
    ended = all(not isinstance(item.state, Running) for item in pod.containers)
    if pod.halt and ended:
        return "Failed"
    if pod.deleting and ended:
        codes = [_exit_code(item) for item in mains]
        return "Succeeded" if codes and all(code == 0 for code in codes) else "Failed"
    if not pod.initialized and not any(item.ever_started for item in mains):
        return "Failed" if decisions.is_finished(pod) else "Pending"
    if decisions.is_finished(pod):
        codes = [item.state.exit_code for item in mains if isinstance(item.state, Terminated)]
        succeeded = all(code == 0 for code in codes) and len(codes) == len(mains)
        return "Succeeded" if succeeded else "Failed"
    return "Running" if all(item.ever_started for item in mains) else "Pending"


def timestamp(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as the Kubernetes API stores it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _exit_code(container: Container) -> int | None:
    if isinstance(container.state, Terminated):
        return container.state.exit_code
    return None if container.last is None else container.last.exit_code


def _conditions(pod: Pod, before: list[Object], now: datetime) -> list[Object]:
    finished = decisions.is_finished(pod)
    over = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase_of(pod), "") if finished else ""
    unready = [item.name for item in pod.of_role(Role.SIDECAR, Role.MAIN) if not _is_ready(item)]
    gates = _missing_gates(pod, before)
    containers = ("", "") if not unready and not over else _unready_reason(unready, over)
    ready = containers if containers[0] or not gates else ("ReadinessGatesNotReady", f"not true: {', '.join(gates)}")
    waiting = [i.name for i in pod.of_role(Role.INIT, Role.SIDECAR) if not lifecycle.is_init_done(i)]
    initialized = pod.initialized or not pod.of_role(Role.INIT, Role.SIDECAR)
    incomplete = ("ContainersNotInitialized", f"containers with incomplete status: [{' '.join(waiting)}]")
    wanted = [
        ("PodReadyToStartContainers", pod.prepared and not pod.released, "", ""),
        ("Initialized", initialized, *(("", "") if initialized else incomplete)),
        ("Ready", not ready[0], *ready),
        ("ContainersReady", not containers[0], *containers),
        ("PodScheduled", True, "", ""),
    ]
    foreign = [item for item in before if item.get("type") not in OWN_CONDITIONS]
    known = {str(item.get("type")): item for item in before}
    return [*foreign, *(_condition(entry, known.get(entry[0]), now) for entry in wanted)]


def _condition(entry: tuple[str, bool, str, str], before: Object | None, now: datetime) -> Object:
    kind, value, reason, message = entry
    word = "True" if value else "False"
    kept = before.get("lastTransitionTime") if before and before.get("status") == word else None
    condition: Object = {
        "type": kind,
        "status": word,
        "lastProbeTime": None,
        "lastTransitionTime": kept or timestamp(now),
    }
    if reason:
        condition |= {"reason": reason, "message": message} if message else {"reason": reason}
    return condition


def _unready_reason(unready: list[str], over: str) -> tuple[str, str]:
    return (over, "") if over else ("ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")


def _missing_gates(pod: Pod, before: list[Object]) -> list[str]:
    true = {item.get("type") for item in before if item.get("status") == "True"}
    gates = dig(pod.manifest, "spec", "readinessGates", default=[]) or []
    return [str(gate["conditionType"]) for gate in gates if gate["conditionType"] not in true]


def _is_ready(container: Container) -> bool:
    return isinstance(container.state, Running) and container.state.ready


def _container_status(container: Container) -> Object:
    state = container.state
    ready = _is_ready(container) if container.role is not Role.INIT else lifecycle.is_init_done(container)
    image = str(container.spec.get("image", ""))
    status: Object = {
        "name": container.name,
        "image": image,
        "imageID": f"sandbox://{image}" if container.ever_started else "",
        "restartCount": container.restarts,
        "ready": ready,
        "started": isinstance(state, Running) and state.started,
        "state": _state(state),
        "lastState": _state(container.last) if container.last else {},
    }
    current = state.container_id if not isinstance(state, Waiting) else container.last and container.last.container_id
    if current:
        status["containerID"] = current
    return status


def _state(state: Waiting | Running | Terminated) -> Object:
    match state:
        case Waiting(reason, message):
            return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}
        case Running():
            return {"running": {"startedAt": timestamp(state.started_at)}}
        case Terminated():
            ended: Object = {
                "exitCode": state.exit_code,
                "reason": state.reason,
                "finishedAt": timestamp(state.finished_at),
            }
            if state.started_at:
                ended["startedAt"] = timestamp(state.started_at)
            if state.message:
                ended["message"] = state.message
            if state.container_id:
                ended["containerID"] = state.container_id
            return {"terminated": ended}
