"""One pod, one thread: performs what `decisions` asks for and publishes what came of it.

The shell around the pure pod state. Events come in through an inbox from the watch, from ended processes and from
probes; each is folded into the state, then decided upon, then performed, until nothing is left to do but wait.
"""

from __future__ import annotations

import logging
import queue
import shutil
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import assert_never

from gitsync.sandbox.kubelet import (
    decisions,
    inheriting,
    keptpods,
    lifecycle,
    projections,
    starting,
    volumes,
)
from gitsync.sandbox.kubelet.decisions import Action
from gitsync.sandbox.kubelet.environment import MissingSource, Setting
from gitsync.sandbox.kubelet.keptpods import KeptPod
from gitsync.sandbox.kubelet.podnets import NetworkError
from gitsync.sandbox.kubelet.podsources import PodSources
from gitsync.sandbox.kubelet.podstates import (
    BackedOff,
    Changed,
    DeadlinePassed,
    Event,
    KillSent,
    Prepared,
    PrepareFailed,
    Released,
    Running,
    Started,
    StartFailed,
    StopSent,
    Vanished,
    identity,
    uid,
)
from gitsync.sandbox.kubelet.publishing import API_RETRY_S, StatusWriter
from gitsync.sandbox.kubelet.runs import Runs
from gitsync.sandbox.kubelet.starting import Origin, StartError
from gitsync.sandbox.kubelet.surroundings import Surroundings
from gitsync.sandbox.kubelet.volumes import VolumeError
from operator_core.errors import AgentError
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.caches import version_of

log = logging.getLogger(__name__)

VOLUME_RETRY_S = 0.2


class Worker:
    """Runs the pod `manifest` until its object is gone; then calls `ended`. `kept`: what an earlier kubelet left."""

    def __init__(
        self, manifest: Object, around: Surroundings, ended: Callable[[str], None], kept: KeptPod | None = None
    ) -> None:
        self.uid = uid(manifest)
        self.name = identity(manifest)
        self.key = (str(manifest["metadata"]["namespace"]), str(manifest["metadata"]["name"]))
        self._around = around
        self._ended = ended
        self._inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._pod = inheriting.accept(manifest, around.clock.now(), kept)
        self._address = self._pod.address
        self._places: dict[str, Path] = {}
        self._sources = PodSources(around.client, around.clock, manifest)
        meta = manifest["metadata"]
        logs = around.log_folder(meta["namespace"], meta["name"], self.uid)
        self.runs = Runs(manifest, logs, around, self._inbox.put)
        self._status = StatusWriter(around)
        self._refresh_at: datetime | None = None
        self._removed = False
        self._over = False
        if kept is not None:
            self._adopt(kept)
        threading.Thread(target=self._run, name=f"pod-{self.name}", daemon=True).start()

    def post(self, event: Event) -> None:
        """Tell the worker about something."""
        self._inbox.put(event)

    def log_of(self, container: str, previous: bool) -> Path | None:
        """The log file of the current or the previous run of a container; None when there is none."""
        found = next((item for item in self._pod.containers if item.name == container), None)
        if found is None or not found.ever_started:
            return None
        number = found.restarts - (1 if previous else 0)
        file = self.runs.log_file(container, number)
        return file if number >= 0 and file.exists() else None

    def is_running(self, container: str) -> bool:
        return any(item.name == container and isinstance(item.state, Running) for item in self._pod.containers)

    def _adopt(self, kept: KeptPod) -> None:
        for container in self._pod.containers:
            if isinstance(container.state, Running):
                self.runs.adopt(container.spec, kept.runs[container.name], kept.address, container.state)

    def _run(self) -> None:
        while not self._over:
            try:
                wake = self._settle()
            except Exception:
                # One pod's surprise must not take its thread away silently: it is tried again from the state.
                log.exception("pod %s: unforeseen error", self.name)
                wake = self._now() + timedelta(seconds=API_RETRY_S)
            if not self._over:
                self._receive(wake)

    def _receive(self, wake: datetime | None) -> None:
        limit = None if wake is None else max(0.0, (wake - self._now()).total_seconds())
        try:
            self._fold(self._inbox.get(timeout=limit))
            while True:
                self._fold(self._inbox.get_nowait())
        except queue.Empty:
            return

    def _settle(self) -> datetime | None:
        """Perform all that is due; when to look again."""
        waits: list[datetime] = []
        while not self._over:
            actions = [] if self._removed and not self._pod.vanished else decisions.decide(self._pod, self._now())
            waits = [action.at for action in actions if isinstance(action, decisions.Wake)]
            due = [action for action in actions if not isinstance(action, decisions.Wake)]
            for action in due:
                self._perform(action)
            self._publish()
            if not due:
                break
        waits += [moment for moment in (self._refresh(), self._status.due_again) if moment]
        return min(waits, default=None)

    def _perform(self, action: Action) -> None:
        match action:
            case decisions.Prepare():
                self._fold(self._prepare())
            case decisions.Start(name):
                self._start(name)
            case decisions.Stop(name, grace, why):
                self._around.teller.normal(self._pod.manifest, "Killing", why)
                self.runs.stop(name, grace)
                self._fold(StopSent(name, self._now() + timedelta(seconds=grace)))
            case decisions.Kill(name):
                self.runs.kill(name)
                self._fold(KillSent(name))
            case decisions.Expire():
                self._fold(DeadlinePassed())
            case decisions.Release():
                self._release()
                self._fold(Released())
            case decisions.Remove():
                self._remove()
            case decisions.Discard():
                self._discard()
            case decisions.Wake():
                pass
            case _:
                assert_never(action)

    def _prepare(self) -> Event:
        manifest = self._pod.manifest
        try:
            if dig(manifest, "spec", "hostNetwork", default=False):
                self._address = self._around.host_ip
            elif not self._address:
                address = self._around.addresses.take()
                self._around.housing.make_network(self.uid, address)
                self._address = address
            keptpods.write_pod(self._around.pod_folder(self.uid), self._address)
        except NetworkError as error:
            return self._prepare_failed("FailedCreatePodSandBox", str(error), API_RETRY_S)
        try:
            self._materialize()
        except (VolumeError, MissingSource, ValueError, OSError, AgentError) as error:
            return self._prepare_failed("FailedMount", f"MountVolume.SetUp failed: {error}", VOLUME_RETRY_S)
        if any(projections.is_projection(item) for item in dig(manifest, "spec", "volumes", default=[]) or []):
            self._refresh_at = self._now() + timedelta(seconds=self._around.pauses.refresh_s)
        return Prepared(self._address)

    def _prepare_failed(self, reason: str, message: str, pause: float) -> Event:
        self._around.teller.warning(self._pod.manifest, reason, message)
        return PrepareFailed(self._now() + timedelta(seconds=pause))

    def _materialize(self) -> None:
        folder = self._around.pod_folder(self.uid) / "volumes"
        self._places = volumes.prepare(self._setting(), self._sources, folder, self._sources.host_path_of)

    def _refresh(self) -> datetime | None:
        """Read the volumes of API objects again when it is time; the next time."""
        if self._refresh_at is None or self._removed or self._pod.released:
            return None
        if self._refresh_at <= self._now():
            self._refresh_at = self._now() + timedelta(seconds=self._around.pauses.refresh_s)
            try:
                self._materialize()
            except (VolumeError, MissingSource, ValueError, OSError, AgentError) as error:
                log.info("pod %s: volumes stay as they are: %s", self.name, error)
        return self._refresh_at

    def _start(self, name: str) -> None:
        container = self._pod.container(name)
        number = container.restarts + (1 if container.ever_started else 0)
        manifest, teller = self._pod.manifest, self._around.teller
        origin = Origin(self._setting(), self._sources, self._places, self._around.images)
        folder = self._around.pod_folder(self.uid) / "containers" / name / str(number)
        try:
            shutil.rmtree(folder.parent, ignore_errors=True)
            spec = starting.specify(container.spec, origin, folder)
            started_at = self._now()
            container_id = self.runs.start(container.spec, spec, self._address, number, started_at)
        except StartError as error:
            self._fold(StartFailed(name, error.reason, error.message))
            teller.warning(manifest, "Failed", f"Error: {error.reason}: {error.message}")
            if error.reason == "ErrImagePull":
                self._publish()
                teller.normal(manifest, "BackOff", f'Back-off pulling image "{container.spec.get("image")}"')
                self._fold(BackedOff(name))
            return
        self._fold(Started(name, container_id), started_at)
        teller.normal(manifest, "Pulled", f'Container image "{container.spec["image"]}" already present on machine')
        teller.normal(manifest, "Started", f"Started container {name}")

    def _release(self) -> None:
        if self._address and self._address != self._around.host_ip:
            self._around.housing.remove_network(self.uid)
            self._around.addresses.give_back(self._address)
        self._address = ""
        shutil.rmtree(self._around.pod_folder(self.uid), ignore_errors=True)

    def _remove(self) -> None:
        self._publish()
        self._release()
        meta = self._pod.manifest["metadata"]
        try:
            self._around.client.send(
                requests.delete(requests.PODS, meta["namespace"], meta["name"], uid=self.uid, grace_seconds=0)
            )
        except (errors.NotFound, errors.Conflict):
            pass  # gone already, or another pod has the name by now
        except AgentError as error:
            log.warning("pod %s: its deletion is not confirmed yet: %s", self.name, error.message)
            self._receive(self._now() + timedelta(seconds=API_RETRY_S))
            return
        self._removed = True

    def _discard(self) -> None:
        self._release()
        self._over = True
        self._ended(self.uid)

    def _publish(self) -> None:
        """Write the status if it changed. A failure is tried again later; the state is kept here."""
        if self._pod.vanished or self._removed:
            return
        answer = self._status.write(self._pod, self._now())
        if answer is not None:
            self._fold(Changed(answer))

    def _fold(self, event: Event, at: datetime | None = None) -> None:
        match event:
            case Changed(manifest) if version_of(manifest) < version_of(self._pod.manifest):
                return  # the watch is behind the answer to our own write
            case Vanished():
                log.info("pod %s is gone", self.name)
            case _:
                pass
        self._pod = lifecycle.advance(self._pod, event, at or self._now(), self._around.pauses.backoff)

    def _setting(self) -> Setting:
        around = self._around
        return Setting(self._pod.manifest, self._address, around.host_ip, around.allocatable, tuple(around.services()))

    def _now(self) -> datetime:
        return self._around.clock.now()
