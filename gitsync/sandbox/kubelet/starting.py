"""From a container's declaration to everything its process needs.

Shell only in that it resolves the image and reads ConfigMaps; the rules (entrypoint and command, users, names) are
the Kubernetes documentation's. A container that cannot be made is a `StartError` with the kubelet's reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gitsync.sandbox import layout
from gitsync.sandbox.containers.specs import ContainerSpec
from gitsync.sandbox.images.models import Image, UnknownImage
from gitsync.sandbox.kubelet import environment, expansion, volumes
from gitsync.sandbox.kubelet.environment import MissingSource, Setting
from gitsync.sandbox.kubelet.imagestore import ImageStore
from gitsync.sandbox.kubelet.podstates import identity
from gitsync.sandbox.kubelet.projections import Sources
from gitsync.sandbox.kubelet.volumes import VolumeError
from operator_core.errors import AgentError
from operator_core.jsonvalues import Object, dig

CLUSTER_DOMAIN = "cluster.local"


class StartError(Exception):
    """`reason` is what the container's waiting state shows."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a container's parts come from."""

    setting: Setting
    sources: Sources
    places: dict[str, Path]
    images: ImageStore


def specify(container: Object, origin: Origin, folder: Path) -> ContainerSpec:
    """The definition of the next run of `container`, whose private files go to `folder`. Raises StartError."""
    manifest = origin.setting.manifest
    try:
        image = origin.images.resolve(str(container["image"]))
    except UnknownImage as error:
        raise StartError("ErrImagePull", str(error)) from error
    uid, gid = _user(container, manifest, image)
    try:
        values = environment.environment(container, origin.setting, origin.sources, image.environment)
        mounts = volumes.mounts(container, origin.places, dig(manifest, "spec", "volumes", default=[]) or [], values)
    except (MissingSource, ValueError, VolumeError, AgentError) as error:
        raise StartError("CreateContainerConfigError", str(error)) from error
    argv = command(container, image, values)
    if not argv:
        raise StartError("CreateContainerError", "neither the image nor the container names a command")
    write_names(folder / "etc", origin.setting)
    return ContainerSpec(
        image=image,
        argv=argv,
        environment=values,
        folder=folder,
        hostname=environment.hostname(manifest),
        workdir=str(container.get("workingDir") or image.workdir),
        uid=uid,
        gid=gid,
        mounts=mounts,
        termination_path=str(container.get("terminationMessagePath") or "/dev/termination-log"),
        read_only_root=bool(dig(container, "securityContext", "readOnlyRootFilesystem", default=False)),
    )


def command(container: Object, image: Image, values: dict[str, str]) -> tuple[str, ...]:
    """Entry point and arguments: `command` replaces both of the image's, `args` only its command."""
    args = expansion.expand_all([str(word) for word in container.get("args") or []], values)
    if container.get("command"):
        return expansion.expand_all([str(word) for word in container["command"]], values) + args
    return image.entrypoint + (args or image.command)


def _user(container: Object, manifest: Object, image: Image) -> tuple[int, int]:
    def asked(name: str) -> int | bool | None:
        own = dig(container, "securityContext", name, default=None)
        value = own if own is not None else dig(manifest, "spec", "securityContext", name, default=None)
        return value if isinstance(value, int) else None

    uid, gid = asked("runAsUser"), asked("runAsGroup")
    chosen = image.uid if uid is None else int(uid)
    if asked("runAsNonRoot") and chosen == 0:
        raise StartError(
            "CreateContainerConfigError",
            f"container has runAsNonRoot and image will run as root (pod: {identity(manifest)}, "
            f"container: {container['name']})",
        )
    if gid is not None:
        return chosen, int(gid)
    return chosen, image.gid if uid is None or chosen == image.uid else 0


def write_names(folder: Path, setting: Setting) -> None:
    """The container's hosts, hostname and resolv.conf."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = setting.manifest
    name = environment.hostname(manifest)
    namespace = dig(manifest, "metadata", "namespace")
    domain = dig(manifest, "spec", "subdomain", default="")
    full = f"{name}.{domain}.{namespace}.svc.{CLUSTER_DOMAIN} {name}" if domain else name
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback", f"{setting.address} {full}"]
    for alias in dig(manifest, "spec", "hostAliases", default=[]) or []:
        lines.append(f"{alias['ip']} {' '.join(alias.get('hostnames') or [])}")
    (folder / "hosts").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "hostname").write_text(f"{name}\n", encoding="utf-8")
    (folder / "resolv.conf").write_text(resolver(manifest), encoding="utf-8")


def resolver(manifest: Object) -> str:
    """resolv.conf by `dnsPolicy` and `dnsConfig`; every policy but None asks the sandbox's DNS."""
    namespace = dig(manifest, "metadata", "namespace")
    custom: Object = dig(manifest, "spec", "dnsConfig", default={}) or {}
    own = dig(manifest, "spec", "dnsPolicy", default="ClusterFirst") != "None"
    servers = [layout.BRIDGE_ADDRESS] if own else []
    searches = [f"{namespace}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN] if own else []
    options = {"ndots": "5"} if own else {}
    servers += [str(server) for server in custom.get("nameservers") or []]
    searches += [str(search) for search in custom.get("searches") or []]
    options |= {str(item["name"]): str(item.get("value") or "") for item in custom.get("options") or []}
    lines = [f"nameserver {server}" for server in servers]
    if searches:
        lines.append("search " + " ".join(searches))
    if options:
        lines.append("options " + " ".join(f"{key}:{value}" if value else key for key, value in options.items()))
    return "\n".join(lines) + "\n"
