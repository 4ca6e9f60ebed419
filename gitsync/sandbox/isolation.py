"""How far a sandbox is apart from its machine: in namespaces, or (`none`) not at all. Chosen once, at the start.

Everything that differs between the two for the supervisor and the commands is here; what differs for pods is
`kubelet.housing`. Without namespaces the cluster's addresses are the API's alone: 10.244.0.5 is reached at
127.244.0.5, first octet exchanged, because all of 127.0.0.0/8 is the machine's own on Linux and nothing else may be
assumed. Only one such sandbox runs per machine (or container) at a time: the addresses are taken.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Sequence
from typing import Protocol

from gitsync.sandbox import components, errors, marks, namespaces, packages, prebuilt
from gitsync.sandbox import layout as layouts
from gitsync.sandbox.components import Component
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from gitsync.sandbox.states import State

NAMESPACES, NONE = "namespaces", "none"
CLUSTER_ADDRESS = re.compile(r"(?<![\d.])10\.(244|96)\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
LIMITS = (
    "processes: pods are processes of your user, on this machine's files and network; runAsUser, read-only roots and "
    "process namespaces are not enforced",
    "addresses: 10.244.x.y and 10.96.x.y of the API are 127.244.x.y and 127.96.x.y here, for every user of the machine",
    "ports: Flink listens on its pod's own address; of other pods two cannot have the same container port",
    "paths: container and mount paths are rewritten in commands, variables and ConfigMap files, not inside programs; a "
    "hostPath must be mounted at its own path, nothing over system folders",
    "names: JVMs know the cluster's Services and no other host; other programs know none",
    "ConfigMaps and Secrets: a running container keeps the files it started with",
)


class Isolation(Protocol):
    """One of the two ways."""

    @property
    def name(self) -> str: ...
    @property
    def user_namespace(self) -> bool: ...
    @property
    def limits(self) -> tuple[str, ...]:
        """What does not work as in a cluster, a sentence each."""

    def outer_command(self, layout: Layout) -> list[str]:
        """The start of a command line that runs the rest as the sandbox's first process and ends all with it."""

    def enter_command(self, layout: Layout, state: State) -> list[str]:
        """The start of a command line that runs the rest inside a running sandbox."""

    def network_commands(self) -> list[list[str]]: ...
    def control_plane(self, layout: Layout) -> Sequence[Component]:
        """The parts in the order of their start, the controllers last."""

    def real(self, address: str) -> str:
        """Where a process inside reaches a cluster's address."""

    def sweep(self, layout: Layout) -> None:
        """End what a sandbox that was killed has left of itself."""


class InNamespaces:
    """A network, a mount and a process namespace; the kernel ends everything with the last."""

    name = NAMESPACES
    limits: tuple[str, ...] = ()

    def __init__(self, user_namespace: bool) -> None:
        self.user_namespace = user_namespace

    def outer_command(self, layout: Layout) -> list[str]:
        return namespaces.unshare_command(self.user_namespace)

    def enter_command(self, layout: Layout, state: State) -> list[str]:
        return namespaces.enter_command(state)

    def network_commands(self) -> list[list[str]]:
        return components.network_commands()

    def control_plane(self, layout: Layout) -> Sequence[Component]:
        return prebuilt.control_plane(layout) if prebuilt.is_used(layout) else components.control_plane(layout)

    def real(self, address: str) -> str:
        return address

    def sweep(self, layout: Layout) -> None:
        return


class Plain:
    """Processes of this machine; a reaper, and a mark in their environment, tell which are the sandbox's."""

    name = NONE
    user_namespace = False
    limits = LIMITS

    def outer_command(self, layout: Layout) -> list[str]:
        return [sys.executable, "-m", "gitsync.sandbox.reaper", str(layout.dir)]

    def enter_command(self, layout: Layout, state: State) -> list[str]:
        return ["env", f"{marks.MARK}={layout.dir}"]

    def network_commands(self) -> list[list[str]]:
        return []

    def control_plane(self, layout: Layout) -> Sequence[Component]:
        return components.plain_control_plane(layout, self.real(layouts.BRIDGE_ADDRESS))

    def real(self, address: str) -> str:
        return rewritten(address)

    def sweep(self, layout: Layout) -> None:
        marks.end_marked(str(layout.dir))


def rewritten(text: str) -> str:
    """`text` with every address of the cluster as this machine has it."""
    return CLUSTER_ADDRESS.sub(r"127.\1.\2.\3", text)


def named(name: str, *, user_namespace: bool = False) -> Isolation:
    """The way of that name, nothing tried."""
    return Plain() if name == NONE else InNamespaces(user_namespace)


def of(state: State) -> Isolation:
    """The way a sandbox was started."""
    return named(state.isolation, user_namespace=state.user_namespace)


def ready(name: str, kubelet: bool, progress: Progress) -> Isolation:
    """The way of that name, with all it needs from the machine. Raises SandboxError with the remedy."""
    if name == NONE:
        if not sys.platform.startswith("linux"):
            raise errors.SandboxError("--isolation none needs Linux too: elsewhere 127.0.0.1 is the only such address")
        _check_free(Plain().real(layouts.BRIDGE_ADDRESS))
        return Plain()
    packages.ensure(kubelet, progress)
    return InNamespaces(namespaces.choose())


def _check_free(address: str) -> None:
    try:
        socket.create_server((address, layouts.API_PORT)).close()
    except OSError as error:
        raise errors.SandboxError(
            f"{address} port {layouts.API_PORT}: {error.strerror}; a machine has room for one sandbox with "
            "--isolation none, `gitsync sandbox down` ends it"
        ) from error
