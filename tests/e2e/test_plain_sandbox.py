"""The sandbox without namespaces runs a real job: native application, JobManager and TaskManager as local processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from teams import Team

from gitsync.sandbox import isolation, launching, marks
from gitsync.sandbox.demo import commands, places
from gitsync.sandbox.demojob import sources
from gitsync.sandbox.images import flinkhome, registry, releases
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import Object, dig

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    """A sandbox with `--isolation none` in place of the shared one."""
    folder = tmp_path_factory.mktemp("plain")
    progress, layout = Progress(), Layout(folder / "sandbox")
    supervisor = launching.up(launching.Options(layout.dir, lifeline=True, isolation=isolation.NONE), progress)
    try:
        flinkhome.assemble(releases.NEWEST_PATCH["1.20"], progress)
        registry.add(layout.dir, "ticks:1.20", "flink:1.20", places.overlay_with_jar(folder / "image", sources.JAR))
        commands.gitsync(layout, "install")
        yield layout
    finally:
        assert supervisor is not None and supervisor.stdin is not None
        launching.down(layout, progress)
        supervisor.stdin.close()
        supervisor.wait()
    assert not list(marks.marked(str(layout.dir))), "nothing of it runs after `down`"


def job_file(team: Team, parallelism: int) -> str:
    """The team's job with its data mounted at the data's own path, as such a sandbox wants it."""
    data = str(team.folder / "flink-data")

    def change(manifest: Object) -> None:
        manifest["spec"]["podTemplate"]["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] = data
        for name, place in (("dir", "checkpoints"), ("savepoint-dir", "savepoints")):
            manifest["spec"]["flinkConfiguration"][f"execution.checkpointing.{name}"] = f"file://{data}/{place}"
        manifest["spec"]["job"]["parallelism"] = parallelism

    return team.job_file("ticks", change)


def test_job_runs_and_changes_with_its_state(team: Team) -> None:
    files = {"apps/access.yaml": team.access_file(), "apps/ticks.yaml": job_file(team, 1)}
    sha = team.repository.commit("Run the ticks job", files)
    with team.agent():
        first = team.running()
        team.ready(sha)
        assert dig(team.deployment(), "status", "jobStatus", "state") == "RUNNING"
        before = team.state()
        team.repository.commit("Two at a time", {"apps/ticks.yaml": job_file(team, 2)})
        job = team.running(parallelism=2, other_than=first.id)
        after = team.state()
        assert before.total <= after.restored < after.total and after.gaps == 0
        restored = team.flink().restored(job)
        assert restored is not None and restored.is_savepoint
