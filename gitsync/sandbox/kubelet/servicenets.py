"""Keeps what leads to Services equal to the Services and EndpointSlices of the moment.

One thread: any change wakes it, changes that come together are one rewrite. `KernelRules` is the shell around
`servicerules`; without a network of their own pods are led by `plainservices`.
"""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Callable

from gitsync.sandbox.kubelet import servicerules
from gitsync.sandbox.kubelet.servicerules import Port
from operator_core.jsonvalues import Object

log = logging.getLogger(__name__)

RETRY_S = 1.0
Apply = Callable[[list[Object], list[Object]], bool]
"""Makes Services and their endpoints true; False when it has to be tried again."""


class ServiceNet:
    """`changed` may be called from anywhere, as often as one likes."""

    def __init__(self, services: Callable[[], list[Object]], slices: Callable[[], list[Object]], apply: Apply) -> None:
        self._services = services
        self._slices = slices
        self._apply = apply
        self._wake = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="services", daemon=True).start()

    def changed(self) -> None:
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if not self._apply(self._services(), self._slices()):
                threading.Timer(RETRY_S, self._wake.set).start()


class KernelRules:
    """The rules of the pods' network."""

    def __init__(self) -> None:
        self._written: tuple[Port, ...] | None = None

    def apply(self, services: list[Object], slices: list[Object]) -> bool:
        """Write what changed; False when the kernel refused."""
        ports = servicerules.ports_of(services, slices)
        return ports == self._written or self._write(ports)

    def _write(self, ports: tuple[Port, ...]) -> bool:
        rules = servicerules.ruleset(ports)
        done = subprocess.run(["nft", "-f", "-"], input=rules, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            log.error("nft refused the rules of %d service ports: %s", len(ports), done.stderr.strip())
            return False
        self._written = ports
        return True
