"""The lane of Kustomize builds: a pass gets what is there and is woken for what was not."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_repositories import Repository, config_map

from gitsync.git import mirrors
from gitsync.model import sources
from gitsync.model.identities import AppName
from gitsync.model.rendersets import RenderSet
from gitsync.render import layouts
from gitsync.render.buildenvironment import AppContext
from gitsync.render.helm import Helm
from gitsync.render.kustomize import Kustomize
from gitsync.render.lanes import BuildLane, Work
from operator_core.errors import Reason, Retry, Stalled
from operator_core.runtime.clock import SystemClock

APP = AppName("gitsync-system", "orders")


class Bench:
    """A lane whose program is a script, and who was woken."""

    def __init__(self, directory: Path) -> None:
        self.repository = Repository(directory / "repository")
        self.mirror = mirrors.Mirrors(directory / "mirrors").get(self.repository.url)
        self.program = directory / "bin" / "kustomize"
        self.program.parent.mkdir()
        self.calls = directory / "calls"
        self.woken: list[AppName] = []
        self.wake = threading.Semaphore(0)
        tools = layouts.Tools(Kustomize(path=str(self.program.parent)), Helm(path=""))
        self.lane = BuildLane(SystemClock(), tools, self._woken)

    def _woken(self, app: AppName) -> None:
        self.woken.append(app)
        self.wake.release()

    def script(self, text: str) -> None:
        self.program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\necho called >> {self.calls}\n{text}\n")
        self.program.chmod(0o755)

    def commit(self, name: str) -> None:
        """An app whose content nobody has built before."""
        files = {"apps/kustomization.yaml": "resources: [a.yaml]\n", "apps/a.yaml": config_map(name)}
        self.repository.commit({**files, "plain/a.yaml": config_map(name)})

    def render(self, path: str = "apps", app: AppName = APP) -> RenderSet | None:
        source = sources.Source.model_validate({"repoURL": self.repository.url, "path": path})
        place = layouts.Place(source, self.mirror, self.mirror.resolve("main"))
        found = self.lane.results(app, [Work(self.mirror, layouts.prepare(place, AppContext(app.name), {}))])
        return found[0] if found is not None else None

    def count(self) -> int:
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    running = Bench(tmp_path)
    running.lane.start()
    try:
        yield running
    finally:
        running.lane.stop(30)


def test_a_pass_is_woken_when_its_build_ended(bench: Bench) -> None:
    bench.commit("lane-one")
    bench.script("cat apps/a.yaml")
    plain = bench.render("plain")
    assert plain is not None and plain.ok, "plain manifests do not wait"
    assert bench.render() is None
    assert bench.wake.acquire(timeout=30)
    assert bench.woken == [APP]
    built = bench.render()
    assert built is not None and built.ok, built
    assert built.objects[0].body["metadata"]["name"] == "lane-one"
    again = bench.render(app=AppName("gitsync-system", "twin"))
    assert again is not None and again.ok
    assert bench.count() == 1


def test_a_build_that_hangs_stops_neither_other_apps_nor_the_end(bench: Bench) -> None:
    bench.commit("lane-hangs")
    bench.script("grep -q hangs apps/a.yaml && exec sleep 600\ncat apps/a.yaml")
    assert bench.render() is None
    bench.commit("lane-two")
    assert bench.render() is None
    assert bench.wake.acquire(timeout=30)
    built = bench.render()
    assert built is not None and built.ok


def test_problems_reach_the_pass_and_the_next_try_builds_again(bench: Bench) -> None:
    bench.commit("lane-killed")
    bench.script("kill -9 $$")
    assert bench.render() is None
    assert bench.wake.acquire(timeout=30)
    with pytest.raises(Retry, match="was killed"):
        bench.render()
    bench.script("cat apps/a.yaml")
    assert bench.render() is None
    assert bench.wake.acquire(timeout=30)
    built = bench.render()
    assert built is not None and built.ok


def test_a_missing_program_is_told(bench: Bench) -> None:
    bench.commit("lane-missing")
    assert bench.render() is None
    assert bench.wake.acquire(timeout=30)
    with pytest.raises(Stalled) as caught:
        bench.render()
    assert caught.value.reason is Reason.KustomizeMissing


def test_a_broken_build_is_a_result(bench: Bench) -> None:
    bench.commit("lane-broken")
    bench.script("echo 'Error: it is broken' >&2; exit 1")
    assert bench.render() is None
    assert bench.wake.acquire(timeout=30)
    built = bench.render()
    assert built is not None
    assert [str(error) for error in built.errors] == ["apps/kustomization.yaml: it is broken"]
    assert bench.count() == 1
