"""PyFlink for the pods of tests: the packages that an image of a Python job holds, installed once per machine.

Flink's own jars come with the image, so the package that brings them again (230 MB) is left out.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from gitsync.sandbox import caches

_MINUTES = 25


def packages(version: str) -> Path:
    """A folder for PYTHONPATH with PyFlink of this Flink version, for the Python that runs this."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = caches.cache_dir() / "tools" / "pyflink" / f"{version}-python{python}"
    if not target.exists():
        with caches.locked("tools-pyflink"):
            if not target.exists():
                _install(version, target)
    return target


def _install(version: str, target: Path) -> None:
    with caches.replacing(target) as scratch:
        _pip(scratch, "--no-deps", f"apache-flink=={version}")
        (found,) = metadata.distributions(name="apache-flink", path=[str(scratch)])
        wanted = [one for one in found.requires or [] if "extra ==" not in one]
        _pip(scratch, *(one for one in wanted if not re.match("apache-flink-libraries", one)))


def _pip(target: Path, *wanted: str) -> None:
    nice = shutil.which("nice")
    command = [*([nice, "-n", "15"] if nice else []), sys.executable, "-m", "pip", "install", "--prefer-binary"]
    options = ["--disable-pip-version-check", "--no-input", "--quiet", "--target", str(target)]
    done = subprocess.run([*command, *options, *wanted], capture_output=True, text=True, timeout=60 * _MINUTES)
    assert done.returncode == 0, done.stderr
