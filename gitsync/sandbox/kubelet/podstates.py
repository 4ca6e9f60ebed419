"""What the kubelet knows of one pod, as values, and the events that change it.

A pod is its manifest plus one record per container; `lifecycle.advance` folds an event into it and `decisions.decide`
reads from it what to do next. Nothing here touches a process, a file or the API. Times are aware UTC datetimes.
Source of the words: Kubernetes API reference, PodStatus and ContainerStatus.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from operator_core.jsonvalues import Object, dig


class Role(StrEnum):
    """How a container takes part: runs to its end before the others, beside them from before, or is one of them."""

    INIT = "init"
    SIDECAR = "sidecar"
    MAIN = "main"


class ProbeKind(StrEnum):
    STARTUP = "startup"
    LIVENESS = "liveness"
    READINESS = "readiness"


@dataclass(frozen=True, slots=True)
class Waiting:
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """`started`: the startup probe passed or there is none. `stop_by`: SIGTERM was sent, SIGKILL follows then."""

    container_id: str
    started_at: datetime
    started: bool
    ready: bool
    unhealthy: bool = False
    stop_by: datetime | None = None
    killed: bool = False


@dataclass(frozen=True, slots=True)
class Terminated:
    container_id: str
    exit_code: int
    reason: str
    message: str
    started_at: datetime | None
    finished_at: datetime


State = Waiting | Running | Terminated


@dataclass(frozen=True, slots=True)
class Container:
    """`failures` counts the ends (or failed starts) in a row that the back-off is computed from."""

    spec: Object
    role: Role
    state: State
    last: Terminated | None = None
    restarts: int = 0
    failures: int = 0
    not_before: datetime | None = None
    ever_started: bool = False

    @property
    def name(self) -> str:
        return str(self.spec["name"])


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a pod that nobody deletes must end (`activeDeadlineSeconds`)."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Pod:
    """`prepared`: network and volumes are there. `initialized`: every init container has done its part once."""

    manifest: Object
    containers: tuple[Container, ...]
    accepted_at: datetime
    prepared: bool = False
    address: str = ""
    prepare_after: datetime | None = None
    initialized: bool = False
    halt: Halt | None = None
    vanished: bool = False
    released: bool = False

    @property
    def restart_policy(self) -> str:
        return str(dig(self.manifest, "spec", "restartPolicy", default="Always"))

    @property
    def deleting(self) -> bool:
        return bool(dig(self.manifest, "metadata", "deletionTimestamp"))

    def container(self, name: str) -> Container:
        return next(container for container in self.containers if container.name == name)

    def of_role(self, *roles: Role) -> tuple[Container, ...]:
        return tuple(container for container in self.containers if container.role in roles)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between restarts, in seconds: none before the first, then `base` doubling up to `cap`.

    A run of `reset_after` seconds is forgiven. Defaults are the kubelet's.
    """

    base: float = 10.0
    cap: float = 300.0
    reset_after: float = 600.0

    def before_restart(self, failures: int) -> float:
        return 0.0 if failures <= 1 else min(self.cap, self.base * 2.0 ** min(failures - 2, 30))

    def before_pull(self, failures: int) -> float:
        return min(self.cap, self.base * 2.0 ** min(max(failures - 1, 0), 30))


@dataclass(frozen=True, slots=True)
class Changed:
    manifest: Object


@dataclass(frozen=True, slots=True)
class Vanished:
    """The object is gone from the API: what still runs is killed without asking."""


@dataclass(frozen=True, slots=True)
class Prepared:
    address: str


@dataclass(frozen=True, slots=True)
class PrepareFailed:
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class Started:
    name: str
    container_id: str


@dataclass(frozen=True, slots=True)
class StartFailed:
    """`backed_off`: the reason that replaces `reason` once it has been published ("" when none does)."""

    name: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class BackedOff:
    name: str


@dataclass(frozen=True, slots=True)
class StopSent:
    name: str
    stop_by: datetime


@dataclass(frozen=True, slots=True)
class KillSent:
    name: str


@dataclass(frozen=True, slots=True)
class Exited:
    """`finished_at`: when, if that is not now."""

    name: str
    container_id: str
    exit_code: int
    reason: str
    message: str
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Probed:
    name: str
    container_id: str
    kind: ProbeKind
    healthy: bool


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    pass


@dataclass(frozen=True, slots=True)
class Released:
    pass


Event = (
    Changed
    | Vanished
    | Prepared
    | PrepareFailed
    | Started
    | StartFailed
    | BackedOff
    | StopSent
    | KillSent
    | Exited
    | Probed
    | DeadlinePassed
    | Released
)


def containers_of(manifest: Object) -> Iterable[tuple[Role, Object]]:
    """Container specs in starting order. An init container with restartPolicy Always is a sidecar (KEP-753)."""
    for spec in dig(manifest, "spec", "initContainers", default=[]) or []:
        yield (Role.SIDECAR if spec.get("restartPolicy") == "Always" else Role.INIT), spec
    for spec in dig(manifest, "spec", "containers", default=[]) or []:
        yield Role.MAIN, spec


def identity(manifest: Object) -> str:
    """`namespace/name`, for people."""
    return f"{dig(manifest, 'metadata', 'namespace')}/{dig(manifest, 'metadata', 'name')}"


def uid(manifest: Object) -> str:
    return str(dig(manifest, "metadata", "uid", default=""))
