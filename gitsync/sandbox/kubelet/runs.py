"""The running containers of one pod: their processes, probes, hooks and log files.

Shell beneath the pod worker. Starting, stopping and killing happen here, what to start or stop is decided elsewhere;
ends and probe verdicts go back as events.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gitsync.sandbox.containers.processes import End, Process
from gitsync.sandbox.containers.specs import ContainerSpec
from gitsync.sandbox.kubelet import hooks, keptpods, lifecycle, probing, quantities
from gitsync.sandbox.kubelet.housing import Lodger, Refused
from gitsync.sandbox.kubelet.keptpods import KeptRun
from gitsync.sandbox.kubelet.podstates import Event, Exited, Probed, Running, uid
from gitsync.sandbox.kubelet.probing import Target, Told
from gitsync.sandbox.kubelet.starting import StartError
from gitsync.sandbox.kubelet.surroundings import Surroundings
from operator_core.jsonvalues import Object, dig

LOST = "The container's monitor died, so nobody saw how it ended."


@dataclass(frozen=True, slots=True)
class Run:
    container_id: str
    target: Target
    told: Told


class Runs:
    """At most one run per container of the pod `manifest`."""

    def __init__(self, manifest: Object, logs: Path, around: Surroundings, post: Callable[[Event], None]) -> None:
        self._manifest = manifest
        self._logs = logs
        self._around = around
        self._post = post
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def log_file(self, name: str, number: int) -> Path:
        """The log of the container's n-th run, from 0."""
        return self._logs / name / f"{number}.log"

    def process(self, name: str) -> Process | None:
        """The running process of a container."""
        with self._lock:
            run = self._runs.get(name)
        return run.target.process if run else None

    def start(self, container: Object, spec: ContainerSpec, address: str, number: int, now: datetime) -> str:
        """Start a container; its new id. Raises StartError."""
        name = str(container["name"])
        log = self.log_file(name, number)
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            process = self._around.housing.start(Lodger(self._manifest, address), spec, log)
        except Refused as error:
            raise StartError("CreateContainerConfigError", str(error)) from error
        except OSError as error:
            raise StartError("CreateContainerError", f"the container cannot be started: {error}") from error
        container_id = f"process://{uid(self._manifest)}/{name}/{number}"
        keptpods.write_run(KeptRun(container_id, number, now, process.run))
        target = Target(container, self._around.housing.real(address), process)
        self._begin(target, lifecycle.begun(container, container_id, now))
        hooks.after_start(target, lambda message: self._hook_failed(name, message))
        return container_id

    def adopt(self, container: Object, kept: KeptRun, address: str, state: Running) -> None:
        """Go on with a container that an earlier kubelet started."""
        housing = self._around.housing
        process = housing.adopt(Lodger(self._manifest, address), kept.run)
        self._begin(Target(container, housing.real(address), process), state)

    def _begin(self, target: Target, state: Running) -> None:
        process, container, container_id = target.process, target.container, state.container_id
        name = str(container["name"])
        told = Told(
            lambda kind, healthy: self._post(Probed(name, container_id, kind, healthy)),
            lambda kind, message: self._probe_failed(message),
        )
        with self._lock:
            self._runs[name] = Run(container_id, target, told)
        limit = dig(container, "resources", "limits", "memory")
        if limit is not None:
            self._around.memory.add(process, int(quantities.parse(limit)))
        self._around.log_times.add(process.log)
        process.watch(lambda end: self._ended(name, container_id, end))
        probing.begin(target, told, state)

    def stop(self, name: str, grace: float) -> None:
        """Run the container's preStop hook, then SIGTERM; returns at once."""
        run = self._run(name)
        if run is None:
            return
        run.told.stop.set()
        hooks.before_stop(run.target, grace, lambda: run.target.process.signal(signal.SIGTERM))

    def kill(self, name: str) -> None:
        run = self._run(name)
        if run is not None:
            run.told.stop.set()
            run.target.process.kill()

    def _run(self, name: str) -> Run | None:
        with self._lock:
            return self._runs.get(name)

    def _ended(self, name: str, container_id: str, end: End) -> None:
        with self._lock:
            run = self._runs.pop(name)
        run.told.stop.set()
        process, declared = run.target.process, run.target.container
        self._around.memory.discard(process)
        self._around.log_times.discard(process.log)
        if end.failure:
            self._post(Exited(name, container_id, end.exit_code, "StartError", f"failed to start: {end.failure}"))
            return
        reason = "OOMKilled" if process.out_of_memory else "Completed" if end.exit_code == 0 else "Error"
        if end.lost:
            self._post(Exited(name, container_id, end.exit_code, "ContainerStatusUnknown", LOST))
            return
        policy = str(declared.get("terminationMessagePolicy") or "File")
        message = process.termination_message(policy, end.exit_code)
        finished_at = None if end.ended_at is None else datetime.fromtimestamp(end.ended_at, UTC)
        self._post(Exited(name, container_id, end.exit_code, reason, message, finished_at))

    def _probe_failed(self, message: str) -> None:
        self._around.teller.warning(self._manifest, "Unhealthy", message)

    def _hook_failed(self, name: str, message: str) -> None:
        self._around.teller.warning(self._manifest, "FailedPostStartHook", message)
        self.kill(name)
