"""kill -9 of the agent at any step of an upgrade: the job ends RUNNING on the new spec, with its state, never twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import yaml
from teams import Team

from gitsync.sandbox.demo import sightings
from gitsync.sandbox.demo.sightings import Sighting
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests

FILE = "apps/ticks.yaml"
FAILPOINTS = [
    pytest.param("trigger-recorded", marks=pytest.mark.full),
    "savepoint-triggered",
    pytest.param("savepoint-recorded", marks=pytest.mark.full),
    "deployment-deleted",
    pytest.param("deploy-recorded", marks=pytest.mark.full),
    "deployment-created",
    pytest.param("owned-created", marks=pytest.mark.full),
]


@pytest.fixture(scope="module")
def ticks(team: Team) -> Team:
    """A running job; every test below upgrades it."""
    team.repository.commit("Run it", {"apps/access.yaml": team.access_file(), FILE: team.job_file("ticks")})
    with team.agent():
        team.running()
    return team


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_upgrade_survives_a_kill_at(ticks: Team, failpoint: str) -> None:
    old = ticks.flink().job()
    assert old is not None
    wanted = 3 - old.parallelism
    before = ticks.state()
    kinds = (requests.PODS, requests.DEPLOYMENTS)
    with sightings.Lookout(ticks.client, ticks.jobs, kinds) as lookout:
        known = _deployments(lookout.seen)
        with ticks.agent(GITSYNC_FAILPOINT=failpoint) as doomed:
            sha = ticks.repository.edit(f"Killed at {failpoint}", FILE, lambda text: _parallelism(text, wanted))
            ticks.until(doomed.was_killed, f"the failpoint {failpoint}")
        with ticks.agent():
            job = ticks.running(parallelism=wanted, other_than=old.id)
            ticks.ready(sha)
            after = ticks.state()
        seen = lookout.seen
    assert before.total <= after.restored < after.total and after.gaps == 0
    assert list(ticks.flink().job_ids()) == [job.id]
    assert len(_deployments(seen) - known) == 1, "the new spec was deployed once"
    assert not _overlaps(seen), "two JobManagers of the job ran at once"


def _parallelism(text: str, wanted: int) -> str:
    manifest: Object = yaml.safe_load(text)
    manifest["spec"]["job"]["parallelism"] = wanted
    return yaml.safe_dump(manifest, sort_keys=False)


def _deployments(seen: Sequence[Sighting]) -> set[str]:
    return {each.object["metadata"]["uid"] for each in seen if each.kind == "Deployment"}


def _overlaps(seen: Sequence[Sighting]) -> list[tuple[str, str]]:
    """Pairs of JobManager pods that ran at the same time."""
    spans: dict[str, list[int]] = {}
    for each in seen:
        labels = dig(each.object, "metadata", "labels", default={})
        if each.kind != "Pod" or labels.get("component") != "jobmanager":
            continue
        name = each.object["metadata"]["name"]
        runs = dig(each.object, "status", "containerStatuses", 0, "state", "running") is not None
        if runs and each.event != "DELETED":
            spans.setdefault(name, [each.at_ms, each.at_ms])[1] = each.at_ms
    names = sorted(spans, key=lambda name: spans[name][0])
    return [
        (first, second)
        for at, first in enumerate(names)
        for second in names[at + 1 :]
        if spans[second][0] < spans[first][1]
    ]
