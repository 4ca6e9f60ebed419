"""The process that is the sandbox: makes the namespaces, starts the parts in order, restarts what ends.

Runs detached as `python -m gitsync.sandbox.supervisor --dir DIR`; `up` starts it and reads its state file. It
ends on SIGTERM (and, with --lifeline, when its standard input closes): the kubelet first, etcd last, then the
namespaces and with them whatever is left. Knows nothing about pods.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gitsync.sandbox import (
    building,
    components,
    errors,
    identity,
    isolation,
    ports,
    prebuilt,
    processes,
    pulls,
    states,
)
from gitsync.sandbox import layout as layouts
from gitsync.sandbox.access import Access
from gitsync.sandbox.components import Component
from gitsync.sandbox.isolation import Isolation
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.outer import Outer, Wakeup

START_DEADLINE_S = 120.0
POLL_S = 0.05
STARTING_FAILURES = 3  # a part that ends so often before the sandbox is up will not come up
RESTART_DELAYS_S = (0.2, 1.0, 2.0, 5.0, 10.0)
STEADY_S = 60.0  # a part that ran so long starts again with the first delay
STOP_PATIENCE_S = {
    layouts.KUBELET: 15.0,
    layouts.CONTROLLER_MANAGER: 2.0,
    layouts.RELAY: 1.0,
    layouts.API_SERVER: 3.0,
    layouts.ETCD: 5.0,
}


class Ended(Exception):
    """Somebody asked the supervisor to end."""


@dataclasses.dataclass(slots=True)
class Part:
    """A component and how it fares: `pid` inside the namespaces, 0 while it does not run."""

    component: Component
    pid: int = 0
    started_at: float = 0.0
    failures: int = 0
    due: float | None = None


class Supervisor:
    """One run of one sandbox."""

    def __init__(self, layout: Layout, kubelet: bool, isolated: Isolation, wakeup: Wakeup) -> None:
        self._layout = layout
        self._kubelet = kubelet
        self._isolation = isolated
        self._wakeup = wakeup
        self._parts: dict[str, Part] = {}
        self._outer: Outer | None = None
        self._pulls = pulls.Pulls(layout)
        version = prebuilt.version(layout) if prebuilt.is_used(layout) else building.kubernetes_version()
        self._state = states.State(states.STARTING, "prepare", kubelet=kubelet, version=version, started_at=time.time())
        self._state = dataclasses.replace(
            self._state,
            pids={"supervisor": os.getpid()},
            isolation=isolated.name,
            user_namespace=isolated.user_namespace,
        )

    def run(self) -> None:
        """Live until asked to end. Raises SandboxError when the sandbox does not come up."""
        try:
            self._bring_up()
            while True:
                self._turn(pulls.INTERVAL_S if self._kubelet else None)
        except Ended:
            self._record(phase=states.STOPPING, stage="stop")
        except errors.SandboxError as error:
            self._record(phase=states.FAILED, message=str(error))
            raise
        finally:
            self._take_down()
        self._record(phase=states.STOPPED, stage="")

    def _bring_up(self) -> None:
        layout = self._layout
        self._isolation.sweep(layout)
        previous = states.read(layout).ports.get("api")
        listener = ports.listen(previous, ports.first_choice(str(layout.dir)))
        api_port = listener.getsockname()[1]
        self._record(ports={"api": api_port})
        identity.write(layout, api_port, self._isolation.real(layouts.BRIDGE_ADDRESS))
        self._record(stage="namespaces")
        outer = self._outer = Outer(self._isolation.outer_command(layout), listener)
        self._wakeup.watch(outer, self._hear)
        self._record(pids=self._state.pids | {"unshare": outer.process.pid, "child": outer.child})
        for command in self._isolation.network_commands():
            outer.run(command)
        api = Access(layout.kubeconfig)
        *first, controllers = self._isolation.control_plane(layout)
        for component in first:
            self._start(component)
        self._until("API server", api.is_ready)
        self._start(controllers)
        self._until("controllers", api.accepts_pods)
        if self._kubelet:
            since = time.time() - 1.0
            self._start(components.kubelet(layout, self._isolation.name))
            self._until("node", lambda: api.node_is_ready(since))
        self._record(phase=states.RUNNING, stage="")

    def _until(self, stage: str, condition: Callable[[], bool]) -> None:
        self._record(stage=stage)
        deadline = time.monotonic() + START_DEADLINE_S
        while not condition():
            self._turn(POLL_S)
            for part in self._parts.values():
                if part.failures >= STARTING_FAILURES:
                    raise errors.SandboxError(self._complaint(part.component.name, "ends again and again"))
            if time.monotonic() > deadline:
                raise errors.SandboxError(
                    f"{stage}: not ready after {START_DEADLINE_S:.0f} s; read the logs in {self._layout.dir / 'logs'}"
                )

    def _complaint(self, name: str, what: str) -> str:
        log = self._layout.log(name)
        return f"{name} {what}: {processes.last_line(log)} (read {log})"

    def _start(self, component: Component) -> None:
        assert self._outer is not None
        part = self._parts.setdefault(component.name, Part(component))
        part.pid = self._outer.start(component, self._layout.log(component.name))
        part.started_at, part.due = time.monotonic(), None
        host_pid = processes.host_pid(self._outer.child, part.pid)
        self._record(pids=self._state.pids | {component.name: host_pid})

    def _turn(self, limit: float | None) -> None:
        """Wait for something to happen (at most `limit` seconds), then start again what is due."""
        now = time.monotonic()
        waits = [part.due - now for part in self._parts.values() if part.due is not None]
        if limit is not None:
            waits.append(limit)
        self._wakeup.wait(max(0.0, min(waits)) if waits else None)
        if self._wakeup.ending:
            raise Ended
        now = time.monotonic()
        for part in self._parts.values():
            if part.due is not None and part.due <= now:
                self._start(part.component)
        if self._kubelet:
            self._pulls.turn()

    def _hear(self) -> None:
        assert self._outer is not None
        for message in self._outer.receive():
            if "exited" in message:
                self._note_exit(self._parts[message["exited"]], message["code"])

    def _note_exit(self, part: Part, code: int) -> None:
        now = time.monotonic()
        part.failures = 1 if now - part.started_at > STEADY_S else part.failures + 1
        part.pid = 0
        part.due = now + RESTART_DELAYS_S[min(part.failures, len(RESTART_DELAYS_S)) - 1]
        name = part.component.name
        print(f"{name} ended with code {code}; next start in {part.due - now:.1f} s", flush=True)
        restarts = self._state.restarts | {name: self._state.restarts.get(name, 0) + 1}
        self._record(restarts=restarts, pids={key: pid for key, pid in self._state.pids.items() if key != name})

    def _take_down(self) -> None:
        self._pulls.close()
        outer = self._outer
        if outer is None:
            return
        try:
            for name, patience in STOP_PATIENCE_S.items():
                self._stop(outer, self._parts.get(name), patience)
        except errors.SandboxError as error:
            print(f"while stopping: {error}", flush=True)
        self._wakeup.forget(outer)
        outer.close()
        self._isolation.sweep(self._layout)
        self._record(pids={}, stage="")

    def _stop(self, outer: Outer, part: Part | None, patience: float) -> None:
        if part is None:
            return
        deadline = time.monotonic() + patience
        if part.pid:
            outer.signal(part.pid, signal.SIGTERM)
        while part.pid and time.monotonic() < deadline:
            self._wakeup.wait(POLL_S)
        if part.pid:
            outer.signal(part.pid, signal.SIGKILL)
        part.due = None

    def _record(self, **changes: object) -> None:
        self._state = dataclasses.replace(self._state, **changes)  # type: ignore[arg-type]
        states.write(self._layout, self._state)


def main() -> int:
    """Run the sandbox of --dir until it is told to end; 3 when it does not come up."""
    parser = argparse.ArgumentParser(prog="gitsync.sandbox.supervisor")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--no-kubelet", action="store_true")
    parser.add_argument("--user-namespace", action="store_true")
    parser.add_argument("--isolation", choices=(isolation.NAMESPACES, isolation.NONE), default=isolation.NAMESPACES)
    parser.add_argument("--lifeline", action="store_true", help="end when standard input closes")
    options = parser.parse_args()
    layout = Layout(options.dir.resolve())
    wakeup = Wakeup(sys.stdin.fileno() if options.lifeline else None)
    try:
        with states.hold(layout):
            way = isolation.named(options.isolation, user_namespace=options.user_namespace)
            Supervisor(layout, not options.no_kubelet, way, wakeup).run()
    except errors.SandboxError as error:
        print(error, file=sys.stderr, flush=True)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
