"""Which system commands the sandbox needs, and the Debian packages that bring them.

As root on a Debian-like system what is missing is installed; otherwise one sentence names the packages.
Knows nothing about what the commands are used for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import deque
from collections.abc import Iterable

from gitsync.sandbox import errors
from gitsync.sandbox.progress import Progress

CONTROL_PLANE_COMMANDS = {"unshare": "util-linux", "nsenter": "util-linux", "mount": "mount", "ip": "iproute2"}
KUBELET_COMMANDS = {"bwrap": "bubblewrap", "nft": "nftables"}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # an ordinary user's PATH may lack sbin


def search_path() -> str:
    """The user's PATH with the system's folders added at its end."""
    own = os.environ.get("PATH", "").split(":")
    return ":".join(own + [folder for folder in SYSTEM_PATH.split(":") if folder not in own])


def missing(commands: dict[str, str]) -> list[str]:
    """The packages of those commands that are not there, sorted."""
    path = search_path()
    return sorted({package for command, package in commands.items() if shutil.which(command, path=path) is None})


def ensure(kubelet: bool, progress: Progress) -> None:
    """Make sure of the commands; install them as root where apt-get is. Raises SandboxError naming what is missing."""
    commands = CONTROL_PLANE_COMMANDS | (KUBELET_COMMANDS if kubelet else {})
    absent = missing(commands)
    if not absent:
        return
    apt = shutil.which("apt-get", path=search_path())
    if apt is None or os.geteuid() != 0:
        raise errors.SandboxError(advice(absent))
    with progress.stage(f"install {' '.join(absent)}"):
        _install(apt, absent, progress)
    if absent := missing(commands):
        raise errors.SandboxError(advice(absent))


def advice(absent: Iterable[str]) -> str:
    """The sentence for a person who has to install the packages."""
    names = " ".join(absent)
    return (
        f"the sandbox needs commands of the Debian packages {names}; "
        f"install them with `sudo apt-get install {names}` (other systems name them alike)"
    )


def _install(apt: str, names: list[str], progress: Progress) -> None:
    install = [apt, "-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends", *names]
    if _run(install, progress) is None:
        return
    # A fresh container image has no package lists at all; that is not worth a first look at them every time.
    _run([apt, "-o", "DPkg::Lock::Timeout=120", "update"], progress)
    if (problem := _run(install, progress)) is not None:
        raise errors.SandboxError(f"apt-get could not install {' '.join(names)}: {problem}")


def _run(command: list[str], progress: Progress) -> str | None:
    last: deque[str] = deque(maxlen=3)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last.append(line.strip())
            progress.update(line.strip()[:80])
    return None if process.returncode == 0 else " ".join(last)
