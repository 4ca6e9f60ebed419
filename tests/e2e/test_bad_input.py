"""Bad input: one clear message in each place a person looks, nothing else disturbed, healed by the next good commit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from teams import Team

from gitsync.model.records import Phase, Record
from operator_core.jsonvalues import Object, dig

Change = Callable[[Object], None]


@dataclass(frozen=True, slots=True)
class Bad:
    """A file that is wrong: how it is made, what the message must say, and whose event tells it."""

    id: str
    file: str
    text: Callable[[Team], str]
    message: str
    event_kind: str | None = "SyncApp"


def second(change: Change) -> Callable[[Team], str]:
    """A second job beside the healthy one."""
    return lambda team: team.job_file("second", change)


def memory(manifest: Object) -> None:
    manifest["spec"]["taskManager"]["resource"]["memory"] = "lots"


def jar(manifest: Object) -> None:
    manifest["spec"]["job"]["jarURI"] = "local:///opt/flink/usrlib/absent.jar"


def image(manifest: Object) -> None:
    manifest["spec"]["image"] = "nowhere/ticks:9"


def config_map(kind: str) -> Callable[[Team], str]:
    return lambda team: f"apiVersion: example.org/v1\nkind: {kind}\nmetadata:\n  name: widget\n"


def broken_yaml(team: Team) -> str:
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata:\n  a: [1,\n"


BAD = [
    Bad("yaml", "apps/second.yaml", broken_yaml, r"apps/second\.yaml:\d+"),
    Bad("kind", "apps/second.yaml", config_map("Widget"), r"(?s)Widget.*apps/second\.yaml|apps/second\.yaml.*Widget"),
    Bad("spec", "apps/second.yaml", second(memory), r"(?s)memory.*lots|lots.*memory"),
    Bad("jar", "apps/second.yaml", second(jar), r"absent\.jar", "FlinkDeployment"),
    Bad("image", "apps/second.yaml", second(image), r"nowhere/ticks:9", "FlinkDeployment"),
]


@pytest.fixture(scope="module")
def healthy(team: Team) -> Iterator[Team]:
    """A healthy job and an agent that prunes, so that reverting a file also removes what it made."""
    team.settings["GITSYNC_PRUNE"] = "true"
    files = {"apps/access.yaml": team.access_file(), "apps/ticks.yaml": team.job_file("ticks")}
    sha = team.repository.commit("Run it", files)
    with team.agent():
        team.running()
        team.ready(sha)
        yield team


@pytest.fixture(scope="module")
def told_of() -> dict[str, str]:
    """The commits whose errors were told, by the id of what was bad; records are pushed in batches, so read last."""
    return {}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.id)
def test_bad_file_is_told_and_healed_by_the_next_commit(healthy: Team, bad: Bad, told_of: dict[str, str]) -> None:
    team = healthy
    job, before = team.running(), team.state()
    sha = team.repository.commit(f"Bad {bad.id}", {bad.file: bad.text(team)})

    message = team.complaint(bad.message, sha)
    assert "Traceback" not in message
    assert re.search(bad.message, team.status())
    told = team.until(lambda: _event(team, bad), "an event", 30)
    assert dig(told, "type") == "Warning"
    told_of[bad.id] = sha

    now = team.flink().job()
    assert now is not None and now.id == job.id and now.is_running, "the healthy job was disturbed"
    assert team.state(above=before.total).gaps == 0

    healed = team.repository.commit(f"Take back bad {bad.id}", {bad.file: None})
    team.ready(healed)
    team.until(lambda: team.deployment("second") is None, "what the bad commit made is pruned", 90)
    now = team.flink().job()
    assert now is not None and now.id == job.id


def test_every_bad_commit_keeps_a_record_of_its_failure(healthy: Team, told_of: dict[str, str]) -> None:
    assert told_of, "to be run after the commits"
    for bad in BAD:
        if bad.id in told_of:
            noted = healthy.until(lambda bad=bad: failures(healthy, told_of[bad.id]), f"a note of {bad.id}", 60)
            assert any(re.search(bad.message, record.message) for record in noted), noted


def failures(team: Team, sha: str) -> tuple[Record, ...] | None:
    """The records that say why a commit failed."""
    return tuple(record for record in team.notes(sha) if record.phase is Phase.FAILED) or None


def _event(team: Team, bad: Bad) -> Object | None:
    return next(
        (
            event
            for event in team.events()
            if event["involvedObject"]["kind"] == bad.event_kind and re.search(bad.message, event["message"])
        ),
        None,
    )


def test_unreachable_repository_is_told_and_heals_by_itself(make_team: Callable[[str], Team]) -> None:
    team = make_team("-unreachable")
    sha = team.repository.commit("A map", {"apps/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\n"})
    away = team.repository.bare.rename(team.repository.bare.with_name("away.git"))
    with team.agent():
        team.complaint("repository.git", seconds=60)
        assert "repository.git" in team.status()
        away.rename(team.repository.bare)
        team.ready(sha, 60)
        team.repository.bare.rename(away)
        team.complaint("repository.git", seconds=60)
        away.rename(team.repository.bare)
        team.ready(sha, 60)


def test_wrong_revision_is_told_and_heals_when_it_appears(make_team: Callable[[str], Team]) -> None:
    team = make_team("-revision")
    team.settings["GITSYNC_REVISION"] = "proposal"
    file = "apps/map.yaml"
    team.repository.commit("A map", {file: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {a: b}\n"})
    with team.agent():
        team.complaint("proposal", seconds=60)
        assert "proposal" in team.status()
        sha = team.repository.propose("Now it is there", file, lambda text: text.replace("a: b", "a: c"))
        team.ready(sha, 60)
