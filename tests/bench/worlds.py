"""The world of a measurement: one sandbox, one team, and the agent as a process that can be weighed."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gitsync.sandbox import launching
from gitsync.sandbox.demo import commands, places
from gitsync.sandbox.demo.repositories import Repository
from gitsync.sandbox.demojob import sources
from gitsync.sandbox.images import registry
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.client import Client

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
import highlyavailable
import kills
import savedstates
import teams  # the end-to-end tests' own words for commit, wait, look

__all__ = ["highlyavailable", "kills", "savedstates", "teams"]
Change = Callable[[Object], None]

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def world(progress: Progress) -> Iterator[teams.Team]:
    """A sandbox with a team named `bench`; everything is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gitsync-bench-") as text:
        folder = Path(text)
        layout = Layout(folder / "sandbox")
        supervisor = launching.up(launching.Options(layout.dir, lifeline=True), progress)
        try:
            with progress.stage("images and definitions"):
                overlay = places.overlay_with_jar(folder / "image", sources.JAR)
                for name, minor in (("ticks:1.20", "1.20"), ("ticks:2.3", "2.3")):
                    registry.add(layout.dir, name, f"flink:{minor}", overlay)
                commands.gitsync(layout, "install")
            yield team(layout, folder, "bench")
        finally:
            launching.reset(layout, progress)
            if supervisor is not None and supervisor.stdin is not None:
                supervisor.stdin.close()
                supervisor.wait()


def team(layout: Layout, folder: Path, name: str) -> teams.Team:
    """A team of that name with all of its files in `folder`."""
    client = Client.connect(kubeconfig=layout.kubeconfig)
    (folder / "flink-data").mkdir(parents=True)
    team = teams.Team(name, layout, client, Repository.create(folder / "git"), folder)
    secret = folder / "webhook-secret"
    secret.write_text(secrets.token_hex(16))
    team.settings |= {"GITSYNC_WEBHOOK_PORT": str(free_port()), "GITSYNC_WEBHOOK_SECRET_FILE": str(secret)}
    for namespace in (team.jobs, team.home):
        client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": namespace}}))
    return team


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its ended children, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / CLOCK_TICKS


def control_plane_cpu(layout: Layout) -> float:
    """CPU time that a sandbox's etcd, API server and controllers used so far."""
    own = str(layout.dir / "bin").encode()
    total = 0.0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith(own):
                total += cpu_seconds(int(entry.name))
        except OSError:  # it ended meanwhile
            continue
    return total


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MB
