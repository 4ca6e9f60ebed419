"""Runs gitsync's own commands the way a person at the terminal does, and keeps what they print.

A separate process each, so that the demo shows exactly what the command shows.
"""

from __future__ import annotations

import os
import subprocess
import sys

from gitsync.sandbox import errors
from gitsync.sandbox.demo.repositories import BRANCH, PROPOSAL, Repository
from gitsync.sandbox.layout import Layout

FINDINGS = 1
DEADLINE_S = 120


def gitsync(layout: Layout, *arguments: str) -> str:
    """What `gitsync ARGUMENTS` prints against the sandbox. Raises SandboxError with its message when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "gitsync.cli.main", *arguments],
        env=os.environ | {"KUBECONFIG": str(layout.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    if done.returncode not in (0, FINDINGS):
        raise errors.SandboxError(f"`gitsync {arguments[0]}`: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.rstrip()


def plan(layout: Layout, repository: Repository) -> str:
    """What the proposed commit would do to the cluster's jobs."""
    return gitsync(layout, "plan", "--repo", repository.url, "--path", "apps", BRANCH, PROPOSAL)
