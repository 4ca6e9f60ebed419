"""How the sandbox's outer namespaces are made and entered, and why a machine may refuse them.

A network, a mount and a process namespace, inside a user namespace when the caller is not root or root may
not make them alone (a container). The probe does for a moment what the sandbox does for good; only when it
fails the kernel's switches are read to find the sentence that helps. Background: unshare(1),
user_namespaces(7), Ubuntu's "restricted unprivileged user namespaces".
"""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gitsync.sandbox import errors, packages
from gitsync.sandbox.states import State

PROBE = (
    "ip link add gsprobe0 type veth peer name gsprobe1 && ip link add gsprobe2 type bridge && mount -t tmpfs none /run"
)
SWITCHES = (
    "kernel/apparmor_restrict_unprivileged_userns",
    "kernel/unprivileged_userns_clone",
    "user/max_user_namespaces",
    "user/max_net_namespaces",
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is known when the probe failed: its words, the kernel's switches (name to value), who asks and where."""

    words: str
    switches: dict[str, str]
    root: bool
    container: bool


def choose() -> bool:
    """Whether a user namespace is needed. Raises SandboxError with the remedy where no way works."""
    if platform.system() != "Linux":
        raise errors.SandboxError(
            f"the sandbox needs Linux namespaces, which {platform.system()} does not have; run it in a Linux virtual "
            "machine, or give --context to use a cluster you have"
        )
    root = os.geteuid() == 0
    if root and _probe(user_namespace=False) is None:
        return False
    words = _probe(user_namespace=True)
    if words is None:
        return True
    advice = remedy(Refusal(words, _switches(), root, _is_container()))
    raise errors.SandboxError(f"{advice}; or do without them: `gitsync sandbox up --isolation none`")


def remedy(refusal: Refusal) -> str:
    """One sentence: what the machine refuses and how to mend it."""
    start = f"this machine does not let the sandbox make namespaces ({refusal.words})"
    if refusal.switches.get("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            f"{start}: AppArmor restricts user namespaces; allow them with "
            "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or run the sandbox as root"
        )
    if refusal.switches.get("kernel/unprivileged_userns_clone") == "0":
        return (
            f"{start}: allow them with `sudo sysctl -w kernel.unprivileged_userns_clone=1`, or run the sandbox as root"
        )
    for name in ("user/max_user_namespaces", "user/max_net_namespaces"):
        if refusal.switches.get(name) == "0":
            return f"{start}: allow them with `sudo sysctl -w {name.replace('/', '.')}=10000`"
    if "Unknown device type" in refusal.words or "not supported" in refusal.words:
        return f"{start}: the kernel lacks veth or bridge; load them with `sudo modprobe -a veth bridge`"
    if refusal.container:
        return (
            f"{start}: a container forbids it; start the container with `--privileged`, or with "
            "`--cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined "
            "--security-opt apparmor=unconfined`"
        )
    return f"{start}: run the sandbox as root" if not refusal.root else f"{start}: root lacks CAP_SYS_ADMIN here"


def unshare_command(user_namespace: bool) -> list[str]:
    """The start of a command line that runs the rest as the first process of new namespaces."""
    user = ["--user", "--map-root-user"] if user_namespace else []
    return ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]


def enter_command(state: State) -> list[str]:
    """The start of a command line that runs the rest inside a running sandbox, as its root."""
    user = ["--user", "--preserve-credentials"] if state.user_namespace else []
    return ["nsenter", "--target", str(state.pids["child"]), *user, "--net", "--mount", "--pid"]


def environment() -> dict[str, str]:
    """The environment of everything the sandbox starts: the caller's, with the system's commands in reach."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    return os.environ | {"PATH": packages.search_path(), "PYTHONPATH": ":".join(dict.fromkeys(paths))}


def _probe(*, user_namespace: bool) -> str | None:
    """None when it works, else what was said last."""
    command = [*unshare_command(user_namespace), "sh", "-c", PROBE]
    try:
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def _switches() -> dict[str, str]:
    values: dict[str, str] = {}
    for name in SWITCHES:
        try:
            values[name] = (Path("/proc/sys") / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
    return values


def _is_container() -> bool:
    return any(os.path.exists(mark) for mark in ("/.dockerenv", "/run/.containerenv")) or "container" in os.environ
