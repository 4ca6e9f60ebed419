"""Real Flink keeps its state on a real S3 server; the job and its metadata are lost, the newest state is found there.

The server has one address for all: it listens on the loopback of this machine, for the agent, and beside each of the
job's containers on that of their pods, always over the same folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import highlyavailable
import mavenjars
import pytest
import s3servers
import savedstates
from s3servers import ACCESS, SECRET, S3Server
from teams import Team

from gitsync.sandbox import gotools
from gitsync.sandbox.images import registry
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests

pytestmark = pytest.mark.full
PLUGIN = "flink-s3-fs-presto"
JOBS = {"newest": ("v2_3", "2.3"), "older": ("v1_20", "1.20")}


@pytest.fixture(scope="module")
def server(team: Team) -> Iterator[S3Server]:
    """Flink's user may write where the server keeps its objects."""
    with s3servers.running(team.folder / "s3") as made:
        (made.data / "states").mkdir()
        for folder in (made.folder, made.data, made.data / "states", made.folder / "meta"):
            folder.chmod(0o777)
        yield made


def _image(team: Team, minor: str) -> str:
    """The demo's image with the plugin (of the first release, which fits all of the minor) and the server's program."""
    overlay, name = team.folder / f"image-{minor}", f"ticks-s3:{minor}"
    plugin = mavenjars.jar("org.apache.flink", PLUGIN, f"{minor}.0")
    for source, target in (
        (plugin, f"opt/flink/plugins/s3/{plugin.name}"),
        (gotools.built(gotools.VERSITYGW, Progress()), "opt/s3/versitygw"),
    ):
        _copy(source, overlay / target)
    registry.add(team.layout.dir, name, f"ticks:{minor}", overlay)
    return name


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True)
    shutil.copy(source, target)


@pytest.mark.parametrize("job", list(JOBS))
def test_lost_metadata_of_a_lost_deployment_and_the_newest_checkpoint_in_s3(
    team: Team, server: S3Server, job: str
) -> None:
    version, minor = JOBS[job]
    image = _image(team, minor)
    file = team.job_file(job, lambda manifest: _stored(manifest, server, image), version)
    team.repository.commit(f"Run {job}", {"apps/access.yaml": team.access_file(), f"apps/{job}.yaml": file})
    with team.agent():
        team.running(job)
        before = savedstates.saved(team, job)
        assert before.checkpoint.startswith(f"s3://states/checkpoints/{before.run.id}/")
        _lose(team, job)
        told = team.until(lambda: _blocked(team, job), "blocked", 60)
        assert "gitsync.io/restore-from" in told
        newest = _newest(server, before.run.id)
        asked = {"metadata": {"annotations": {"gitsync.io/restore-from": "first latest"}}}
        team.client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, team.jobs, job, asked))
        again = savedstates.next_run(team, before, job)
        restored = team.flink(job).restored(again)
        assert restored is not None and restored.path == newest
        conditions = dig(team.deployment(job), "status", "conditions")
        told_of = (conditions, team.events(), (team.folder / "agent.log").read_text())
        assert not any(SECRET in str(each) for each in told_of)


def _stored(manifest: Object, server: S3Server, image: str) -> None:
    highlyavailable.change(manifest)
    spec = manifest["spec"]
    spec["image"] = image
    spec["flinkConfiguration"] |= {
        "execution.checkpointing.dir": "s3://states/checkpoints",
        "execution.checkpointing.savepoint-dir": "s3://states/savepoints",
        "high-availability.storageDir": "s3://states/ha",
        "s3.access-key": ACCESS,
        "s3.secret-key": SECRET,
        **server.conf,
    }
    pod = spec["podTemplate"]["spec"]
    pod["containers"].append(
        {
            "name": "s3",
            "image": image,
            "command": ["/opt/s3/versitygw", *server.arguments("/s3")],
            "volumeMounts": [{"name": "s3", "mountPath": "/s3"}],
        }
    )
    pod["volumes"].append({"name": "s3", "hostPath": {"path": str(server.folder)}})


def _lose(team: Team, job: str) -> None:
    """Delete the JobManager Deployment and the HA metadata by hand, so that the agent sees both gone at once."""
    labels = f"app={job}"
    with team.agent_paused():
        team.client.send(requests.delete(requests.DEPLOYMENTS, team.jobs, job))
        listed = requests.listing(requests.PODS, team.jobs, labels=labels)
        team.until(lambda: not team.client.send(listed)["items"], "no pod of the job left", 60)
        for item in team.client.send(requests.listing(requests.CONFIG_MAPS, team.jobs, labels=labels))["items"]:
            try:
                team.client.send(requests.delete(requests.CONFIG_MAPS, team.jobs, item["metadata"]["name"]))
            except errors.NotFound:
                continue


def _blocked(team: Team, job: str) -> str | None:
    conditions = dig(team.deployment(job), "status", "conditions", default=[])
    found = (each["message"] for each in conditions if (each["type"], each["status"]) == ("UpgradeBlocked", "True"))
    return next(found, None)


def _newest(server: S3Server, job_id: str) -> str:
    """The newest complete checkpoint of a run, as a person finds it on the server."""
    complete = [each.parent for each in (server.data / "states/checkpoints" / job_id).glob("chk-*/_metadata")]
    newest = max(complete, key=lambda each: int(each.name.removeprefix("chk-")))
    return f"s3://states/checkpoints/{job_id}/{newest.name}"
