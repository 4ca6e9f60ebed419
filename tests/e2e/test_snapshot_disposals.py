"""A savepoint that Flink cannot delete: its resource is held, says why, and goes by each way out (F08, F31)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import takensnapshots
from teams import Team

from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

pytestmark = pytest.mark.full


@pytest.fixture(scope="module", params=["v1_20", "v2_3"])
def running(request: pytest.FixtureRequest, make_team: Callable[[str], Team]) -> Iterator[Team]:
    """An agent and a job that runs."""
    version = str(request.param)
    team = make_team(f"-{version}")
    job = team.job_file("ticks", forgetful, version)
    team.repository.commit("Run", {"apps/access.yaml": team.access_file(), "apps/ticks.yaml": job})
    with team.agent():
        team.running()
        yield team


def forgetful(manifest: Object) -> None:
    """Let Flink forget soon how a disposal went."""
    manifest["spec"]["flinkConfiguration"]["rest.async.store-duration"] = "30 s"


@contextmanager
def damaged(metadata: Path) -> Iterator[None]:
    """What a savepoint is made of cannot be read, so that Flink cannot delete it, for as long as the block lasts."""
    content = metadata.read_bytes()
    metadata.write_bytes(b"damaged" + content)
    try:
        yield
    finally:
        metadata.write_bytes(content)


def held(team: Team, name: str) -> Object:
    """Delete a snapshot, and wait until its disposal failed; it stays."""
    team.client.send(requests.delete(requests.FLINK_STATE_SNAPSHOTS, team.jobs, name))
    kept = team.until(
        lambda: (
            it
            if (it := takensnapshots.read(team, name)) and "could not delete" in dig(it, "status", "error", default="")
            else None
        ),
        f"{name} held",
        90,
    )
    about = {"kind": "FlinkStateSnapshot", "name": name}
    told = (each for each in team.events() if about.items() <= each["involvedObject"].items())
    assert "CleanupFailed" in {each["reason"] for each in told}
    return kept


def test_a_disposal_that_fails_for_ever_is_held_until_its_files_are_given_up(running: Team) -> None:
    takensnapshots.make(running, "damaged", savepoint={})
    files = takensnapshots.folder(running, takensnapshots.reaches(running, "damaged", "COMPLETED")["status"]["path"])
    with damaged(files / "_metadata"):
        kept = held(running, "damaged")
        assert "disposeOnDelete: false" in kept["status"]["error"]
        assert kept["metadata"]["finalizers"] and (files / "_metadata").is_file()
        without_files: Object = {"spec": {"savepoint": {"disposeOnDelete": False}}}
        running.client.send(
            requests.merge_patch(requests.FLINK_STATE_SNAPSHOTS, running.jobs, "damaged", without_files)
        )
        running.until(lambda: takensnapshots.read(running, "damaged") is None or None, "damaged gone", 90)
        assert (files / "_metadata").is_file(), "its files are left to a person"


def test_a_disposal_that_failed_goes_on_once_what_was_wrong_is_mended(running: Team) -> None:
    takensnapshots.make(running, "mended", savepoint={})
    files = takensnapshots.folder(running, takensnapshots.reaches(running, "mended", "COMPLETED")["status"]["path"])
    with damaged(files / "_metadata"):
        held(running, "mended")
    running.until(lambda: takensnapshots.read(running, "mended") is None or None, "mended gone", 240)
    assert not files.exists()
