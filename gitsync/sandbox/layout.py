"""The folder of one sandbox: which file is where, and what the sandbox's own addresses are.

Every part of the sandbox finds the others' files through this module. It reads and writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BRIDGE_ADDRESS = "10.244.0.1"
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
KUBERNETES_SERVICE_ADDRESS = "10.96.0.1"
API_PORT = 6443
ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
KUBELET = "kubelet"
RELAY = "relay"  # only beside an API server that was not built here
LOG_NAMES = {ETCD: "etcd", API_SERVER: "apiserver", CONTROLLER_MANAGER: "controller-manager", KUBELET: "kubelet"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one sandbox's folder (absolute)."""

    dir: Path

    @property
    def kubeconfig(self) -> Path:
        """For every client on this machine."""
        return self.dir / "kubeconfig"

    @property
    def kubeconfig_inside(self) -> Path:
        """For processes in the sandbox's network namespace."""
        return self.dir / "kubeconfig-inside"

    @property
    def certs(self) -> Path:
        return self.dir / "certs"

    @property
    def authority(self) -> Path:
        """What clients verify the API server with."""
        return self.certs / "apiserver.crt"

    @property
    def tokens(self) -> Path:
        return self.certs / "tokens.csv"

    @property
    def egress(self) -> Path:
        """How the API server of a sandbox without namespaces reaches nodes and pods."""
        return self.dir / "egress.json"

    @property
    def egress_socket(self) -> Path:
        """Where the kubelet of such a sandbox takes the API server's connections to nodes and pods."""
        return self.dir / "egress"

    @property
    def bin(self) -> Path:
        return self.dir / "bin"

    @property
    def etcd(self) -> Path:
        return self.dir / "etcd"

    @property
    def pods(self) -> Path:
        return self.dir / "pods"

    @property
    def images(self) -> Path:
        return self.dir / "images"

    @property
    def state(self) -> Path:
        return self.dir / "state.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.dir / "supervisor.lock"

    def log(self, part: str) -> Path:
        """The log of a component, or of the supervisor."""
        return self.dir / "logs" / f"{LOG_NAMES.get(part, part)}.log"
