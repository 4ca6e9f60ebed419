"""What pods may have of one shared machine, and which names their JVMs know. Pure.

Flink is bound to its pod's own loopback address, so its ports never meet those of another Flink pod. Any other
program may bind all addresses, so it claims the ports its pod declares for the whole machine.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from gitsync.sandbox import isolation
from gitsync.sandbox.kubelet import dnsmessages, dnsnames, environment
from gitsync.sandbox.kubelet.podstates import identity
from operator_core.jsonvalues import Object, dig


@dataclass(frozen=True, slots=True)
class Claim:
    """The container ports that a pod declares; `own_address`: it listens on its own address alone."""

    pod: str
    ports: frozenset[int]
    own_address: bool


def claim_of(manifest: Object, *, own_address: bool) -> Claim:
    """What a pod claims."""
    containers = [*dig(manifest, "spec", "containers", default=[]), *(dig(manifest, "spec", "initContainers") or [])]
    ports = {int(port["containerPort"]) for item in containers for port in item.get("ports") or []}
    return Claim(identity(manifest), frozenset(ports), own_address)


def refusal(manifest: Object, claim: Claim, others: Iterable[Claim]) -> str | None:
    """Why the pod cannot run beside the others; None when it can."""
    if dig(manifest, "spec", "hostNetwork", default=False):
        return "hostNetwork needs a node's network, which a sandbox with --isolation none does not have; leave it out"
    for other in others:
        common = sorted(claim.ports & other.ports)
        if common and not (claim.own_address and other.own_address):
            return (
                f"port {common[0]} is taken by pod {other.pod}: pods of a sandbox with --isolation none share this "
                "machine's ports; give one of them another containerPort, or end the other pod"
            )
    return None


def hosts(manifest: Object, address: str, services: list[Object], slices: list[Object]) -> str:
    """The hosts file of a pod: itself, then every Service in all its forms.

    `localhost` is the pod's address, because that is where its servers listen. The first name of an address is what a
    JVM takes for its canonical one.
    """
    namespace = str(dig(manifest, "metadata", "namespace"))
    own = f"{isolation.rewritten(address)} {environment.hostname(manifest)} localhost {socket.gethostname()}"
    lines = [own]
    for alias in dig(manifest, "spec", "hostAliases", default=[]) or []:
        lines.append(f"{alias['ip']} {' '.join(alias.get('hostnames') or [])}")
    for service in services:
        where, name = str(dig(service, "metadata", "namespace")), str(dig(service, "metadata", "name"))
        full = f"{name}.{where}.svc.{dnsnames.DOMAIN}"
        names = [full, f"{name}.{where}.svc", f"{name}.{where}", *([name] if where == namespace else [])]
        for record in dnsnames.lookup(full, dnsmessages.A, [service], slices) or ():
            if record.kind == dnsmessages.A:
                lines.append(f"{isolation.rewritten(record.data)} {' '.join(names)}")
    return "\n".join(lines) + "\n"
