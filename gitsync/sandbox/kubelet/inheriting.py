"""The state of a pod that this kubelet has not run yet, from its status and from what an earlier kubelet left.

Pure. With a record of the pod (`KeptPod`) its network, volumes and containers are still there and go on; a container
that ended meanwhile counts as running here, its end comes as an event. Without one an earlier kubelet's processes are
gone: what its status calls running has ended with 137, as a real node reports it after a restart.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gitsync.sandbox.kubelet import lifecycle
from gitsync.sandbox.kubelet.keptpods import KeptPod, KeptRun
from gitsync.sandbox.kubelet.podstates import Container, Pod, Role, Terminated, Waiting, containers_of
from operator_core.jsonvalues import Object, dig

LOST = "The container was running when the node stopped."


def accept(manifest: Object, now: datetime, kept: KeptPod | None = None) -> Pod:
    """The pod as it is taken over."""
    fresh = tuple(_fresh(role, spec, manifest) for role, spec in containers_of(manifest))
    pod = Pod(manifest, fresh, now, address=kept.address if kept else "")
    known = {
        entry["name"]: entry
        for group in ("initContainerStatuses", "containerStatuses")
        for entry in dig(manifest, "status", group, default=[]) or []
    }
    if kept is None:
        starts_over = _any_main_pending(pod)
        taken = tuple(_inherit(item, known.get(item.name), starts_over, now) for item in pod.containers)
        return replace(pod, containers=taken)
    taken = tuple(_go_on(item, known.get(item.name) or {}, kept.runs.get(item.name), now) for item in pod.containers)
    pod = replace(pod, containers=taken)
    begun = any(item.ever_started for item in pod.of_role(Role.MAIN))
    done = all(lifecycle.is_init_done(item) for item in pod.of_role(Role.INIT, Role.SIDECAR))
    return replace(pod, initialized=begun or done)


def _go_on(container: Container, known: Object, run: KeptRun | None, now: datetime) -> Container:
    ended = {dig(known, state, "terminated", "containerID") for state in ("state", "lastState")}
    if run is None or run.container_id in ended:
        return _inherit(container, known or None, False, now)
    is_told = known.get("containerID") == run.container_id
    state = lifecycle.begun(container.spec, run.container_id, run.started_at)
    if is_told and container.role is not Role.INIT:
        state = replace(state, started=bool(known.get("started")), ready=bool(known.get("ready")))
    before = dig(known, "lastState", "terminated")
    if not is_told:
        before = dig(known, "state", "terminated") or before
    last = _terminated(before, now)
    return replace(container, state=state, restarts=run.number, last=last, ever_started=True)


def _fresh(role: Role, spec: Object, manifest: Object) -> Container:
    has_init = bool(dig(manifest, "spec", "initContainers", default=None))
    return Container(spec, role, Waiting("PodInitializing" if has_init else "ContainerCreating"))


def _inherit(container: Container, known: Object | None, starts_over: bool, now: datetime) -> Container:
    if known is None:
        return container
    restarts = int(known.get("restartCount", 0))
    ended = dig(known, "state", "terminated")
    running = dig(known, "state", "running")
    last = _terminated(dig(known, "lastState", "terminated"), now)
    if ended is None and running is None:
        return replace(container, restarts=restarts, last=last, ever_started=last is not None)
    if ended is not None:
        end = _terminated(ended, now)
    else:
        started = _time(running.get("startedAt"), now)
        end = Terminated(str(known.get("containerID", "")), 137, "ContainerStatusUnknown", LOST, started, now)
    assert end is not None
    kept = replace(container, restarts=restarts, last=last, ever_started=True)
    if container.role is not Role.MAIN and starts_over:
        return replace(kept, last=end)  # a new network and new volumes: initialisation runs again
    return replace(kept, state=end, not_before=now)


def _any_main_pending(pod: Pod) -> bool:
    finished = {
        entry["name"]: dig(entry, "state", "terminated", "exitCode")
        for entry in dig(pod.manifest, "status", "containerStatuses", default=[]) or []
    }
    return any(
        lifecycle.will_restart(pod, item, 137 if finished.get(item.name) is None else int(finished[item.name]))
        for item in pod.of_role(Role.MAIN)
    )


def _terminated(value: Object | None, now: datetime) -> Terminated | None:
    if not value:
        return None
    return Terminated(
        container_id=str(value.get("containerID", "")),
        exit_code=int(value.get("exitCode", 0)),
        reason=str(value.get("reason", "")),
        message=str(value.get("message", "")),
        started_at=_time(value.get("startedAt"), now),
        finished_at=_time(value.get("finishedAt"), now),
    )


def _time(text: str | None, default: datetime) -> datetime:
    return datetime.fromisoformat(text) if text else default
