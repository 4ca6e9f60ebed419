"""Keeps the kernel's rules equal to the Services and EndpointSlices of the moment.

Shell around `servicerules`, one thread: any change wakes it, changes that come together are one rewrite.
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


class ServiceNet:
    """`changed` may be called from anywhere, as often as one likes."""

    def __init__(self, services: Callable[[], list[Object]], slices: Callable[[], list[Object]]) -> None:
        self._services = services
        self._slices = slices
        self._wake = threading.Event()
        self._written: tuple[Port, ...] | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="services", daemon=True).start()

    def changed(self) -> None:
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            ports = servicerules.ports_of(self._services(), self._slices())
            if ports != self._written and not self._write(ports):
                threading.Timer(RETRY_S, self._wake.set).start()

    def _write(self, ports: tuple[Port, ...]) -> bool:
        rules = servicerules.ruleset(ports)
        done = subprocess.run(["nft", "-f", "-"], input=rules, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            log.error("nft refused the rules of %d service ports: %s", len(ports), done.stderr.strip())
            return False
        self._written = ports
        return True
