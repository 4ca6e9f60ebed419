"""Where pods live: what the kubelet asks of the machine for a pod's network, processes, names and Services.

One of two ways is chosen at the start of a kubelet and asked ever after: `InNamespaces` here, or `plainhousing`
for a sandbox without namespaces. No other module of the kubelet knows which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gitsync.sandbox import layout
from gitsync.sandbox.containers import orphans, processes
from gitsync.sandbox.containers.processes import Process, Run
from gitsync.sandbox.containers.specs import ContainerSpec
from gitsync.sandbox.kubelet import podnets
from gitsync.sandbox.kubelet.dnsserver import DnsServer
from gitsync.sandbox.kubelet.keptpods import KeptPod
from gitsync.sandbox.kubelet.podstates import uid
from gitsync.sandbox.kubelet.servicenets import KernelRules
from operator_core.jsonvalues import Object, dig

Listing = Callable[[], list[Object]]


class Refused(Exception):
    """The pod wants what this way of living does not have; the message says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Lodger:
    """A pod and its address in the cluster."""

    manifest: Object
    address: str


class Housing(Protocol):
    """One of the two ways."""

    def clean(self, kept: Mapping[str, KeptPod]) -> None:
        """End what an earlier kubelet left, but for the pods `kept` by uid."""

    def real(self, address: str) -> str:
        """Where the kubelet reaches a cluster's address."""

    def make_network(self, ident: str, address: str) -> None:
        """Raises NetworkError."""

    def remove_network(self, ident: str) -> None:
        """Every process of the pod has ended; nothing happens when it has none."""

    def start(self, lodger: Lodger, spec: ContainerSpec, log: Path) -> Process:
        """Start a container of the pod. Raises Refused and OSError."""

    def adopt(self, lodger: Lodger, run: Run) -> Process:
        """Go on with a container that an earlier kubelet started."""

    def serve(self, services: Listing, slices: Listing) -> None:
        """Start what pods and the API server need of the node."""

    def apply(self, services: list[Object], slices: list[Object]) -> bool:
        """Make Services true; False when it has to be tried again."""


class InNamespaces:
    """A network namespace per pod, `bwrap` around each container, rules of the kernel for Services."""

    def __init__(self) -> None:
        self._rules = KernelRules()

    def clean(self, kept: Mapping[str, KeptPod]) -> None:
        orphans.end({run.run.monitor.pid for pod in kept.values() for run in pod.runs.values()})
        podnets.clean(kept)

    def real(self, address: str) -> str:
        return address

    def make_network(self, ident: str, address: str) -> None:
        podnets.create(ident, address)

    def remove_network(self, ident: str) -> None:
        podnets.delete(ident)

    def start(self, lodger: Lodger, spec: ContainerSpec, log: Path) -> Process:
        of_host = dig(lodger.manifest, "spec", "hostNetwork", default=False)
        return processes.start(spec, None if of_host else podnets.path_for(uid(lodger.manifest)), log)

    def adopt(self, lodger: Lodger, run: Run) -> Process:
        return processes.adopt(run)

    def serve(self, services: Listing, slices: Listing) -> None:
        DnsServer(layout.BRIDGE_ADDRESS, services, slices).start()

    def apply(self, services: list[Object], slices: list[Object]) -> bool:
        return self._rules.apply(services, slices)
