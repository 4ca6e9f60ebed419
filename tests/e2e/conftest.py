"""One sandbox for all end-to-end tests, and a team for each module.

The sandbox ends with this process, however it ends. `GITSYNC_E2E_SANDBOX=DIR` uses a sandbox that is already up
instead, which saves its start while a test is being written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import teams

from gitsync.sandbox import launching
from gitsync.sandbox.demo import commands, places
from gitsync.sandbox.demo.repositories import Repository
from gitsync.sandbox.demojob import sources
from gitsync.sandbox.images import flinkhome, registry, releases
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.kube import requests
from operator_core.kube.client import Client

BASES = {"ticks:1.20": "1.20", "ticks:2.3": "2.3"}


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    """A sandbox with the product's definitions and the images of the demo's job."""
    folder = tmp_path_factory.mktemp("e2e")
    progress = Progress()
    ready = os.environ.get("GITSYNC_E2E_SANDBOX")
    layout = Layout(Path(ready).resolve() if ready else folder / "sandbox")
    supervisor = None if ready else launching.up(launching.Options(layout.dir, lifeline=True), progress)
    try:
        overlay = places.overlay_with_jar(folder / "image", sources.JAR)
        for name, minor in BASES.items():
            flinkhome.assemble(releases.NEWEST_PATCH[minor], progress)
            registry.add(layout.dir, name, f"flink:{minor}", overlay)
        commands.gitsync(layout, "install")
        yield layout
    finally:
        if supervisor is not None:
            launching.reset(layout, progress)
            assert supervisor.stdin is not None
            supervisor.stdin.close()
            supervisor.wait()


@pytest.fixture(scope="module")
def make_team(
    sandbox: Layout, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], teams.Team]]:
    """Makes teams of this module; all of them are cleared at its end."""
    client = Client.connect(kubeconfig=sandbox.kubeconfig)
    made: list[teams.Team] = []

    def make(suffix: str = "") -> teams.Team:
        name = re.sub("[^a-z0-9]+", "-", request.module.__name__.removeprefix("test_") + suffix)
        folder = tmp_path_factory.mktemp(name)
        (folder / "flink-data").mkdir()
        team = teams.Team(name, sandbox, client, Repository.create(folder / "git"), folder)
        made.append(team)
        for namespace in (team.jobs, team.home):
            client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": namespace}}))
        return team

    yield make
    for team in made:
        teams.clear(team)


@pytest.fixture(scope="module")
def team(make_team: Callable[..., teams.Team]) -> teams.Team:
    """The module's one team."""
    return make_team()
