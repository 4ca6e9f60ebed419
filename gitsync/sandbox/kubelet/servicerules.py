"""The nftables rules that make ClusterIPs work, from Services and EndpointSlices.

Pure. One table, replaced as a whole in one transaction. A port without endpoints is refused at once, as kube-proxy
does it; without that rule a connection would hang through the kernel's retransmissions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gitsync.sandbox import layout
from operator_core.jsonvalues import Object, dig

TABLE = "gitsync"
SERVICE_LABEL = "kubernetes.io/service-name"
PROTOCOLS = {"TCP": "tcp", "UDP": "udp"}


@dataclass(frozen=True, slots=True)
class Port:
    """One port of one Service: where it is asked for and who answers."""

    address: str
    protocol: str
    number: int
    endpoints: tuple[tuple[str, int], ...]


def ports_of(services: Iterable[Object], slices: Iterable[Object]) -> tuple[Port, ...]:
    """Every port of every Service that has a ClusterIP or a node port, sorted."""
    by_service: dict[tuple[str, str], list[Object]] = {}
    for piece in slices:
        name = str(dig(piece, "metadata", "labels", SERVICE_LABEL, default=""))
        by_service.setdefault((str(dig(piece, "metadata", "namespace")), name), []).append(piece)
    found: set[Port] = set()
    for service in services:
        key = (str(dig(service, "metadata", "namespace")), str(dig(service, "metadata", "name")))
        for port in dig(service, "spec", "ports", default=[]) or []:
            found |= _port(service, port, by_service.get(key, []))
    return tuple(sorted(found, key=lambda port: (port.address, port.protocol, port.number)))


def _port(service: Object, port: Object, slices: list[Object]) -> set[Port]:
    protocol = PROTOCOLS.get(str(port.get("protocol") or "TCP"))
    if protocol is None:
        return set()
    endpoints = tuple(sorted({entry for piece in slices for entry in _endpoints(piece, str(port.get("name") or ""))}))
    addresses = [str(ip) for ip in dig(service, "spec", "clusterIPs", default=[]) or []]
    found = {
        Port(ip, protocol, int(port["port"]), endpoints) for ip in addresses if ip not in ("", "None") and "." in ip
    }
    if port.get("nodePort"):
        found.add(Port(layout.BRIDGE_ADDRESS, protocol, int(port["nodePort"]), endpoints))
    return found


def _endpoints(piece: Object, port_name: str) -> list[tuple[str, int]]:
    number = next((p.get("port") for p in piece.get("ports") or [] if str(p.get("name") or "") == port_name), None)
    if number is None or piece.get("addressType") != "IPv4":
        return []
    ready = [e for e in piece.get("endpoints") or [] if dig(e, "conditions", "ready", default=True) is not False]
    return [(str(address), int(number)) for endpoint in ready for address in endpoint.get("addresses") or []]


def ruleset(ports: Iterable[Port]) -> str:
    """The input of `nft -f -`."""
    translated, refused = [], []
    for port in ports:
        match = f"ip daddr {port.address} {port.protocol} dport {port.number}"
        if port.endpoints:
            translated.append(f"{match} dnat to {_target(port.endpoints)}")
        else:
            refused.append(
                f"{match} reject with {'tcp reset' if port.protocol == 'tcp' else 'icmp type port-unreachable'}"
            )
    nat, block = "\n    ".join(translated), "\n    ".join(refused)
    return f"""table ip {TABLE} {{}}
delete table ip {TABLE}
table ip {TABLE} {{
  chain services {{
    {nat}
  }}
  chain empty {{
    {block}
  }}
  chain prerouting {{ type nat hook prerouting priority -100; jump services; }}
  chain output {{ type nat hook output priority -100; jump services; }}
  chain postrouting {{ type nat hook postrouting priority 100; ct status dnat masquerade; }}
  chain refused_forward {{ type filter hook forward priority 0; jump empty; }}
  chain refused_output {{ type filter hook output priority 0; jump empty; }}
}}
"""


def _target(endpoints: tuple[tuple[str, int], ...]) -> str:
    if len(endpoints) == 1:
        return f"{endpoints[0][0]}:{endpoints[0][1]}"
    entries = ", ".join(f"{index} : {address} . {port}" for index, (address, port) in enumerate(endpoints))
    return f"numgen random mod {len(endpoints)} map {{ {entries} }}"
