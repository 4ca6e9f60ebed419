"""Puts a pod's volumes on disk and keeps those made of API objects fresh.

Shell around `projections`. Every volume is a folder below the pod's own, or the host's path itself. Files of API
objects appear as the kubelet writes them: real files in a dated folder behind the link `..data`, which is exchanged
in one step, so that a reader sees all of one version. Which volume goes where in a container is also answered here.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from gitsync.sandbox.containers.specs import Mount
from gitsync.sandbox.kubelet import expansion, projections
from gitsync.sandbox.kubelet.environment import Setting
from gitsync.sandbox.kubelet.projections import Files, Sources
from operator_core.jsonvalues import Object, dig


class VolumeError(Exception):
    """A volume cannot be had; the message says which and why."""


HostPathOf = Callable[[str], str]
"""The folder behind a PersistentVolumeClaim of the pod's namespace. Raises VolumeError."""


def prepare(setting: Setting, sources: Sources, folder: Path, claim: HostPathOf) -> dict[str, Path]:
    """Make or refresh every volume; their places by name. Raises VolumeError, MissingSource, ValueError."""
    places: dict[str, Path] = {}
    for volume in dig(setting.manifest, "spec", "volumes", default=[]) or []:
        name = str(volume["name"])
        if projections.is_projection(volume):
            place = folder / name
            write(place, projections.files_of(volume, setting, sources))
        elif "emptyDir" in volume:
            place = folder / name
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(0o777)
        elif "hostPath" in volume:
            place = _host_path(volume["hostPath"], name)
        elif "persistentVolumeClaim" in volume:
            place = Path(claim(str(volume["persistentVolumeClaim"]["claimName"])))
            place.mkdir(parents=True, exist_ok=True)
        else:
            kinds = ", ".join(key for key in volume if key != "name")
            raise VolumeError(f'volume "{name}" is of a kind the sandbox does not have: {kinds}')
        places[name] = place
    return places


def mounts(
    container: Object, places: dict[str, Path], volumes: list[Object], values: dict[str, str]
) -> tuple[Mount, ...]:
    """The volume mounts of a container; a missing `subPath` of a writable volume is made. Raises VolumeError."""
    read_only = {str(v["name"]) for v in volumes if projections.is_projection(v)}
    return tuple(_mount(entry, places, values, read_only) for entry in container.get("volumeMounts") or [])


def _mount(entry: Object, places: dict[str, Path], values: dict[str, str], read_only: set[str]) -> Mount:
    name = str(entry["name"])
    source = places[name]
    sub = str(entry.get("subPath") or expansion.expand(str(entry.get("subPathExpr") or ""), values))
    if sub:
        source = source / sub
        if not source.exists():
            if name in read_only:
                raise VolumeError(f'subPath "{sub}" does not exist in volume "{name}"')
            source.mkdir(parents=True, exist_ok=True)
            source.chmod(0o777)
        source = source.resolve()
    target = os.path.normpath(str(entry["mountPath"]))
    return Mount(source, target, bool(entry.get("readOnly")) or name in read_only)


def write(folder: Path, files: Files) -> None:
    """Make `folder` hold exactly `files`; nothing is touched when it already does."""
    folder.mkdir(parents=True, exist_ok=True)
    current = folder / "..data"
    if current.is_symlink() and _holds(current, files):
        return
    dated = folder / f"..{time.strftime('%Y_%m_%d_%H_%M_%S', time.gmtime())}.{time.time_ns() % 1_000_000_000}"
    for name, file in files.items():
        target = dated / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
        target.chmod(file.mode)
    dated.mkdir(exist_ok=True)
    before = current.resolve() if current.is_symlink() else None
    fresh = folder / "..data_tmp"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(dated.name)
    fresh.rename(current)
    tops = {Path(name).parts[0] for name in files}
    for top in tops:
        link = folder / top
        if not link.is_symlink():
            link.symlink_to(Path("..data", top))
    for link in folder.iterdir():
        if link.is_symlink() and link.name not in tops and link.name != "..data":
            link.unlink()
    if before is not None:
        shutil.rmtree(before, ignore_errors=True)


def _holds(folder: Path, files: Files) -> bool:
    dated = folder.resolve()
    present = {str(path.relative_to(dated)) for path in dated.rglob("*") if path.is_file()}
    if present != set(files):
        return False
    return all((folder / name).read_bytes() == file.data for name, file in files.items())


def _host_path(declared: Object, name: str) -> Path:
    path, kind = Path(str(declared["path"])), str(declared.get("type") or "")
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate":
        path.touch(exist_ok=True)
    elif kind == "" and not path.exists():
        path.mkdir(parents=True)  # as container runtimes do for a path that is not checked
    wanted = {
        "Directory": Path.is_dir,
        "DirectoryOrCreate": Path.is_dir,
        "File": Path.is_file,
        "Socket": Path.is_socket,
    }
    if kind in wanted and not wanted[kind](path):
        raise VolumeError(
            f'MountVolume.SetUp failed for volume "{name}" : hostPath type check failed: {path} is not a {kind.lower()}'
        )
    return path
