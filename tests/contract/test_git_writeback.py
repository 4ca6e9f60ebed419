"""The lane that pushes records: batched, patient, and never in the way of anybody."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from git_repositories import Repository, run_git

from gitsync.git import mirrors, pushes
from gitsync.git.writeback import FORBIDDEN_INTERVAL, UNKNOWN, WriteBack
from gitsync.model.records import Phase, Record, parse_lines

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Lane:
    """A lane, its clock, and a repository to push to."""

    def __init__(self, directory: Path) -> None:
        self.repository = Repository(directory / "repository")
        self.sha = self.repository.commit({"a": "1"})
        self.mirror = mirrors.Mirrors(directory / "mirrors").get(self.repository.url)
        self.mirror.resolve("main")
        self.clock = Clock()
        self.changes: list[str] = []
        self.lane = WriteBack(self.clock, self.changes.append)
        self.lane.start()

    def submit(self, *phases: Phase, app: str = "orders") -> None:
        told = [Record("demo", app, self.sha, phase, phase.name, "", self.clock.now()) for phase in phases]
        self.lane.submit(self.mirror, "demo", told)

    def pass_time(self, seconds: float) -> None:
        self.clock.seconds += seconds
        self.lane.submit(self.mirror, "demo", [])

    def told(self) -> list[str]:
        listed = run_git("for-each-ref", "refs/notes", at=self.repository.bare)
        text = run_git("notes", "--ref=gitsync/demo", "show", self.sha, at=self.repository.bare) if listed else ""
        return sorted(f"{one.app} {one.phase}" for one in parse_lines(text))

    def pushes(self) -> int:
        return int(run_git("rev-list", "--count", "refs/notes/gitsync/demo", at=self.repository.bare))

    @property
    def state(self) -> tuple[str, str]:
        state = self.lane.state(self.repository.url)
        return state.status, state.reason


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    running = Lane(tmp_path)
    try:
        yield running
    finally:
        running.lane.stop(30)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.02)


def test_the_first_record_goes_at_once_and_the_next_ones_together(lane: Lane) -> None:
    assert lane.lane.state(lane.repository.url) == UNKNOWN
    lane.submit(Phase.RUNNING)
    until(lambda: lane.told() == ["orders running"])
    until(lambda: lane.state == ("True", "Pushed"))
    lane.submit(Phase.STABLE)
    lane.submit(Phase.RUNNING, Phase.STABLE, app="fraud")
    lane.pass_time(9)
    assert not lane.lane.is_idle()
    assert lane.pushes() == 1
    lane.pass_time(1.5)
    until(lane.lane.is_idle)
    assert lane.told() == ["fraud running", "fraud stable", "orders running", "orders stable"]
    assert lane.pushes() == 2
    assert lane.changes == [lane.repository.url]


def test_a_key_that_may_not_push_is_a_condition_and_tried_hourly(lane: Lane) -> None:
    run_git("config", "receive.hideRefs", "refs/notes", at=lane.repository.bare)
    lane.submit(Phase.RUNNING)
    until(lambda: lane.state == ("False", "PushForbidden"))
    assert "not allowed to push refs/notes/gitsync/demo" in lane.lane.state(lane.repository.url).message
    since = lane.lane.state(lane.repository.url).since
    run_git("config", "--unset", "receive.hideRefs", at=lane.repository.bare)
    lane.pass_time(FORBIDDEN_INTERVAL - 1)
    lane.submit(Phase.STABLE)
    assert lane.state == ("False", "PushForbidden")
    lane.pass_time(2)
    until(lambda: lane.state == ("True", "Pushed"))
    assert lane.told() == ["orders running", "orders stable"]
    assert since == START
    assert lane.lane.state(lane.repository.url).since == lane.clock.now()


def test_a_key_that_may_write_nothing_keeps_everything_for_later(lane: Lane) -> None:
    run_git("config", "receive.hideRefs", "refs", at=lane.repository.bare)
    lane.submit(Phase.APPLIED)
    until(lambda: lane.state == ("False", "PushForbidden"))
    lane.submit(Phase.RUNNING)
    run_git("config", "--unset", "receive.hideRefs", at=lane.repository.bare)
    lane.pass_time(FORBIDDEN_INTERVAL - 1)
    assert lane.told() == []
    lane.pass_time(2)
    until(lambda: lane.state == ("True", "Pushed"))
    assert lane.told() == ["orders applied", "orders running"]


def test_new_credentials_are_tried_at_once(lane: Lane, tmp_path: Path) -> None:
    run_git("config", "receive.hideRefs", "refs/notes", at=lane.repository.bare)
    lane.submit(Phase.RUNNING)
    until(lambda: lane.state == ("False", "PushForbidden"))
    run_git("config", "--unset", "receive.hideRefs", at=lane.repository.bare)
    lane.mirror = mirrors.Mirrors(tmp_path / "mirrors").get(lane.repository.url)
    lane.submit(Phase.STABLE)
    until(lambda: lane.told() == ["orders running", "orders stable"])


def test_a_repository_that_is_away_is_tried_with_growing_pauses(lane: Lane) -> None:
    away = lane.repository.bare.with_name("away.git")
    lane.repository.bare.rename(away)
    lane.submit(Phase.RUNNING)
    until(lambda: lane.state == ("False", "RepositoryUnreachable"))
    away.rename(lane.repository.bare)
    lane.pass_time(11)
    until(lane.lane.is_idle)
    assert lane.told() == ["orders running"]
    assert lane.changes == [lane.repository.url] * 2


def test_an_unforeseen_failure_does_not_end_the_lane(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> bool:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(pushes, "write", broken)
    lane.submit(Phase.RUNNING)
    until(lambda: lane.state == ("False", "InternalError"))
    monkeypatch.undo()
    lane.pass_time(11)
    until(lambda: lane.told() == ["orders running"])


def test_what_waits_is_pushed_when_the_agent_ends(lane: Lane) -> None:
    lane.submit(Phase.RUNNING)
    until(lane.lane.is_idle)
    lane.submit(Phase.STABLE)
    lane.lane.stop(30)
    assert lane.told() == ["orders running", "orders stable"]


def test_a_repository_that_hangs_does_not_delay_another(
    lane: Lane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository(tmp_path / "other")
    sha = other.commit({"a": "1"})
    hanging = mirrors.Mirrors(tmp_path / "mirrors2").get(other.url)
    released = threading.Event()
    write = pushes.write
    calls: list[str] = []

    def slow(mirror: mirrors.Mirror, *rest: Any, **more: Any) -> bool:
        calls.append(mirror.url)
        if mirror is hanging:
            assert released.wait(60)
        return write(mirror, *rest, **more)

    monkeypatch.setattr(pushes, "write", slow)
    lane.lane.submit(hanging, "demo", [Record("demo", "slow", sha, Phase.RUNNING, "Running", "", lane.clock.now())])
    until(lambda: calls == [other.url])
    lane.submit(Phase.RUNNING)
    until(lambda: lane.told() == ["orders running"])
    lane.clock.seconds += 100
    lane.lane.submit(hanging, "demo", [Record("demo", "slow", sha, Phase.STABLE, "Stable", "", lane.clock.now())])
    assert calls.count(other.url) == 1, "nobody writes one repository twice at a time"
    released.set()
    until(lambda: lane.lane.state(other.url).status == "True")
    lane.pass_time(100)
    until(lane.lane.is_idle)
    assert calls.count(other.url) == 2
    text = run_git("notes", "--ref=gitsync/demo", "show", sha, at=other.bare)
    assert sorted(one.phase.value for one in parse_lines(text)) == ["running", "stable"]


def test_the_status_branch_is_a_matter_of_policy(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for directory, wanted in ((first, True), (second, False)):
        running = Lane(directory)
        running.lane.stop(30)
        running.lane = WriteBack(running.clock, running.changes.append, status_branch=wanted)
        running.lane.start()
        running.submit(Phase.RUNNING)
        until(lambda running=running: running.state == ("True", "Pushed"))  # type: ignore[misc]
        running.lane.stop(30)
        branches = run_git("for-each-ref", "--format=%(refname)", "refs/heads/gitsync", at=running.repository.bare)
        assert branches == ("refs/heads/gitsync/status/demo" if wanted else "")
        assert ("gitsync/status/demo" in running.lane.state(running.repository.url).message) is wanted


def test_a_protected_branch_does_not_slow_the_notes_and_gets_what_it_missed(lane: Lane) -> None:
    run_git("config", "receive.hideRefs", "refs/heads/gitsync", at=lane.repository.bare)
    lane.submit(Phase.APPLIED)
    until(lambda: lane.state == ("False", "PushForbidden"))
    assert "refs/heads/gitsync/status/demo" in lane.lane.state(lane.repository.url).message
    assert lane.told() == ["orders applied"]
    lane.submit(Phase.RUNNING)
    lane.pass_time(11)
    until(lambda: lane.told() == ["orders applied", "orders running"])
    until(lane.lane.is_idle)
    assert lane.state == ("False", "PushForbidden")
    assert lane.pushes() == 2
    run_git("config", "--unset", "receive.hideRefs", at=lane.repository.bare)
    lane.pass_time(FORBIDDEN_INTERVAL)
    until(lambda: lane.state == ("True", "Pushed"))
    text = run_git("show", "gitsync/status/demo:apps/orders.json", at=lane.repository.bare)
    found = [one["phase"] for commit in json.loads(text)["commits"] for one in commit["records"]]
    assert found == ["running", "applied"]
