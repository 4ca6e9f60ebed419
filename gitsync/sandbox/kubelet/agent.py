"""The kubelet put together: watches, pod workers, binding, Services, names, logs, heartbeats.

Everything is wired here by hand and nothing is decided. On start it goes on with the pods an earlier kubelet has left
running, ends what else that one left behind, and runs every other pod bound to the node from its status on.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from pathlib import Path

from gitsync.sandbox import layout
from gitsync.sandbox.containers import orphans
from gitsync.sandbox.containers.processes import Process
from gitsync.sandbox.kubelet import keptpods, nodes
from gitsync.sandbox.kubelet.binding import Binder
from gitsync.sandbox.kubelet.heartbeats import Heartbeats
from gitsync.sandbox.kubelet.housing import Housing
from gitsync.sandbox.kubelet.imagestore import ImageStore
from gitsync.sandbox.kubelet.keptpods import KeptPod
from gitsync.sandbox.kubelet.logtimes import LogTimes
from gitsync.sandbox.kubelet.memorywatch import MemoryWatch
from gitsync.sandbox.kubelet.nodes import Machine
from gitsync.sandbox.kubelet.podlogs import LogFile
from gitsync.sandbox.kubelet.podnets import Addresses
from gitsync.sandbox.kubelet.podserver import Pods, PodServer
from gitsync.sandbox.kubelet.podstates import Changed, Vanished, uid
from gitsync.sandbox.kubelet.servicenets import ServiceNet
from gitsync.sandbox.kubelet.surroundings import Pauses, Surroundings
from gitsync.sandbox.kubelet.telling import Teller
from gitsync.sandbox.kubelet.workers import Worker
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.kube.events import Recorder
from operator_core.runtime.clock import Clock

log = logging.getLogger(__name__)

PORT = 10250
KEPT_LOGS = 200
SYNC_PATIENCE_S = 10.0


class Kubelet:
    """One node. `start` returns when it is ready."""

    def __init__(self, folder: Path, client: Client, clock: Clock, pauses: Pauses, housing: Housing) -> None:
        self._folder = folder
        self._housing = housing
        self._machine = Machine(os.cpu_count() or 1, _memory(), layout.BRIDGE_ADDRESS, PORT)
        self._workers: dict[str, Worker] = {}
        self._kept: dict[str, KeptPod] = {}
        self._lock = threading.Lock()
        self._teller = Teller(Recorder(client, clock, component="kubelet", instance=nodes.NAME), clock)
        self._pods = Cache(client, requests.PODS, on_change=self._pod_changed)
        self._net = ServiceNet(lambda: self._services.items(), lambda: self._slices.items(), housing.apply)
        self._services = Cache(client, requests.SERVICES, on_change=lambda *_: self._net.changed())
        self._slices = Cache(client, requests.ENDPOINT_SLICES, on_change=lambda *_: self._net.changed())
        offered = nodes.capacity(self._machine)
        self._binder = Binder(client, clock, self._teller, self._pods.items, offered)
        self._heartbeats = Heartbeats(client, clock, self._machine)
        self._around = Surroundings(
            client=client,
            clock=clock,
            teller=self._teller,
            memory=MemoryWatch(),
            log_times=LogTimes(),
            images=ImageStore(folder),
            addresses=Addresses(),
            services=self._services.items,
            housing=housing,
            pauses=pauses,
            folder=folder,
            host_ip=layout.BRIDGE_ADDRESS,
            allocatable=offered,
        )

    def start(self) -> None:
        self._kept = keptpods.read(self._folder / "pods")
        self._around.addresses.reserve([pod.address for pod in self._kept.values()])
        self._clean()
        for cache in (self._services, self._slices):
            cache.start()
        self._net.start()
        self._housing.serve(self._services.items, self._slices.items)
        self._serve_pods()
        self._services.wait_synced(10)
        self._heartbeats.register()
        self._pods.start()
        threading.Thread(target=self._end_unclaimed, name="unclaimed", daemon=True).start()

    def stop(self) -> None:
        """Let the node go quiet; pods end with the process namespace."""
        self._heartbeats.stop()
        for cache in (self._pods, self._services, self._slices):
            cache.stop()

    def _clean(self) -> None:
        self._housing.clean(self._kept)
        pods = self._folder / "pods"
        for left in pods.iterdir() if pods.is_dir() else ():
            if left.name not in self._kept:
                shutil.rmtree(left, ignore_errors=True)
        logs = self._folder / "logs" / "pods"
        old = sorted(logs.iterdir(), key=lambda path: path.stat().st_mtime) if logs.is_dir() else []
        for entry in old[:-KEPT_LOGS]:
            shutil.rmtree(entry, ignore_errors=True)

    def _end_unclaimed(self) -> None:
        """End the pods whose objects vanished while no kubelet ran."""
        while not self._pods.wait_synced(SYNC_PATIENCE_S):
            log.info("the pods are not known yet")
        with self._lock:
            unclaimed, self._kept = self._kept, {}
        for ident, pod in unclaimed.items():
            for kept in pod.runs.values():
                if kept.run.monitor.is_alive():
                    orphans.end_tree(kept.run.monitor.pid)
            self._housing.remove_network(ident)
            self._around.addresses.give_back(pod.address)
            shutil.rmtree(self._around.pod_folder(ident), ignore_errors=True)

    def _serve_pods(self) -> None:
        files = layout.Layout(self._folder)
        # The API server's own certificate names the bridge's address too, and the API server is the only client.
        certificate = (files.authority, files.certs / "apiserver.key")
        address = self._housing.real(layout.BRIDGE_ADDRESS)
        PodServer((address, PORT), certificate, Pods(self._find_log, self._find_process)).start()

    def _pod_changed(self, kind: str, pod: Object) -> None:
        ident = uid(pod)
        name = (dig(pod, "metadata", "namespace"), dig(pod, "metadata", "name"))
        with self._lock:
            namesakes = [w for w in self._workers.values() if w.key == name and w.uid != ident]
            worker = self._workers.get(ident)
            if worker is None and kind != "DELETED" and dig(pod, "spec", "nodeName") == nodes.NAME:
                self._workers[ident] = Worker(pod, self._around, self._forget, self._kept.pop(ident, None))
        for other in namesakes:
            other.post(Vanished())
        if worker is not None:
            worker.post(Vanished() if kind == "DELETED" else Changed(pod))
        elif kind != "DELETED":
            self._binder.offer(pod)

    def _forget(self, ident: str) -> None:
        with self._lock:
            self._workers.pop(ident, None)

    def _find(self, namespace: str, pod: str) -> Worker | None:
        with self._lock:
            return next((w for w in self._workers.values() if w.key == (namespace, pod)), None)

    def _find_process(self, namespace: str, pod: str, container: str) -> Process | None:
        worker = self._find(namespace, pod)
        return worker.runs.process(container) if worker else None

    def _find_log(self, namespace: str, pod: str, container: str, previous: bool) -> LogFile | None:
        worker = self._find(namespace, pod)
        file = worker.log_of(container, previous) if worker else None
        if worker is None or file is None:
            return None
        return LogFile(
            file, lambda: not previous and worker.log_of(container, False) == file and worker.is_running(container)
        )


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
