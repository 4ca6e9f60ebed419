"""Everything that defines one run of a container, as the arguments of `bwrap`.

Pure apart from looking which system folders exist. The container gets its own mount, process, user and host name
spaces and the pod's network; a fresh root made of this machine's /usr, the image's binds and the pod's volumes.
Container semantics come from the program being process 1: no default signal handlers, death of all with it.
A pod's container does not end with its caller, which would be a thread: the outer process namespace ends everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gitsync.sandbox.images.models import Image

SYSTEM_ETC = (
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "fonts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "pki",
    "protocols",
    "services",
    "ssl",
)
ROOT_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume's file or folder at its place in the container."""

    source: Path
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """`folder` belongs to this run: it holds tmp/, etc/, rw/ (writable parts of the image) and termination-log.

    `own_network`: nothing but its own loopback. `ends_with_caller`: killed when the starting thread ends.
    """

    image: Image
    argv: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    hostname: str
    workdir: str
    uid: int
    gid: int
    mounts: tuple[Mount, ...] = ()
    termination_path: str = "/dev/termination-log"
    read_only_root: bool = False
    own_network: bool = False
    ends_with_caller: bool = False


def options(spec: ContainerSpec, status_fd: int, info_fd: int) -> tuple[str, ...]:
    """The options of bwrap, without the program.

    It writes a JSON document with the program's pid to `info_fd`, and its progress as JSON lines to `status_fd`, the
    exit code last.
    """
    return (
        *("--unshare-user", "--uid", str(spec.uid), "--gid", str(spec.gid)),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", spec.hostname),
        *(("--unshare-net",) if spec.own_network else ()),
        *(("--die-with-parent",) if spec.ends_with_caller else ()),
        *("--as-pid-1", "--json-status-fd", str(status_fd), "--info-fd", str(info_fd)),
        *_system(),
        *("--proc", "/proc", "--dev", "/dev", "--dir", "/var/run", "--symlink", "/var/run", "/run"),
        *("--dir", "/var/tmp", "--dir", "/root", "--perms", "0755", "--dir", "/home"),
        *_binds(spec),
        *(("--remount-ro", "/") if spec.read_only_root else ()),
        *("--chdir", spec.workdir, "--clearenv"),
        *(word for name, value in spec.environment.items() for word in ("--setenv", name, value)),
    )


def _system() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in ROOT_FOLDERS:
        folder = Path("/", name)
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), str(folder))
        elif folder.is_dir():
            yield from ("--ro-bind", str(folder), str(folder))
    for entry in (*(Path("/etc", name) for name in SYSTEM_ETC), *sorted(Path("/etc").glob("java*"))):
        if entry.exists():
            yield from ("--ro-bind", str(entry), str(entry))


def _binds(spec: ContainerSpec) -> Iterator[str]:
    yield from ("--bind", str(spec.folder / "tmp"), "/tmp")
    for entry in sorted((spec.folder / "etc").iterdir()):
        yield from ("--ro-bind", str(entry), f"/etc/{entry.name}")
    image: list[tuple[str, str, str]] = [("--ro-bind", str(bind.source), bind.target) for bind in spec.image.binds]
    image += [("--bind", str(writable(spec.folder, target)), target) for target in spec.image.scratch]
    image += [("--bind", str(writable(spec.folder, copy.target)), copy.target) for copy in spec.image.copies]
    for words in _outer_first(image):
        yield from words
    yield from ("--bind", str(spec.folder / "termination-log"), spec.termination_path)
    volumes = [("--ro-bind" if mount.read_only else "--bind", str(mount.source), mount.target) for mount in spec.mounts]
    targets = [mount.target for mount in spec.mounts]
    volumes += [
        ("--ro-bind", str(bind.source), bind.target)
        for bind in spec.image.binds
        if bind.always_seen and any(_is_below(bind.target, target) for target in targets)
    ]
    for words in _outer_first(volumes):
        yield from words


def _is_below(path: str, folder: str) -> bool:
    return Path(path) != Path(folder) and Path(path).is_relative_to(folder)


def writable(folder: Path, target: str) -> Path:
    """Where a container's private writable copy of `target` lies."""
    return folder / "rw" / target.lstrip("/")


def _outer_first(entries: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return sorted(entries, key=lambda words: words[2].rstrip("/").split("/"))
