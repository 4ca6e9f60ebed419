"""What a sandbox is doing, as one document for programs and a few lines for people.

`running` needs a live supervisor that is through its start and an API server that answers; a supervisor whose
API server does not answer, that lacks a part, or that is only starting, is `broken`; no supervisor is `stopped`.
"""

from __future__ import annotations

from collections.abc import Collection

from gitsync.sandbox import access, isolation, processes, states
from gitsync.sandbox import layout as layouts
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.states import State
from operator_core.jsonvalues import Object

RUNNING, STOPPED, BROKEN = "running", "stopped", "broken"


def status(layout: Layout) -> Object:
    """Keys: dir, state, message, kubeconfig, version, kubelet, isolation, limits, pods, ports, pids, restarts."""
    supervised = states.is_supervised(layout)
    state = states.read(layout)
    pids = _live_pids(state) if supervised else {}
    pods, complaint = _pods(layout) if supervised else ([], "")
    if supervised and state.phase != states.RUNNING:
        complaint = f"{state.phase}: {state.stage}".rstrip(": ")
    elif supervised and (dead := missing_parts(state.kubelet, pids)):
        logs = ", ".join(str(layout.log(part)) for part in dead)
        complaint = f"{' and '.join(dead)} ended and will be started again; read {logs}"
    if not supervised and state.phase == states.FAILED:
        complaint = state.message
    return {
        "dir": str(layout.dir),
        "state": (BROKEN if complaint else RUNNING) if supervised else STOPPED,
        "message": complaint,
        "kubeconfig": str(layout.kubeconfig),
        "version": state.version,
        "kubelet": state.kubelet,
        "isolation": state.isolation,
        "limits": list(isolation.of(state).limits),
        "pods": pods,
        "ports": state.ports,
        "pids": pids,
        "restarts": state.restarts if supervised else {},
    }


def missing_parts(kubelet: bool, pids: Collection[str]) -> list[str]:
    """The parts that a sandbox (with or without a kubelet) should have and that are not among those alive."""
    return [part for part in layouts.LOG_NAMES if part not in pids and (kubelet or part != layouts.KUBELET)]


def render(document: Object) -> str:
    """The document as lines for a person."""
    lines = [f"sandbox     {document['state']}  {document['dir']}"]
    if document["message"]:
        lines.append(f"            {document['message']}")
    if document["state"] != STOPPED:
        lines.append(f"kubernetes  {document['version']}  https://localhost:{document['ports'].get('api', '?')}")
        lines.append(f"kubeconfig  {document['kubeconfig']}")
        lines.append(f"kubelet     {'yes' if document['kubelet'] else 'no (pods stay Pending)'}")
        lines.append(f"isolation   {document['isolation']}")
        lines += [f"            {limit}" for limit in document["limits"]]
        restarts = ", ".join(f"{name} {count}" for name, count in document["restarts"].items())
        lines += [f"restarts    {restarts}"] if restarts else []
    if pods := document["pods"]:
        names = [f"{pod['namespace']}/{pod['name']}" for pod in pods]
        width = max(map(len, names))
        ready = ["ready" if pod["ready"] else "not ready" for pod in pods]
        rows = zip(names, pods, ready, strict=True)
        lines += ["pods"] + [f"  {name:{width}}  {pod['phase']:10} {word}" for name, pod, word in rows]
    return "\n".join(lines)


def _pods(layout: Layout) -> tuple[list[Object], str]:
    try:
        items = access.Access(layout.kubeconfig).json("/api/v1/pods")["items"]
    except (access.Unanswered, OSError) as error:
        return [], str(error)
    return [access.pod_summary(item) for item in items], ""


def _live_pids(state: State) -> dict[str, int]:
    return {name: pid for name, pid in state.pids.items() if processes.is_alive(pid)}
