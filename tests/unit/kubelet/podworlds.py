"""A pod driven without processes: what `decisions` asks for is pretended to happen, time moves when told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from gitsync.sandbox.kubelet import decisions, inheriting, lifecycle, podstatus
from gitsync.sandbox.kubelet.podstates import (
    Backoff,
    Changed,
    DeadlinePassed,
    Event,
    Exited,
    KillSent,
    Pod,
    Prepared,
    Released,
    Running,
    Started,
    StopSent,
    Terminated,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


def manifest(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = (), **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "namespace": "n", "uid": "u"},
        "spec": {"containers": list(containers), "initContainers": list(init), **spec},
    }


def container(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "flink:1.20", **fields}


class World:
    """`log` lists what was done, as `start a`, `stop a`, `kill a`, `remove`, ..."""

    def __init__(self, pod: dict[str, Any], backoff: Backoff | None = None) -> None:
        self.now = START
        self.backoff = backoff or Backoff()
        self.pod = inheriting.accept(pod, self.now)
        self.log: list[str] = []
        self.refuse: Callable[[str], Event | None] = lambda name: None
        self.gone = False
        self.settle()

    def settle(self) -> datetime | None:
        """Do all that is due; when the pod wants to be looked at again."""
        while not self.gone:
            actions = decisions.decide(self.pod, self.now)
            due = [action for action in actions if not isinstance(action, decisions.Wake)]
            if not due:
                return min((a.at for a in actions if isinstance(a, decisions.Wake)), default=None)
            for action in due:
                self._do(action)
        return None

    def _do(self, action: decisions.Action) -> None:
        match action:
            case decisions.Prepare():
                self.fold(Prepared("10.244.0.9"))
            case decisions.Start(name):
                self.log.append(f"start {name}")
                self.fold(self.refuse(name) or Started(name, f"{name}/{len(self.log)}"))
            case decisions.Stop(name, grace, _):
                self.log.append(f"stop {name}")
                self.fold(StopSent(name, self.now + timedelta(seconds=grace)))
            case decisions.Kill(name):
                self.log.append(f"kill {name}")
                self.fold(KillSent(name))
            case decisions.Expire():
                self.fold(DeadlinePassed())
            case decisions.Release():
                self.log.append("release")
                self.fold(Released())
            case decisions.Remove() | decisions.Discard():
                self.log.append(type(action).__name__.lower())
                self.gone = True

    def fold(self, event: Event) -> None:
        self.pod = lifecycle.advance(self.pod, event, self.now, self.backoff)

    def tell(self, event: Event) -> None:
        self.fold(event)
        self.settle()

    def exit(self, name: str, code: int = 0) -> None:
        state = self.pod.container(name).state
        assert isinstance(state, Running), state
        self.tell(Exited(name, state.container_id, code, "Completed" if code == 0 else "Error", ""))

    def delete(self, grace: int = 30) -> None:
        meta = {**self.pod.manifest["metadata"], "deletionTimestamp": "x", "deletionGracePeriodSeconds": grace}
        self.tell(Changed({**self.pod.manifest, "metadata": meta}))

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.settle()

    def phase(self) -> str:
        return podstatus.phase_of(self.pod)

    def status(self) -> dict[str, Any]:
        return podstatus.status_of(self.pod, host_ip="10.244.0.1", now=self.now)

    def condition(self, kind: str) -> str:
        return str(next(c["status"] for c in self.status()["conditions"] if c["type"] == kind))

    def is_running(self, name: str) -> bool:
        return isinstance(self.pod.container(name).state, Running)


def ended(pod: Pod, name: str) -> Terminated:
    state = pod.container(name).state
    assert isinstance(state, Terminated)
    return state
