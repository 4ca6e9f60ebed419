"""A container's files without a mount namespace: a folder of links, and its paths rewritten wherever a pod names them.

`build` lays the image and the volumes out below the run's folder and gives the container's definition as it is to be
started: command, environment and the files of ConfigMaps name real places. A folder of the machine (hostPath) must be
mounted at its own path: what one pod writes down, as of a savepoint, another and the agent read. What a program has
in itself is not rewritten.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from gitsync.sandbox import isolation
from gitsync.sandbox.containers.specs import ContainerSpec, Mount
from gitsync.sandbox.images.models import Image

SYSTEM = frozenset(("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "root", "run", "sbin"))
SYSTEM |= {"sys", "tmp", "usr", "var"}
SECRETS = "/var/run/secrets/"
TEMPLATES = "pod-template"  # what a JobManager makes pods of, each of which is rewritten by itself
OTHER_ROOT = re.compile(r"(?:/[^\s/:'\"]+)+/pods/[^/\s]+/containers/[^/\s]+/\d+/root(?=/)")


class Impossible(Exception):
    """The container needs a mount namespace; the message says for what."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Container paths and where they really are; the cluster's addresses likewise."""

    places: Mapping[str, str]

    def rewrite(self, text: str) -> str:
        # A JobManager hands its own rewritten paths on to the pods it makes.
        text = isolation.rewritten(OTHER_ROOT.sub("", text))
        if not self.places:
            return text
        choices = "|".join(re.escape(path) for path in sorted(self.places, key=len, reverse=True))
        pattern = rf"(?:(?<![\w.\-/])|(?<=://))({choices})(?![\w.\-])"
        return re.sub(pattern, lambda match: self.places[match[1]], text)


def build(spec: ContainerSpec) -> tuple[ContainerSpec, Paths]:
    """Lay out and rewrite a container. Raises Impossible and OSError."""
    root = spec.folder / "root"
    root.mkdir(parents=True)
    places = _image(spec.image, root)
    copied: list[tuple[Mount, Path]] = []
    for mount in sorted(spec.mounts, key=lambda mount: mount.target):
        mount = replace(mount, target=OTHER_ROOT.sub("", mount.target))
        _check(mount, spec.folder.parents[2])
        target = _mounted(mount, root)
        places[mount.target] = str(mount.source)
        if _is_projection(mount.source) and not mount.target.startswith(SECRETS):
            places[mount.target] = str(target)
            copied.append((mount, target))
    places[spec.termination_path] = str(spec.folder / "termination-log")
    paths = Paths(places)
    for mount, target in copied:
        _copy(mount, target, paths)
    changed = replace(
        spec,
        argv=tuple(paths.rewrite(word) for word in spec.argv),
        environment={name: paths.rewrite(value) for name, value in spec.environment.items()},
        workdir=paths.rewrite(spec.workdir),
    )
    return changed, paths


def _image(image: Image, root: Path) -> dict[str, str]:
    places: dict[str, str] = {}
    entries = sorted(image.binds, key=lambda bind: bind.target)
    for bind in entries:
        if str(bind.source) != bind.target:
            place = _place(root, bind.target)
            place.symlink_to(bind.source)
            places |= _prefix(bind.target, root)
    for copy in image.copies:
        place = _place(root, copy.target)
        if copy.source.is_dir():
            shutil.copytree(copy.source, place)
        else:
            shutil.copy2(copy.source, place)
        places |= _prefix(copy.target, root)
    for target in image.scratch:
        place = _place(root, target)
        place.mkdir(parents=True, exist_ok=True)
        places |= _prefix(target, root)
    return places


def _prefix(target: str, root: Path) -> dict[str, str]:
    """The part of an image's path that is the image's alone, and its place."""
    parts = PurePosixPath(target).parts[1:]
    if parts[0] in SYSTEM:
        raise Impossible(f"the image has {target}, and without namespaces /{parts[0]} is this machine's own")
    prefix = "/".join(parts[:2] if len(parts) > 1 else parts)
    return {f"/{prefix}": str(root / prefix)}


def _check(mount: Mount, pod: Path) -> None:
    top = PurePosixPath(mount.target).parts[1:2]
    if mount.target == str(mount.source) or mount.target.startswith(SECRETS):
        return
    if not mount.source.is_relative_to(pod):
        raise Impossible(
            f"{mount.source} is mounted at {mount.target}, which needs a mount namespace, and a sandbox with "
            "--isolation none has none: mount it at its own path, so that the path of a savepoint means the same to all"
        )
    if not top or top[0] in SYSTEM:
        raise Impossible(
            f"the mount at {mount.target} needs a mount namespace, which a sandbox with --isolation none does not "
            "have; mount it elsewhere, such as below /mnt or /data"
        )


def _mounted(mount: Mount, root: Path) -> Path:
    place = _place(root, mount.target)
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
    if not _is_projection(mount.source) or mount.target.startswith(SECRETS):
        place.symlink_to(mount.source)
    return place


def _place(root: Path, target: str) -> Path:
    """Where `target` goes; a folder above it that is a link becomes a folder of links, so that nothing is changed."""
    place = root
    for part in PurePosixPath(target).parts[1:-1]:
        place = place / part
        if place.is_symlink():
            source = place.resolve()
            place.unlink()
            place.mkdir()
            for entry in source.iterdir():
                (place / entry.name).symlink_to(entry)
        place.mkdir(exist_ok=True)
    return place / PurePosixPath(target).name


def _is_projection(source: Path) -> bool:
    """Whether the kubelet wrote these files itself (see `kubelet.volumes`)."""
    return (source / "..data").is_symlink() or any(part.startswith("..") for part in source.parts)


def _copy(mount: Mount, target: Path, paths: Paths) -> None:
    if mount.source.is_dir():
        target.mkdir(parents=True)
        for entry in sorted(mount.source.iterdir()):
            if not entry.name.startswith(".."):
                _copy(replace(mount, source=entry.resolve()), target / entry.name, paths)
        return
    shutil.copy2(mount.source, target)
    data = mount.source.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    if not target.name.startswith("taskmanager-" + TEMPLATES) and TEMPLATES not in mount.target:
        target.chmod(0o644)
        target.write_text(paths.rewrite(text), encoding="utf-8")
