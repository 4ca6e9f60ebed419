"""Fetches one wheel or source archive by the running interpreter's own pip, with visible progress.

pip brings the user's index, certificates and proxy settings along, so nothing here knows a host. Knows
nothing about what the archives hold, except how a wheel (a zip with Unix modes) is unpacked.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import deque
from importlib import metadata, util
from pathlib import Path

from gitsync.sandbox import errors
from gitsync.sandbox.progress import Progress

RAW_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
RAW_PROGRESS_SINCE = (24, 1)  # pip's changelog: --progress-bar raw came with 24.1


def download(requirement: str, into: Path, progress: Progress, *arguments: str) -> Path:
    """Download `requirement` (name==version) without dependencies and return its file inside `into`.

    `arguments` go to `pip download`. Raises SandboxError when pip is absent or fails.
    """
    if util.find_spec("pip") is None:
        raise errors.SandboxError(
            f"{requirement} cannot be fetched because {sys.executable} has no pip; run `{sys.executable} -m ensurepip`"
        )
    into.mkdir(parents=True, exist_ok=True)
    before = set(into.iterdir())
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", _progress_bar(), "--dest", str(into), *arguments, requirement]
    with progress.stage(f"fetch {requirement}"):
        tail = _run(command, progress)
    new = sorted(set(into.iterdir()) - before)
    if tail is not None or not new:
        reason = (tail or "pip left no file").strip()
        raise errors.SandboxError(f"{requirement} cannot be fetched from the package index: {reason}")
    return new[0]


def unpack_wheel(requirement: str, into: Path, progress: Progress) -> None:
    """Download the wheel of `requirement` for this platform and unpack it into the existing folder `into`."""
    with tempfile.TemporaryDirectory(prefix=".wheel.", dir=into.parent) as scratch:
        wheel = download(requirement, Path(scratch), progress, "--only-binary", ":all:")
        with progress.stage(f"unpack {wheel.name}"), zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                target = Path(archive.extract(member, into))
                mode = (member.external_attr >> 16) & 0o777
                if mode and not member.is_dir():
                    target.chmod(mode | 0o600)


def _progress_bar() -> str:
    release = metadata.version("pip").split(".")
    numbers = tuple(int(part) for part in release[:2] if part.isdigit())
    return "raw" if numbers >= RAW_PROGRESS_SINCE else "off"


def _run(command: list[str], progress: Progress) -> str | None:
    """The last lines of a failed pip, None after success."""
    started = time.monotonic()
    last: deque[str] = deque(maxlen=8)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            if match := RAW_PROGRESS.search(line):
                progress.bytes(int(match[1]), int(match[2]))
            else:
                progress.update(f"({time.monotonic() - started:.0f} s) {line.strip()}"[:100])
                last.append(line)
    if pip.returncode == 0:
        return None
    problems = [line for line in last if line.startswith("ERROR")] or list(last)
    return " ".join(line.strip() for line in problems)
