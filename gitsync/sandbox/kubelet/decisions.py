"""What to do next with a pod: prepare it, start, stop or kill a container, let it go.

Pure and level-based: reads the state, returns actions, changes nothing. The worker performs them and folds what
happened back in through `lifecycle`, so that asking again right away yields what is still missing and nothing twice.
Order and grace follow the Kubernetes documentation, "Pod Lifecycle" and "Sidecar Containers".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gitsync.sandbox.kubelet import lifecycle
from gitsync.sandbox.kubelet.podstates import Container, Pod, Role, Running, Terminated, Waiting
from operator_core.jsonvalues import dig

DEFAULT_GRACE_S = 30


@dataclass(frozen=True, slots=True)
class Prepare:
    """Make the pod's network and volumes."""


@dataclass(frozen=True, slots=True)
class Start:
    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """SIGTERM now, SIGKILL `grace` seconds later; `why` is told as an event."""

    name: str
    grace: float
    why: str


@dataclass(frozen=True, slots=True)
class Kill:
    name: str


@dataclass(frozen=True, slots=True)
class Expire:
    """The pod's activeDeadlineSeconds are over."""


@dataclass(frozen=True, slots=True)
class Release:
    """Every container has ended for good: take the network away, keep status and logs."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Everything has ended and deletion was asked for: clean up and confirm the deletion to the API."""


@dataclass(frozen=True, slots=True)
class Discard:
    """The object is gone: clean up, there is nobody to tell."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Nothing to do before `at`, unless an event comes."""

    at: datetime


Action = Prepare | Start | Stop | Kill | Expire | Release | Remove | Discard | Wake


def decide(pod: Pod, now: datetime) -> tuple[Action, ...]:
    """What is due at `now`. Empty: wait for an event."""
    running = [item for item in pod.containers if isinstance(item.state, Running)]
    if pod.vanished:
        pending = tuple(Kill(item.name) for item in running if not _killed(item))
        return pending if running else (Discard(),)
    if pod.deleting:
        grace = float(dig(pod.manifest, "metadata", "deletionGracePeriodSeconds", default=DEFAULT_GRACE_S) or 0)
        return _stop_all(pod, grace, now) if running else (Remove(),)
    if is_finished(pod):
        return _stop_all(pod, _spec_grace(pod), now) if running else () if pod.released else (Release(),)
    return _keep_running(pod, now)


def is_finished(pod: Pod) -> bool:
    """Whether no container of this pod is ever started again: it succeeded, failed or was halted."""
    if pod.halt:
        return True
    if any(_failed_for_good(pod, item) for item in pod.of_role(Role.INIT)):
        return True
    mains = pod.of_role(Role.MAIN)
    return bool(mains) and all(_ended_for_good(pod, item) for item in mains)


def _keep_running(pod: Pod, now: datetime) -> tuple[Action, ...]:
    expiry = _expiry(pod)
    if expiry and expiry <= now:
        return (Expire(),)
    wake = (Wake(expiry),) if expiry else ()
    if not pod.prepared:
        later = pod.prepare_after
        return (*wake, Wake(later) if later and later > now else Prepare())
    return (*wake, *(action for item in _due(pod) if (action := _care_for(pod, item, now)) is not None))


def _due(pod: Pod) -> list[Container]:
    """The containers whose turn it is: init containers one after the other, then all."""
    due = []
    for item in pod.of_role(Role.INIT, Role.SIDECAR):
        due.append(item)
        if not pod.initialized and not lifecycle.is_init_done(item):
            return due
    return [*(item for item in due if item.role is Role.SIDECAR), *pod.of_role(Role.MAIN)]


def _care_for(pod: Pod, container: Container, now: datetime) -> Action | None:
    state = container.state
    match state:
        case Running(unhealthy=True):
            grace = _probe_grace(container, _spec_grace(pod))
            return _stop_one(
                container, state, grace, f"Container {container.name} failed its probe, will be restarted", now
            )
        case Running():
            return None
        case Terminated(exit_code=code) if not lifecycle.will_restart(pod, container, code):
            return None
        case Waiting() | Terminated():
            later = container.not_before
            return Wake(later) if later and later > now else Start(container.name)


def _stop_all(pod: Pod, grace: float, now: datetime) -> tuple[Action, ...]:
    """Sidecars end after the containers they serve, in reverse order of their start."""
    running = [item for item in pod.containers if isinstance(item.state, Running)]
    first = [item for item in running if item.role is not Role.SIDECAR] or running[-1:]
    actions = [
        _stop_one(item, item.state, grace, f"Stopping container {item.name}", now)
        for item in (running if grace == 0 else first)
        if isinstance(item.state, Running)
    ]
    return tuple(action for action in actions if action is not None)


def _stop_one(container: Container, state: Running, grace: float, why: str, now: datetime) -> Action | None:
    if state.killed:
        return None
    if grace == 0:
        return Kill(container.name)
    if state.stop_by is None:
        return Stop(container.name, grace, why)
    # A second deletion with a shorter grace period counts from when it is seen.
    stop_by = min(state.stop_by, now + timedelta(seconds=grace))
    return Kill(container.name) if stop_by <= now else Wake(stop_by)


def _killed(container: Container) -> bool:
    return isinstance(container.state, Running) and container.state.killed


def _ended_for_good(pod: Pod, container: Container) -> bool:
    state = container.state
    return isinstance(state, Terminated) and not lifecycle.will_restart(pod, container, state.exit_code)


def _failed_for_good(pod: Pod, container: Container) -> bool:
    state = container.state
    return isinstance(state, Terminated) and state.exit_code != 0 and pod.restart_policy == "Never"


def _spec_grace(pod: Pod) -> float:
    grace = dig(pod.manifest, "spec", "terminationGracePeriodSeconds", default=None)
    return float(DEFAULT_GRACE_S if grace is None else grace)


def _probe_grace(container: Container, default: float) -> float:
    probes = (container.spec.get(key) or {} for key in ("livenessProbe", "startupProbe"))
    return float(
        next((p["terminationGracePeriodSeconds"] for p in probes if "terminationGracePeriodSeconds" in p), default)
    )


def _expiry(pod: Pod) -> datetime | None:
    seconds = dig(pod.manifest, "spec", "activeDeadlineSeconds", default=None)
    if seconds is None:
        return None
    started = dig(pod.manifest, "status", "startTime", default=None)
    begin = datetime.fromisoformat(started) if started else pod.accepted_at
    return begin + timedelta(seconds=float(seconds))
