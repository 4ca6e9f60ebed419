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
    identity,
)
from operator_core.jsonvalues import Object

CONFIG_RETRY_S = 1.0  # a missing ConfigMap key is often seconds away


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
        case Exited(_, container_id, exit_code, reason, message, finished_at):
            if not isinstance(state, Running) or state.container_id != container_id:
                return container
            end = Terminated(container_id, exit_code, reason, message, state.started_at, finished_at or now)
            return _ended(pod, container, end, backoff)
        case Probed(_, container_id, kind, healthy):
            if not isinstance(state, Running) or state.container_id != container_id:
                return container
            return replace(container, state=_probed(state, container, kind, healthy))
        case _:
            assert_never(event)


def begun(spec: Object, container_id: str, now: datetime) -> Running:
    """A container run that no probe has asked yet."""
    started = "startupProbe" not in spec
    return Running(container_id, now, started, started and "readinessProbe" not in spec)


def _started(container: Container, container_id: str, now: datetime) -> Container:
    again = container.ever_started
    last = container.state if isinstance(container.state, Terminated) else container.last
    return replace(
        container,
        state=begun(container.spec, container_id, now),
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
