"""The example's SQL job on real Flink: its runner is compiled here, and a changed script keeps the state (F28)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from teams import FAST_JVM, Team

from gitsync.sandbox import building
from gitsync.sandbox.demo import places
from gitsync.sandbox.demojob import build
from gitsync.sandbox.images import flinkhome, registry, releases
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import Object, dig

pytestmark = pytest.mark.full
IMAGE = "registry.example.org/flink-sql-runner:1.20"


def runner(folder: Path) -> Path:
    """The runner's jar."""
    example = places.checkout_folder(places.EXAMPLE) / "sql/runner/SqlRunner.java"
    home = flinkhome.assemble(releases.NEWEST_PATCH["1.20"], Progress())
    classes = folder / "classes"
    classes.mkdir()
    javac = ["javac", "--release", build.JAVA_RELEASE, "-Xlint:all", "-Werror", "-cp", f"{home}/lib/*"]
    subprocess.run([*javac, "-d", str(classes), str(example)], check=True)
    jar = folder / "sql-runner.jar"
    subprocess.run(
        ["jar", "--create", "--file", str(jar), "--main-class", "SqlRunner", "-C", str(classes), "."], check=True
    )
    return jar


def adapted(team: Team) -> str:
    """What the example needs on the sandbox: a store that is there, and JVMs that boot quickly."""
    container = "/spec/podTemplate/spec/containers/0/volumeMounts/-"
    volume = {"name": "flink-data", "hostPath": {"path": str(team.folder / "flink-data"), "type": "DirectoryOrCreate"}}
    options = {
        "execution.checkpointing.interval": "1s",
        "execution.checkpointing.dir": "file:///flink-data/checkpoints",
        "execution.checkpointing.savepoint-dir": "file:///flink-data/savepoints",
        "env.java.opts.jobmanager": FAST_JVM,
        "env.java.opts.taskmanager": FAST_JVM,
    }
    patch: list[Object] = [
        {"op": "add", "path": container, "value": {"name": "flink-data", "mountPath": "/flink-data"}},
        {"op": "add", "path": "/spec/podTemplate/spec/volumes/-", "value": volume},
        *({"op": "add", "path": f"/spec/flinkConfiguration/{key}", "value": value} for key, value in options.items()),
    ]
    kustomization: Object = {
        "namespace": team.jobs,
        "resources": ["access.yaml", "../sql"],
        "patches": [{"target": {"kind": "FlinkDeployment"}, "patch": yaml.safe_dump(patch)}],
    }
    return yaml.safe_dump(kustomization)


def test_a_changed_script_is_an_upgrade_that_keeps_the_state(team: Team) -> None:
    registry.add(
        team.layout.dir, IMAGE, "flink:1.20", places.overlay_with_jar(team.folder / "image", runner(team.folder))
    )
    shutil.copytree(places.checkout_folder(places.EXAMPLE) / "sql", team.repository.tree / "sql")
    kubectl = team.folder / "kubectl"
    kubectl.symlink_to(building.control_plane(Progress()))
    files = {"apps/kustomization.yaml": adapted(team), "apps/access.yaml": team.access_file()}
    first_sha = team.repository.commit("Run the SQL job", files)
    with team.agent(GITSYNC_KUBECTL=str(kubectl)):
        first = team.running("daily")
        team.ready(first_sha)
        flink = team.flink("daily")
        team.until(lambda: checkpoints(flink.get(f"/jobs/{first.id}/checkpoints")) > 1, "checkpoints", 120)
        # Orders reach the window; the day they are of ends too late for a test.
        team.until(lambda: received(flink.get(f"/jobs/{first.id}")) > 0, "orders that are counted", 120)

        def faster(script: str) -> str:
            assert "'rows-per-second' = '10'" in script
            return script.replace("'rows-per-second' = '10'", "'rows-per-second' = '50'")

        sha = team.repository.edit("More orders", "sql/daily.sql", faster)
        second = team.running("daily", other_than=first.id)
        restored = flink.restored(second)
        assert restored is not None and restored.is_savepoint
        team.ready(sha)
        volumes = dig(team.deployment("daily"), "spec", "podTemplate", "spec", "volumes")
        assert volumes[0]["configMap"]["name"].startswith("daily-scripts-"), "a script has a name of its own"


def checkpoints(told: Object) -> int:
    return int(dig(told, "counts", "completed", default=0))


def received(told: Object) -> int:
    """The records that the last vertex of the job has read."""
    return int(dig(told["vertices"][-1], "metrics", "read-records", default=0))
