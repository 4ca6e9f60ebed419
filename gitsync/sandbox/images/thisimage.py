"""The image `gitsync:*`: this very installation, with Git and kubectl, at its own paths.

What runs in the sandbox's pods is what the user installed or is editing: the interpreter, its environment and the
folders its packages are imported from are bound read-only where they are. That may be anywhere, below /tmp as well,
so a volume that a pod mounts there does not hide them. kubectl, which builds Kustomize directories, is the sandbox's.
"""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
from pathlib import Path

import gitsync
import operator_core
from gitsync.sandbox.images.models import Bind, Image

NAME = re.compile(r"^(?:[\w.-]+(?::\d+)?/)*gitsync(?::[\w.-]+)?(?:@.*)?$")
HOME = "/home/gitsync"
KUBECTL = "/opt/gitsync/bin/kubectl"
UID = 65532  # the customary "nonroot" of images without a shell user


def is_named(reference: str) -> bool:
    """Whether a reference means this installation."""
    return NAME.match(reference) is not None


def image(reference: str, kubectl: Path | None = None) -> Image:
    """The image, as of now; `kubectl` is a program of this machine, left out where it is not there."""
    scripts = sysconfig.get_path("scripts")
    git = shutil.which("git")
    folders = [scripts, "/usr/local/bin", "/usr/bin", "/bin"]
    if git and str(Path(git).parent) not in folders:
        folders.append(str(Path(git).parent))
    binds = [Bind(folder, str(folder), always_seen=True) for folder in _folders(git)]
    if kubectl is not None and kubectl.exists():
        folders.insert(1, str(Path(KUBECTL).parent))
        binds.append(Bind(kubectl.resolve(), KUBECTL))
    return Image(
        reference=reference,
        entrypoint=("gitsync",),
        binds=tuple(binds),
        scratch=(HOME,),
        workdir=HOME,
        user="gitsync",
        uid=UID,
        gid=UID,
        home=HOME,
        environment={
            "PATH": ":".join(folders),
            "HOME": HOME,
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            # Repositories of the host may belong to a user that has no name in here.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        },
    )


def _folders(git: str | None) -> list[Path]:
    wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    wanted |= {Path(package.__path__[0]).resolve().parent for package in (gitsync, operator_core)}
    wanted |= {Path(git).resolve().parent.parent} if git else set()
    # /usr is part of every image; of nested folders the outer one is enough.
    outside = {folder for folder in wanted if not folder.is_relative_to("/usr") and folder != Path("/")}
    return sorted(folder for folder in outside if not any(folder.is_relative_to(other) for other in outside - {folder}))
