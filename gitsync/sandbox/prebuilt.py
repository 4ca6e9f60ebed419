"""Uses a control plane that is there already instead of building one: from KUBEBUILDER_ASSETS, else from PATH.

Taken only as a whole (etcd, kube-apiserver, kube-controller-manager and kubectl) and only when Kubernetes' parts are of
the minor release the sandbox is made for. Two things that the built program brings are done otherwise here: openssl
makes the certificates, and a relay carries the host's connections to the API server.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gitsync.sandbox import building, components, errors, packages
from gitsync.sandbox import layout as layouts
from gitsync.sandbox.components import Component
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress

ASSETS = "KUBEBUILDER_ASSETS"
KUBECTL = "kubectl"
VERSION_FLAGS = {
    layouts.ETCD: ("--version",),
    layouts.API_SERVER: ("--version",),
    layouts.CONTROLLER_MANAGER: ("--version",),
    KUBECTL: ("version", "--client"),
}
ETCD_NEEDED = (3, 5)
ETCD_VERSION = re.compile(r"etcd Version: (\d+)\.(\d+)")
KUBERNETES_VERSION = re.compile(r"(?:Kubernetes|Client Version:) v(\d+)\.(\d+)")
VERSION_LIMIT_S = 20.0
DAYS = "3650"
RENEW_BEFORE_S = str(30 * 24 * 3600)


@dataclass(frozen=True, slots=True)
class Found:
    """The programs by name; or, when `missing` says something, why they are not used."""

    programs: Mapping[str, Path]
    missing: str = ""


def find(progress: Progress) -> Mapping[str, Path] | None:
    """A complete control plane of the right release; None when there is none. A refused KUBEBUILDER_ASSETS is noted."""
    assets = os.environ.get(ASSETS, "")
    found = search(assets, packages.search_path(), building.kubernetes_version())
    if not found.missing:
        return found.programs
    if assets:
        progress.note(f"{ASSETS} is not used: {found.missing}")
    return None


def search(assets: str, path: str, version: str) -> Found:
    """Look for the programs in the folder `assets` ("": none), then along `path`, for the release `version`."""
    where = ":".join(filter(None, (assets, path)))
    programs = {name: Path(place) for name in VERSION_FLAGS if (place := shutil.which(name, path=where))}
    absent = [name for name in VERSION_FLAGS if name not in programs]
    if absent:
        return Found(programs, f"no {' and no '.join(absent)} there or on PATH")
    wanted = _numbers(KUBERNETES_VERSION, f"Kubernetes {version}")
    for name, file in programs.items():
        if name == layouts.ETCD:
            numbers = _numbers(ETCD_VERSION, _version(file, name))
            if numbers is None or numbers < ETCD_NEEDED:
                return Found(programs, f"{file} is not etcd 3.5 or newer")
        elif _numbers(KUBERNETES_VERSION, _version(file, name)) != wanted:
            return Found(programs, f"{file} is not of Kubernetes {version.rpartition('.')[0]}")
    return Found(programs)


def is_used(layout: Layout) -> bool:
    """Whether this sandbox was prepared with programs that were there."""
    return not (layout.bin / building.PROGRAM).exists()


def version(layout: Layout) -> str:
    """The release of this sandbox's API server, like `v1.36.2`."""
    return _version(layout.bin / layouts.API_SERVER, layouts.API_SERVER).strip().rpartition(" ")[2]


def control_plane(layout: Layout) -> tuple[Component, Component, Component, Component]:
    """etcd, API server, relay and controller manager, in the order of their start."""
    built = components.api_server(layout)
    server = replace(built, argv=tuple(word for word in built.argv if "outside-fd" not in word), outside=False)
    store = Component(
        layouts.ETCD,
        (*components.etcd(layout).argv, "--name=sandbox", "--unsafe-no-fsync", "--log-level=warn"),
    )
    relay = Component(layouts.RELAY, (sys.executable, "-m", "gitsync.sandbox.outsiderelay"), outside=True)
    return store, server, relay, components.controller_manager(layout)


def write_certificates(layout: Layout) -> None:
    """Make apiserver.crt (with its authority), apiserver.key and sa.key where they are missing or old."""
    layout.certs.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (layout.certs / "sa.key").exists():
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(layout.certs / "sa.key"))
    key = layout.certs / "apiserver.key"
    if key.exists() and layout.authority.exists() and _is_valid(layout.authority):
        return
    with tempfile.TemporaryDirectory(dir=layout.certs) as folder:
        _write_serving(layout, Path(folder))


def _write_serving(layout: Layout, scratch: Path) -> None:
    authority, authority_key, leaf = (scratch / name for name in ("authority.crt", "authority.key", "leaf.crt"))
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", DAYS)
    usage = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    target = ("-keyout", str(authority_key), "-out", str(authority))
    _openssl("req", "-x509", *new_key, "-subj", "/CN=gitsync-sandbox", *usage, *target)
    names = [f"DNS:{name}" for name in components.SERVER_NAMES] + [f"IP:{ip}" for ip in components.SERVER_ADDRESSES]
    extensions = (
        f"subjectAltName={','.join(names)}",
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature,keyEncipherment",
        "extendedKeyUsage=serverAuth",
    )
    added = [word for extension in extensions for word in ("-addext", extension)]
    signer = ("-CA", str(authority), "-CAkey", str(authority_key))
    target = ("-keyout", str(layout.certs / "apiserver.key"), "-out", str(leaf))
    _openssl("req", "-x509", *new_key, "-subj", f"/CN={components.SERVER_NAMES[0]}", *added, *signer, *target)
    layout.authority.write_text(leaf.read_text() + authority.read_text(), encoding="ascii")


def _is_valid(certificate: Path) -> bool:
    command = ["openssl", "x509", "-noout", "-checkend", RENEW_BEFORE_S, "-in", str(certificate)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _openssl(*arguments: str) -> None:
    try:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise errors.SandboxError("a control plane that is not built here needs openssl 3; install openssl") from error
    if done.returncode != 0:
        raise errors.SandboxError(f"openssl made no certificate (3.0 or newer is needed): {done.stderr.strip()}")


def _version(program: Path, name: str) -> str:
    command = [str(program), *VERSION_FLAGS[name]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=VERSION_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _numbers(pattern: re.Pattern[str], text: str) -> tuple[int, int] | None:
    match = pattern.search(text)
    return (int(match[1]), int(match[2])) if match else None
