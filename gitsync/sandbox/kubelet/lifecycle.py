"""Folds events into a pod's state: what an exit, a probe result or a failed start means for a container.

Pure: the time of the event comes in as `now`. What to do about the new state is `decisions`' question, how to tell
it to the API is `podstatus`'. Restart and back-off rules: Kubernetes documentation, "Pod Lifecycle".
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from gitsync.sandbox.kubelet.podstates import (
    BackedOff,
    Backoff,
    Changed,
    Container,
    DeadlinePassed,
    Event,
    Exited,
    Halt,
    KillSent,
    Pod,
    Prepared,
    PrepareFailed,
    Probed,
    ProbeKind,
    Released,
    Role,
    Running,
    Started,
    StartFailed,
    StopSent,
    Terminated,
    Vanished,
    Waiting,
    containers_of,
    identity,
)
from operator_core.jsonvalues import Object, dig

CONFIG_RETRY_S = 1.0  # a missing ConfigMap key is often seconds away
LOST = "The container was running when the node stopped."


def accept(manifest: Object, now: datetime) -> Pod:
    """The state of a pod this kubelet has not run yet.

    What its status calls running or finished was run by an earlier kubelet whose processes are gone: a finished
    container stays finished, a running one has ended with 137 (as a real node reports it after a restart).
    """
    pod = Pod(manifest, tuple(_fresh(role, spec, manifest) for role, spec in containers_of(manifest)), now)
    known = {
        entry["name"]: entry
        for group in ("initContainerStatuses", "containerStatuses")
        for entry in dig(manifest, "status", group, default=[]) or []
    }
    return replace(pod, containers=tuple(_inherit(item, known.get(item.name), pod, now) for item in pod.containers))


def advance(pod: Pod, event: Event, now: datetime, backoff: Backoff) -> Pod:
    """The pod after `event`. Events of a container run that is no longer the current one change nothing."""
    match event:
        case Changed(manifest):
            return replace(pod, manifest=manifest)
        case Vanished():
            return replace(pod, vanished=True)
        case Prepared(address):
            return replace(pod, prepared=True, address=address, prepare_after=None)
        case PrepareFailed(retry_at):
            return replace(pod, prepare_after=retry_at)
        case DeadlinePassed():
            return replace(
                pod, halt=Halt("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
            )
        case Released():
            return replace(pod, released=True)
        case _:
            changed = _container_after(pod, pod.container(event.name), event, now, backoff)
            return _with_initialized(_with(pod, changed))


def will_restart(pod: Pod, container: Container, exit_code: int) -> bool:
    """Whether the restart policy starts this container again after that exit code."""
    if container.role is Role.SIDECAR:
        return True
    if container.role is Role.INIT:
        return exit_code != 0 and pod.restart_policy != "Never"
    return pod.restart_policy == "Always" or (pod.restart_policy == "OnFailure" and exit_code != 0)


def _container_after(
    pod: Pod,
    container: Container,
    event: Started | StartFailed | BackedOff | StopSent | KillSent | Exited | Probed,
    now: datetime,
    backoff: Backoff,
) -> Container:
    state = container.state
    match event:
        case Started(_, container_id):
            return _started(container, container_id, now)
        case StartFailed(_, reason, message):
            return _start_failed(container, reason, message, now, backoff)
        case BackedOff():
            return _image_backed_off(container)
        case StopSent(_, stop_by):
            return (
                replace(container, state=replace(state, stop_by=stop_by)) if isinstance(state, Running) else container
            )
        case KillSent():
            return replace(container, state=replace(state, killed=True)) if isinstance(state, Running) else container
        case Exited(_, container_id, exit_code, reason, message):
            if not isinstance(state, Running) or state.container_id != container_id:
                return container
            end = Terminated(container_id, exit_code, reason, message, state.started_at, now)
            return _ended(pod, container, end, backoff)
        case Probed(_, container_id, kind, healthy):
            if not isinstance(state, Running) or state.container_id != container_id:
                return container
            return replace(container, state=_probed(state, container, kind, healthy))
        case _:
            assert_never(event)


def _started(container: Container, container_id: str, now: datetime) -> Container:
    started = "startupProbe" not in container.spec
    again = container.ever_started
    last = container.state if isinstance(container.state, Terminated) else container.last
    return replace(
        container,
        state=Running(container_id, now, started, started and "readinessProbe" not in container.spec),
        last=last,
        restarts=container.restarts + (1 if again else 0),
        not_before=None,
        ever_started=True,
    )


def _start_failed(container: Container, reason: str, message: str, now: datetime, backoff: Backoff) -> Container:
    failures = container.failures + 1
    pause = backoff.before_pull(failures) if reason == "ErrImagePull" else CONFIG_RETRY_S
    last = container.state if isinstance(container.state, Terminated) else container.last
    waiting = Waiting(reason, message)
    return replace(container, state=waiting, last=last, failures=failures, not_before=now + timedelta(seconds=pause))


def _image_backed_off(container: Container) -> Container:
    state = container.state
    if not isinstance(state, Waiting) or state.reason != "ErrImagePull":
        return container
    message = f'Back-off pulling image "{container.spec.get("image", "")}": ErrImagePull: {state.message}'
    return replace(container, state=Waiting("ImagePullBackOff", message))


def _ended(pod: Pod, container: Container, end: Terminated, backoff: Backoff) -> Container:
    ran = (end.finished_at - end.started_at).total_seconds() if end.started_at else 0.0
    failures = 1 if ran >= backoff.reset_after else container.failures + 1
    ended = replace(container, state=end, failures=failures, not_before=end.finished_at)
    if pod.deleting or pod.halt or not will_restart(pod, container, end.exit_code):
        return ended
    pause = backoff.before_restart(failures)
    if pause == 0:
        return ended
    message = f"back-off {pause:g}s restarting failed container={container.name} pod={identity(pod.manifest)}"
    return replace(
        ended,
        state=Waiting("CrashLoopBackOff", message),
        last=end,
        not_before=end.finished_at + timedelta(seconds=pause),
    )


def _probed(state: Running, container: Container, kind: ProbeKind, healthy: bool) -> Running:
    match kind:
        case ProbeKind.STARTUP if healthy:
            return replace(state, started=True, ready="readinessProbe" not in container.spec)
        case ProbeKind.READINESS:
            return replace(state, ready=healthy and state.started)
        case ProbeKind.STARTUP | ProbeKind.LIVENESS:
            return state if healthy else replace(state, unhealthy=True)
        case _:
            assert_never(kind)


def _with(pod: Pod, changed: Container) -> Pod:
    return replace(pod, containers=tuple(changed if item.name == changed.name else item for item in pod.containers))


def _with_initialized(pod: Pod) -> Pod:
    if pod.initialized:
        return pod
    return replace(pod, initialized=all(is_init_done(item) for item in pod.of_role(Role.INIT, Role.SIDECAR)))


def is_init_done(container: Container) -> bool:
    """An init container is done when it ended well, a sidecar as soon as it has started."""
    state = container.state
    if container.role is Role.SIDECAR:
        return isinstance(state, Running) and state.started
    return isinstance(state, Terminated) and state.exit_code == 0


def _fresh(role: Role, spec: Object, manifest: Object) -> Container:
    has_init = bool(dig(manifest, "spec", "initContainers", default=None))
    return Container(spec, role, Waiting("PodInitializing" if has_init else "ContainerCreating"))


def _inherit(container: Container, known: Object | None, pod: Pod, now: datetime) -> Container:
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
    if container.role is not Role.MAIN and _any_main_pending(pod):
        return replace(kept, last=end)  # a new network and new volumes: initialisation runs again
    return replace(kept, state=end, not_before=now)


def _any_main_pending(pod: Pod) -> bool:
    finished = {
        entry["name"]: dig(entry, "state", "terminated", "exitCode")
        for entry in dig(pod.manifest, "status", "containerStatuses", default=[]) or []
    }
    return any(
        will_restart(pod, item, 137 if finished.get(item.name) is None else int(finished[item.name]))
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
