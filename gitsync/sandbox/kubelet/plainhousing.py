"""Pods without namespaces: local processes on loopback addresses, with ports, names and Services made good.

The shell around `plainrules`. A pod's address is this machine's own without anything being made. What a pod cannot
have here is refused when its container starts, in its status; the kubelet tries again, so that a port that becomes
free is taken.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from gitsync.sandbox import isolation, marks, processes
from gitsync.sandbox.containers import orphans, plain
from gitsync.sandbox.containers.plainroots import Impossible
from gitsync.sandbox.containers.processes import Process, Run
from gitsync.sandbox.containers.specs import ContainerSpec
from gitsync.sandbox.kubelet import plainrules
from gitsync.sandbox.kubelet.housing import Listing, Lodger, Refused
from gitsync.sandbox.kubelet.keptpods import KeptPod
from gitsync.sandbox.kubelet.plainrules import Claim
from gitsync.sandbox.kubelet.plainservices import Ways, lead_api_server
from gitsync.sandbox.kubelet.podstates import uid
from gitsync.sandbox.layout import Layout
from operator_core.jsonvalues import Object

HOSTS = "hosts"


class PlainHousing:
    """The way of a sandbox with `--isolation none`."""

    def __init__(self, folder: Path) -> None:
        self._layout = Layout(folder)
        self._lock = threading.Lock()
        self._claims: dict[str, Claim] = {}
        self._lodgers: dict[str, Lodger] = {}
        self._ways = Ways()
        self._known: tuple[list[Object], list[Object]] = ([], [])

    def clean(self, kept: Mapping[str, KeptPod]) -> None:
        keep = {run.run.monitor.pid for pod in kept.values() for run in pod.runs.values()}
        starter = os.getppid()
        reaper = processes.parent(starter)
        for pid in marks.marked(str(self._layout.dir)):
            if processes.parent(pid) == reaper and pid not in {starter, *keep}:
                orphans.end_tree(pid)

    def real(self, address: str) -> str:
        return isolation.rewritten(address)

    def make_network(self, ident: str, address: str) -> None:
        return

    def remove_network(self, ident: str) -> None:
        with self._lock:
            self._lodgers.pop(ident, None)
            if self._claims.pop(ident, None):
                self._lead()

    def start(self, lodger: Lodger, spec: ContainerSpec, log: Path) -> Process:
        self._let_in(lodger, "FLINK_HOME" in spec.environment)
        try:
            return plain.start(spec, self.real(lodger.address), self._hosts(lodger), log)
        except Impossible as error:
            raise Refused(str(error)) from error

    def adopt(self, lodger: Lodger, run: Run) -> Process:
        with self._lock:
            claim = plainrules.claim_of(lodger.manifest, own_address="FLINK_HOME" in run.environment)
            self._claims[uid(lodger.manifest)] = claim
        self._hosts(lodger)
        return plain.adopt(run)

    def serve(self, services: Listing, slices: Listing) -> None:
        lead_api_server(self._layout.egress_socket, self.real)

    def apply(self, services: list[Object], slices: list[Object]) -> bool:
        with self._lock:
            self._known = services, slices
            for lodger in self._lodgers.values():
                self._write(lodger)
            return self._lead()

    def _let_in(self, lodger: Lodger, own_address: bool) -> None:
        claim = plainrules.claim_of(lodger.manifest, own_address=own_address)
        ident = uid(lodger.manifest)
        with self._lock:
            others = [other for key, other in self._claims.items() if key != ident]
            problem = plainrules.refusal(lodger.manifest, claim, others)
            if problem:
                raise Refused(problem)
            self._claims[ident] = claim
            self._lead()

    def _lead(self) -> bool:
        claimed = {port for claim in self._claims.values() if not claim.own_address for port in claim.ports}
        return self._ways.apply(*self._known, claimed)

    def _hosts(self, lodger: Lodger) -> Path:
        with self._lock:
            self._lodgers[uid(lodger.manifest)] = lodger
            return self._write(lodger)

    def _write(self, lodger: Lodger) -> Path:
        """The names that the JVMs of a pod know; they read the file at every look-up."""
        file = self._layout.pods / uid(lodger.manifest) / HOSTS
        scratch = file.with_suffix(".new")
        scratch.write_text(plainrules.hosts(lodger.manifest, lodger.address, *self._known), encoding="utf-8")
        scratch.rename(file)
        return file
