"""The processes of the control plane: their command lines and the files they identify themselves by.

Pure values from a folder and a port. When they are started and what happens when one ends is the
supervisor's.
"""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass, replace

from gitsync.sandbox import layout as layouts
from gitsync.sandbox.layout import Layout

OUTSIDE_FD = 3  # where the API server finds the host's listening socket
SERVER_NAMES = (
    "kubernetes.default.svc",
    "kubernetes.default",
    "kubernetes",
    "kubernetes.default.svc.cluster.local",
    "localhost",
)
SERVER_ADDRESSES = (layouts.BRIDGE_ADDRESS, layouts.KUBERNETES_SERVICE_ADDRESS, "127.0.0.1")
PLAIN_ADDRESS = layouts.BRIDGE_ADDRESS.replace("10.", "127.", 1)  # see `isolation`
# No cloud, no bootstrap tokens, one node whose pod addresses the kubelet chooses, no attachable volumes.
DISABLED_CONTROLLERS = ("bootstrap-signer", "token-cleaner", "node-ipam", "persistentvolume-attach-detach")


@dataclass(frozen=True, slots=True)
class Component:
    """A process to keep running: `argv` in full; `outside` says that it gets the host's listening socket."""

    name: str
    argv: tuple[str, ...]
    outside: bool = False


def etcd(layout: Layout) -> Component:
    return Component(layouts.ETCD, (str(layout.bin / layouts.ETCD), f"--data-dir={layout.etcd}"))


def api_server(layout: Layout) -> Component:
    """Self-made certificate, one static token, RBAC and the default admission plugins (ServiceAccount among them)."""
    issuer = "https://kubernetes.default.svc"
    return Component(
        layouts.API_SERVER,
        (
            str(layout.bin / layouts.API_SERVER),
            f"--outside-fd={OUTSIDE_FD}",
            f"--secure-port={layouts.API_PORT}",
            "--bind-address=0.0.0.0",
            f"--advertise-address={layouts.BRIDGE_ADDRESS}",
            f"--service-cluster-ip-range={layouts.SERVICE_NETWORK}",
            f"--tls-cert-file={layout.authority}",
            f"--tls-private-key-file={layout.certs / 'apiserver.key'}",
            f"--service-account-issuer={issuer}",
            f"--api-audiences={issuer}",
            f"--service-account-key-file={layout.certs / 'sa.key'}",
            f"--service-account-signing-key-file={layout.certs / 'sa.key'}",
            f"--token-auth-file={layout.tokens}",
            "--authorization-mode=Node,RBAC",
            "--kubelet-preferred-address-types=InternalIP",
            "--allow-privileged=true",
            "--profiling=false",
            "--etcd-servers=http://127.0.0.1:2379",
        ),
        outside=True,
    )


def controller_manager(layout: Layout) -> Component:
    disabled = ",".join(f"-{name}-controller" for name in DISABLED_CONTROLLERS)
    return Component(
        layouts.CONTROLLER_MANAGER,
        (
            str(layout.bin / layouts.CONTROLLER_MANAGER),
            f"--kubeconfig={layout.kubeconfig_inside}",
            f"--root-ca-file={layout.authority}",
            f"--service-account-private-key-file={layout.certs / 'sa.key'}",
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
            "--use-service-account-credentials=false",
            f"--controllers=*,{disabled}",
        ),
    )


def control_plane(layout: Layout) -> tuple[Component, Component, Component]:
    """etcd, API server and controller manager, in the order of their start."""
    return etcd(layout), api_server(layout), controller_manager(layout)


def plain_control_plane(layout: Layout, address: str) -> tuple[Component, Component, Component]:
    """The same without a network of its own: on `address` alone, nodes and pods through the kubelet's proxy."""
    store = f"http://{address}:2379"
    first = etcd(layout)
    first = replace(
        first, argv=(*first.argv, f"--listen-client-url={store}", f"--listen-peer-url=http://{address}:2380")
    )
    server = api_server(layout)
    changed = {"--bind-address": address, "--etcd-servers": store}
    words = [
        f"{name}={changed.get(name, value)}" for name, _, value in (word.partition("=") for word in server.argv[1:])
    ]
    words.append(f"--egress-selector-config-file={layout.egress}")
    return first, replace(server, argv=(server.argv[0], *words)), controller_manager(layout)


def egress(layout: Layout) -> str:
    """The API server's way to nodes and pods (Kubernetes API reference, EgressSelectorConfiguration)."""
    transport = {"uds": {"udsName": str(layout.egress_socket)}}
    way = {"name": "cluster", "connection": {"proxyProtocol": "HTTPConnect", "transport": transport}}
    kind = {"apiVersion": "apiserver.k8s.io/v1beta1", "kind": "EgressSelectorConfiguration"}
    return json.dumps(kind | {"egressSelections": [way]}, indent=1) + "\n"


def kubelet(layout: Layout, isolation: str) -> Component:
    words = ("-m", "gitsync.sandbox.kubelet", "--dir", str(layout.dir), "--isolation", isolation)
    return Component(layouts.KUBELET, (sys.executable, *words))


def certificates_command(layout: Layout) -> list[str]:
    """Makes apiserver.crt, apiserver.key and sa.key where they are missing or old."""
    names, addresses = ",".join(SERVER_NAMES), ",".join((*SERVER_ADDRESSES, PLAIN_ADDRESS))
    program = str(layout.bin / "certificates")
    return [program, f"--dir={layout.certs}", f"--dns={names}", f"--ip={addresses}"]


def network_commands() -> list[list[str]]:
    """What makes fresh namespaces a pod network: run in order, inside, as (namespace) root."""
    return [
        ["mount", "-t", "tmpfs", "run", "/run"],
        ["mkdir", "/run/netns"],
        ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
        ["ip", "link", "set", "lo", "up"],
        ["ip", "link", "add", "br0", "type", "bridge"],
        ["ip", "addr", "add", f"{layouts.BRIDGE_ADDRESS}/16", "dev", "br0"],
        ["ip", "link", "set", "br0", "up"],
        # Routing comes before the NAT of local packets: without a route a Service is "Network is unreachable".
        ["ip", "route", "add", layouts.SERVICE_NETWORK, "dev", "br0"],
    ]


def kubeconfig(server: str, authority: str, token: str) -> str:
    """A kubeconfig (JSON is YAML) of one administrator; `authority` as PEM."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "sandbox",
        "clusters": [
            {
                "name": "sandbox",
                "cluster": {
                    "server": server,
                    "certificate-authority-data": base64.b64encode(authority.encode()).decode(),
                },
            }
        ],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "admin", "namespace": "default"}}],
    }
    return json.dumps(document, indent=1) + "\n"


def tokens_file(token: str) -> str:
    """The API server's static token file: token, user, uid, groups."""
    return f'{token},admin,admin,"system:masters"\n'
