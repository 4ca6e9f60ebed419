"""Programs built from their Go modules, once per version and machine: Helm, Kustomize, an S3 server.

The tests' oracles, and programs for who has none on PATH. A build takes minutes, runs at the lowest
priority and lands in the cache as `tools/NAME/VERSION/NAME`; what they render is decided elsewhere.

`python -m gitsync.sandbox.gotools helm|kustomize|versitygw` builds one and prints its path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from gitsync.sandbox import caches, errors, toolchains
from gitsync.sandbox.progress import Progress

_TIMEOUT = 3600.0


@dataclass(frozen=True, slots=True)
class GoTool:
    """A program as its Go module gives it: `package` is what `go install` takes, `version` its tag."""

    name: str
    package: str
    version: str


HELM = GoTool("helm", "helm.sh/helm/v3/cmd/helm", "v3.21.4")
KUSTOMIZE = GoTool("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "v5.8.1")
VERSITYGW = GoTool("versitygw", "github.com/versity/versitygw/cmd/versitygw", "v1.8.0")
TOOLS = {tool.name: tool for tool in (HELM, KUSTOMIZE, VERSITYGW)}


def place(tool: GoTool) -> Path:
    """Where the program of this version is, once it was built."""
    return caches.cache_dir() / "tools" / tool.name / tool.version / tool.name


def built(tool: GoTool, progress: Progress) -> Path:
    """The program's path; built first where the cache has none. Raises SandboxError with Go's words."""
    target = place(tool)
    if not target.exists():
        go = toolchains.find_go(progress)
        with caches.locked(f"tools-{tool.name}"):
            if not target.exists():
                _build(tool, go, target.parent, progress)
    return target


def _build(tool: GoTool, go: Path, target: Path, progress: Progress) -> None:
    with (
        caches.replacing(target) as scratch,
        progress.stage(f"build {tool.name} {tool.version} (some minutes, once)"),
    ):
        nice = shutil.which("nice")
        command = [*([nice, "-n", "19"] if nice else []), str(go), "install", "-trimpath", "-ldflags=-s -w"]
        flags = " ".join(filter(None, [os.environ.get("GOFLAGS", ""), "-modcacherw"]))
        environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": flags, "GOWORK": "off", "GOBIN": str(scratch)}
        done = subprocess.run(
            [*command, f"{tool.package}@{tool.version}"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=_TIMEOUT,
        )
        if done.returncode != 0:
            said = " / ".join(done.stderr.strip().splitlines()[-4:])
            raise errors.SandboxError(f"{tool.name} {tool.version} cannot be built: {said}")


def main() -> None:
    """Build the tools named on the command line and print where they are."""
    for name in sys.argv[1:]:
        print(built(TOOLS[name], Progress()))


if __name__ == "__main__":
    main()
