"""Builds the control plane program once per content: Go sources, module list and Go version make the key.

The result lies in the cache as one file; the folder of a sandbox only points to it. Knows nothing about how
the program is run.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path

from gitsync.sandbox import caches, errors, toolchains
from gitsync.sandbox.progress import Progress

SOURCES = Path(__file__).parent / "controlplane"
PROGRAM = "controlplane"
KEPT_BUILDS = 3


def control_plane(progress: Progress) -> Path:
    """The program's path; built first where the cache has none. Raises SandboxError with the compiler's words."""
    go = toolchains.find_go(progress)
    target = caches.cache_dir() / PROGRAM / cache_key(_sources(), _go_version(go))
    if not (target / PROGRAM).exists():
        if caches.is_locked(PROGRAM):
            progress.note("another process builds the control plane; waiting for it")
        with caches.locked(PROGRAM):
            if not (target / PROGRAM).exists():
                _build(go, target, progress)
                _prune(target)
    return target / PROGRAM


def kubernetes_version() -> str:
    """The Kubernetes release the program is made of, like `v1.36.3`, as its go.mod says."""
    return version_in((SOURCES / "go.mod").read_text(encoding="utf-8"))


def version_in(go_mod: str) -> str:
    """The version of k8s.io/kubernetes that the text of a go.mod requires."""
    match = re.search(r"^\s*(?:require\s+)?k8s\.io/kubernetes (v\S+)", go_mod, re.MULTILINE)
    if match is None:
        raise errors.SandboxError(f"{SOURCES / 'go.mod'} requires no k8s.io/kubernetes; reinstall gitsync")
    return match[1]


def cache_key(sources: dict[str, bytes], go_version: str) -> str:
    """A name for what these sources become with this Go on this machine."""
    digest = hashlib.sha256(f"{go_version} {platform.machine()}".encode())
    for name, content in sorted(sources.items()):
        digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:20]


def link_flags(version: str) -> str:
    """Linker flags that make the server report the release it was built from, as the release's own build does."""
    major, minor, _ = version.removeprefix("v").split(".", 2)
    package = "k8s.io/component-base/version"
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return "-s -w " + " ".join(f"-X {package}.{name}={value}" for name, value in values.items())


def _sources() -> dict[str, bytes]:
    files = [*SOURCES.glob("*.go"), SOURCES / "go.mod", SOURCES / "go.sum"]
    try:
        return {path.name: path.read_bytes() for path in files}
    except OSError as error:
        raise errors.SandboxError(f"the control plane's sources are incomplete: {error}; reinstall gitsync") from error


def _environment() -> dict[str, str]:
    # No C compiler needed, the same result with and without one; a module cache that `rm -r` can remove.
    flags = " ".join(filter(None, [os.environ.get("GOFLAGS", ""), "-modcacherw"]))
    return os.environ | {"CGO_ENABLED": "0", "GOFLAGS": flags, "GOWORK": "off"}


def _go_version(go: Path) -> str:
    done = subprocess.run(
        [go, "env", "GOVERSION"], cwd=SOURCES, env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise errors.SandboxError(f"{go} cannot build the control plane: {done.stderr.strip()}")
    return done.stdout.strip()


def _build(go: Path, target: Path, progress: Progress) -> None:
    version = kubernetes_version()
    title = f"build the control plane (Kubernetes {version}; some five minutes, once)"
    with caches.replacing(target) as scratch, progress.stage(title):
        total = _package_count(go, scratch, progress)
        command = [str(go), "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false"]
        command += ["-ldflags", link_flags(version), "-o", str(scratch / PROGRAM), "."]
        _compile(command, total, progress)


def _package_count(go: Path, scratch: Path, progress: Progress) -> int:
    """How many packages the program consists of; fetches the modules on the way."""
    progress.update("modules")
    listing = scratch / "packages"
    with open(listing, "wb") as output:
        command = [str(go), "list", "-deps", "."]
        process = subprocess.Popen(
            command, cwd=SOURCES, env=_environment(), stdout=output, stderr=subprocess.PIPE, text=True
        )
        problem = follow(process, lambda line: progress.update(line.removeprefix("go: ")))
    if problem:
        raise errors.SandboxError(f"the control plane's Go modules cannot be fetched: {problem}")
    count = len(listing.read_bytes().splitlines())
    listing.unlink()
    return count


def _compile(command: list[str], total: int, progress: Progress) -> None:
    compiled = 0

    def show(line: str) -> None:
        nonlocal compiled
        compiled += 1
        progress.update(f"package {compiled} of at most {total}: {line}")

    process = subprocess.Popen(
        command, cwd=SOURCES, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    if problem := follow(process, show):
        raise errors.SandboxError(f"the control plane does not compile: {problem}")


def follow(process: subprocess.Popen[str], show: Callable[[str], None]) -> str:
    """Show every line of standard error; the last ones when the process failed, else an empty text."""
    last: deque[str] = deque(maxlen=6)
    assert process.stderr is not None
    with process:
        try:
            for line in process.stderr:
                last.append(line.strip())
                show(line.strip())
            return " / ".join(last) or f"exit code {process.returncode}" if process.wait() != 0 else ""
        finally:
            if process.poll() is None:
                process.terminate()


def _prune(newest: Path) -> None:
    others = sorted((each for each in newest.parent.iterdir() if each != newest), key=lambda each: each.stat().st_mtime)
    for old in others[: -(KEPT_BUILDS - 1)]:
        shutil.rmtree(old, ignore_errors=True)
