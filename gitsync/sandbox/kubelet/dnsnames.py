"""What the cluster's names mean: Services, headless Services, named pods of either, pod addresses.

Pure, from Services and EndpointSlices. Follows "DNS for Services and Pods" (Kubernetes documentation); names outside
the cluster do not exist here, because the sandbox has no other network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gitsync.sandbox.kubelet import dnsmessages, servicerules
from gitsync.sandbox.kubelet.dnsmessages import Record
from operator_core.jsonvalues import Object, dig

DOMAIN = "cluster.local"
POD_NAME = re.compile(r"^(\d+-\d+-\d+-\d+)\.[^.]+\.pod$")


def lookup(name: str, kind: int, services: Iterable[Object], slices: Iterable[Object]) -> tuple[Record, ...] | None:
    """The records of `name` (lower case, no final dot); None when there is no such name at all."""
    if not name.endswith(f".{DOMAIN}"):
        return None
    inner = name.removesuffix(f".{DOMAIN}")
    if pod := POD_NAME.match(inner):
        return _addresses(name, kind, [pod[1].replace("-", ".")])
    labels = inner.split(".")
    if len(labels) < 3 or labels[-1] != "svc":
        return None
    namespace, service_name, rest = labels[-2], labels[-3], labels[:-3]
    service = next((item for item in services if _key(item) == (namespace, service_name)), None)
    if service is None:
        return None
    pieces = [piece for piece in slices if _owner(piece) == (namespace, service_name)]
    if len(rest) == 2 and rest[0].startswith("_"):
        return _ports(name, kind, service, pieces, (rest[0][1:], rest[1][1:]))
    return _service(name, kind, service, pieces, ".".join(rest))


def _service(name: str, kind: int, service: Object, pieces: list[Object], host: str) -> tuple[Record, ...] | None:
    external = dig(service, "spec", "externalName")
    address = str(dig(service, "spec", "clusterIP", default="None") or "None")
    if external and not host:
        return (Record(name, dnsmessages.CNAME, str(external)),)
    if address != "None":
        return None if host else _addresses(name, kind, [address])
    endpoints = _ready(pieces)
    if host:
        named = [ip for entry, ip in endpoints if entry.get("hostname") == host or ip.replace(".", "-") == host]
        return _addresses(name, kind, named) if named else None
    # A headless Service whose pods are not ready has no address yet; kube-dns says that the name does not exist.
    return _addresses(name, kind, [ip for _, ip in endpoints]) if endpoints else None


def _ports(
    name: str, kind: int, service: Object, pieces: list[Object], wanted: tuple[str, str]
) -> tuple[Record, ...] | None:
    port = next(
        (
            p
            for p in dig(service, "spec", "ports", default=[]) or []
            if p.get("name") == wanted[0] and str(p.get("protocol") or "TCP").lower() == wanted[1]
        ),
        None,
    )
    if port is None:
        return None
    target = name.split(".", 2)[2]
    if str(dig(service, "spec", "clusterIP", default="None") or "None") != "None":
        targets = [target]
    else:
        targets = [f"{entry.get('hostname') or ip.replace('.', '-')}.{target}" for entry, ip in _ready(pieces)]
    if kind != dnsmessages.SRV:
        return ()
    return tuple(Record(name, dnsmessages.SRV, f"0 100 {port['port']} {item}") for item in targets)


def _addresses(name: str, kind: int, addresses: list[str]) -> tuple[Record, ...]:
    # No AAAA, but the name exists: an empty answer, not an error, lets resolvers go on with A.
    return tuple(Record(name, dnsmessages.A, ip) for ip in sorted(set(addresses))) if kind == dnsmessages.A else ()


def _ready(pieces: list[Object]) -> list[tuple[Object, str]]:
    return [
        (entry, str(ip))
        for piece in pieces
        for entry in piece.get("endpoints") or []
        if dig(entry, "conditions", "ready", default=True) is not False
        for ip in entry.get("addresses") or []
    ]


def _key(service: Object) -> tuple[str, str]:
    return str(dig(service, "metadata", "namespace")), str(dig(service, "metadata", "name"))


def _owner(piece: Object) -> tuple[str, str]:
    label = dig(piece, "metadata", "labels", servicerules.SERVICE_LABEL, default="")
    return str(dig(piece, "metadata", "namespace")), str(label)
