"""What every pod worker of one node shares: connections, clock, folders, and the node's own facts.

Wired once by `kubelet`; holds no state of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitsync.sandbox.kubelet.housing import Housing
from gitsync.sandbox.kubelet.imagestore import ImageStore
from gitsync.sandbox.kubelet.logtimes import LogTimes
from gitsync.sandbox.kubelet.memorywatch import MemoryWatch
from gitsync.sandbox.kubelet.podnets import Addresses
from gitsync.sandbox.kubelet.podstates import Backoff
from gitsync.sandbox.kubelet.telling import Teller
from operator_core.jsonvalues import Object
from operator_core.kube.client import Client
from operator_core.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Pauses:
    """`backoff` between restarts; `refresh_s`: how often volumes of API objects are read again."""

    backoff: Backoff
    refresh_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`services` gives all Services."""

    client: Client
    clock: Clock
    teller: Teller
    memory: MemoryWatch
    log_times: LogTimes
    images: ImageStore
    addresses: Addresses
    services: Callable[[], list[Object]]
    housing: Housing
    pauses: Pauses
    folder: Path
    host_ip: str
    allocatable: Mapping[str, str]

    def pod_folder(self, uid: str) -> Path:
        """Volumes and container files of one pod; removed with it."""
        return self.folder / "pods" / uid

    def log_folder(self, namespace: str, name: str, uid: str) -> Path:
        """Logs of one pod; outlive it."""
        return self.folder / "logs" / "pods" / f"{namespace}_{name}_{uid}"
