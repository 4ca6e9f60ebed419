"""The example's Python job on real Flink: PyFlink's driver runs the script, Python workers count its words (F28)."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pyflinks
import pytest
import yaml
from teams import FAST_JVM, Team

from gitsync.sandbox.demo import places
from gitsync.sandbox.images import registry, releases
from operator_core.jsonvalues import Object, dig

pytestmark = pytest.mark.full
VERSION = releases.NEWEST_PATCH["1.20"]
IMAGE = "registry.example.org/words:0.9.0"
PYTHON = "/usr/bin/python3"


def adapted(team: Team) -> str:
    """The example with what its image would hold, stores that are there, and JVMs that boot quickly."""
    example = places.checkout_folder(places.EXAMPLE) / "python/words.yaml"
    manifest: Object = yaml.safe_load(example.read_text())
    assert manifest["spec"]["image"] == IMAGE
    assert manifest["spec"]["job"]["jarURI"] == f"local:///opt/flink/opt/flink-python-{VERSION}.jar"
    manifest["metadata"]["namespace"] = team.jobs
    mounts = [
        {"name": "packages", "mountPath": "/opt/packages", "readOnly": True},
        {"name": "data", "mountPath": "/data"},
    ]
    container = {
        "name": "flink-main-container",
        "env": [{"name": "PYTHONPATH", "value": "/opt/packages"}],
        "volumeMounts": mounts,
    }
    volumes = [
        {"name": "packages", "hostPath": {"path": str(pyflinks.packages(VERSION))}},
        {"name": "data", "hostPath": {"path": str(team.folder / "flink-data")}},
    ]
    manifest["spec"]["podTemplate"] = {"spec": {"containers": [container], "volumes": volumes}}
    manifest["spec"]["flinkConfiguration"] |= {
        "execution.checkpointing.dir": "file:///data/checkpoints",
        "execution.checkpointing.savepoint-dir": "file:///data/savepoints",
        "env.java.opts.jobmanager": FAST_JVM,
        "env.java.opts.taskmanager": FAST_JVM,
    }
    return yaml.safe_dump(manifest, sort_keys=False)


def test_the_words_are_counted_and_the_job_is_finished(team: Team) -> None:
    asked = [PYTHON, "-c", "import sys; print(*sys.version_info[:2])"]
    theirs = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    assert theirs == [str(part) for part in sys.version_info[:2]], (
        f"the pods' {PYTHON} needs packages of its own version"
    )
    overlay = team.folder / "image"
    script = overlay / "opt/flink/usrlib/words.py"
    script.parent.mkdir(parents=True)
    shutil.copyfile(places.checkout_folder(places.EXAMPLE) / "python/words.py", script)
    registry.add(team.layout.dir, IMAGE, "flink:1.20", overlay)
    files = {"apps/words.yaml": adapted(team), "apps/access.yaml": team.access_file()}
    sha = team.repository.commit("Count words", files)
    with team.agent():
        told = team.until(
            lambda: (
                found if dig(found := team.deployment("words"), "status", "jobStatus", "state") == "FINISHED" else None
            ),
            "the end of the job",
            600,
        )
        flink = team.flink("words")
        (job,) = flink.get("/jobs/overview")["jobs"]
        assert job["state"] == "FINISHED" and job["jid"] == dig(told, "status", "jobStatus", "jobId")
        vertices = flink.get(f"/jobs/{job['jid']}")["vertices"]
        read = [dig(one, "metrics", "read-records", default=0) for one in vertices]
        assert max(read) == 6, "each word reached the counting"
        team.ready(sha)
