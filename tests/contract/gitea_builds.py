"""A real Gitea, built once from its Go module: a forge for tests, not for use.

The module replaces some of its own modules, which `go install` refuses, so its source is unpacked and built in place.
It lands in the user's cache as `tools/gitea/VERSION`: the program and, beside it, the files it reads while it runs.
"""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitsync.sandbox import caches, toolchains
from gitsync.sandbox.progress import Progress

MODULE = "code.gitea.io/gitea"
VERSION = "v1.26.0"
TAGS = "sqlite sqlite_unlock_notify"
_READ_AT_RUN_TIME = ("options", "templates", "public")
_TIMEOUT = 3600.0


@dataclass(frozen=True)
class Program:
    """Gitea and the folder with the files it reads."""

    path: Path
    files: Path


def program(config: pytest.Config) -> Program:
    """Gitea, built where there is none; skips where that cannot be or is not to be."""
    target = caches.cache_dir() / "tools" / "gitea" / VERSION
    found = Program(target / "gitea", target / "files")
    if found.path.exists():
        return found
    if config.getoption("markexpr") == "not full":
        pytest.skip("there is no Gitea here; `make test-full` builds one")
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler, and Gitea's SQLite needs one: install the Debian package gcc")
    go = toolchains.find_go(Progress())
    with caches.locked("tools-gitea"):
        if not found.path.exists():
            _build(go, target)
    return found


def _build(go: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="gitsync-gitea-") as scratch, caches.replacing(target) as made:
        environment = os.environ | {"GOWORK": "off", "GOFLAGS": "-modcacherw -mod=mod"}
        told = _run([str(go), "mod", "download", "-json", f"{MODULE}@{VERSION}"], Path(scratch), environment)
        source = Path(scratch) / "source"
        # What the module cache has is read-only, and a build there would write into it.
        shutil.copytree(json.loads(told)["Dir"], source, copy_function=shutil.copyfile)
        nice = shutil.which("nice")
        build = [str(go), "build", "-trimpath", "-ldflags=-s -w", "-tags", TAGS, "-o", str(made / "gitea"), "."]
        _run([*([nice, "-n", "19"] if nice else []), *build], source, environment | {"CGO_ENABLED": "1"})
        for name in _READ_AT_RUN_TIME:
            shutil.copytree(source / name, made / "files" / name)


def _run(command: list[str], at: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=at, env=environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT
    )
    assert done.returncode == 0, f"Gitea {VERSION} cannot be built: {done.stderr[-2000:]}"
    return done.stdout
