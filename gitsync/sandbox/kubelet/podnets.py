"""A network namespace per pod on the sandbox's bridge, and the addresses it hands out.

Shell around `ip`. An address is not given again before the whole range was used: Java remembers names for 30 s and
would find a stranger at the address of a pod that has just ended. Interface names are the start of the pod's uid.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from gitsync.sandbox import layout

NETNS = Path("/run/netns")
BRIDGE = "br0"
VETH = re.compile(r"^\d+: (vp[0-9a-f]{10})@", re.MULTILINE)
CLEANING_S = 10.0


class NetworkError(Exception):
    """`ip` refused; the message is its own."""


class Addresses:
    """Pod addresses in turn; the first host address is the bridge's."""

    def __init__(self, network: str = layout.POD_NETWORK) -> None:
        self._network = IPv4Network(network)
        self._used: set[str] = set()
        self._next = 2
        self._lock = threading.Lock()

    def take(self) -> str:
        """A free address. Raises NetworkError when there is none."""
        with self._lock:
            for _ in range(self._network.num_addresses):
                candidate = str(self._network[self._next])
                self._next = self._next + 1 if self._next + 2 < self._network.num_addresses else 2
                if candidate not in self._used:
                    self._used.add(candidate)
                    return candidate
        raise NetworkError(f"no pod address is left in {self._network}")

    def reserve(self, addresses: Collection[str]) -> None:
        """Take those that pods have already, and go on after them."""
        with self._lock:
            own = [address for address in map(IPv4Address, addresses) if address in self._network]
            self._used.update(map(str, own))
            first = int(self._network.network_address)
            self._next = max([self._next, *(int(address) - first + 1 for address in own)])

    def give_back(self, address: str) -> None:
        with self._lock:
            self._used.discard(address)


def name_for(uid: str) -> str:
    """The namespace of a pod; short, because the veth is named alike (15 characters at most)."""
    return f"p{uid.replace('-', '')[:10]}"


def path_for(uid: str) -> Path:
    return NETNS / name_for(uid)


def create(uid: str, address: str, prefix: int = 16) -> None:
    """Make the namespace with `eth0` at `address`. Raises NetworkError."""
    name, veth = name_for(uid), f"v{name_for(uid)}"
    _ip("netns", "add", name)
    _batch(f"link add {veth} type veth peer name eth0 netns {name}\nlink set {veth} master {BRIDGE} up\n")
    _batch(
        f"link set lo up\naddr add {address}/{prefix} dev eth0\nlink set eth0 up\n"
        f"route add default via {layout.BRIDGE_ADDRESS}\n",
        "-n",
        name,
    )


def delete(uid: str) -> None:
    """Remove the namespace (and with it the veth) if it is there; every process in it must have ended."""
    if path_for(uid).exists():
        _ip("netns", "delete", name_for(uid))


def clean(kept: Collection[str] = ()) -> None:
    """End what an earlier kubelet left: processes in pod namespaces, the namespaces, the host's ends of their links.

    Those of the pods with the uids `kept` stay.
    """
    names = {name_for(uid) for uid in kept}
    limit = time.monotonic() + CLEANING_S
    while (left := _processes(names)) and time.monotonic() < limit:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    for entry in _namespaces(names):
        _ip("netns", "delete", entry.name)
    listed = subprocess.run(["ip", "-o", "link", "show", "type", "veth"], capture_output=True, text=True, check=False)
    for name in set(VETH.findall(listed.stdout)) - {f"v{name}" for name in names}:
        # The kernel removes the pair when it gets round to the dead namespace, which may be before this line or after.
        subprocess.run(["ip", "link", "delete", name], capture_output=True, check=False)


def _processes(but: Collection[str]) -> list[int]:
    found: list[int] = []
    for entry in _namespaces(but):
        done = subprocess.run(["ip", "netns", "pids", entry.name], capture_output=True, text=True, check=False)
        found += [int(word) for word in done.stdout.split()]
    return found


def _namespaces(but: Collection[str]) -> list[Path]:
    return sorted(entry for entry in NETNS.glob("p*") if entry.name not in but) if NETNS.is_dir() else []


def _ip(*arguments: str) -> None:
    _check(subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False))


def _batch(lines: str, *options: str) -> None:
    _check(subprocess.run(["ip", *options, "-batch", "-"], input=lines, capture_output=True, text=True, check=False))


def _check(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        raise NetworkError(f"`{' '.join(done.args)}` failed: {done.stderr.strip()}")
