"""What a changed settings file does to a running agent."""

import logging
from pathlib import Path

import pytest

from gitsync import settings
from gitsync.reloading import Reloader
from gitsync.settings import Settings


class World:
    """A settings file and what was applied of it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.applied: list[Settings] = []
        self.write("operatorDefaults: {taskmanager.numberOfTaskSlots: 1}")
        self.reloader = Reloader(self._read(), self._read, self.applied.append)

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def look(self) -> Settings | None:
        before = len(self.applied)
        self.reloader.look()
        return self.applied[-1] if len(self.applied) > before else None

    def _read(self) -> Settings:
        return settings.load(self.file, {}, {})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "settings.yaml")


def test_new_defaults_and_namespaces_take_effect_once(world: World) -> None:
    assert world.look() is None
    world.write("operatorDefaults: {taskmanager.numberOfTaskSlots: 2}\nwatchNamespaces: [a, b]")
    found = world.look()
    assert found is not None
    assert (found.operator_defaults, found.watch_namespaces) == ({"taskmanager.numberOfTaskSlots": "2"}, ("a", "b"))
    assert world.look() is None


@pytest.mark.parametrize("text", ["operatorDefaults: [", "operatorDefault: {}", "- 1"])
def test_settings_that_cannot_be_read_leave_the_last_good_ones(
    world: World, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.write(text)
    assert world.look() is None
    assert world.look() is None
    assert caplog.text.count("not used") == 1
    world.write("operatorDefaults: {a: b}")
    assert world.look() is not None


def test_what_only_a_start_can_change_is_said_and_kept(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        world.write("operatorDefaults: {a: b}\npollSeconds: 5\nnamespace: elsewhere")
        found = world.look()
    assert found is not None
    assert (found.poll_seconds, found.namespace) == (60.0, "gitsync-system")
    assert "changed settings take effect at the next start: namespace, poll_seconds" in caplog.text


def test_a_file_that_vanishes_changes_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.file.unlink()
    assert world.look() is None
    assert "cannot read the settings file" in caplog.text
