"""Settings from a file, the environment and flags: precedence, types, and messages that say what to mend."""

from pathlib import Path

import pytest

from gitsync import settings
from operator_core.errors import Stalled


def test_flags_win_over_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("repo: /from/file\npollSeconds: 5\npath: apps\nwebhook: {port: 1, secretFile: /s}\n")
    environment = {"GITSYNC_REPO": "/from/environment", "GITSYNC_POLL_SECONDS": "7", "GITSYNC_WEBHOOK_PORT": "2"}
    found = settings.load(file, environment, {"repo": "/from/flag", "poll_seconds": None, "webhook_port": 3})
    assert (found.repo, found.poll_seconds, found.path) == ("/from/flag", 7.0, "apps")
    assert (found.webhook.port, found.webhook.secret_file) == (3, Path("/s"))


def test_lists_and_maps_from_the_environment() -> None:
    environment = {
        "GITSYNC_WATCH_NAMESPACES": "a, b",
        "GITSYNC_OPERATOR_DEFAULTS": "{kubernetes.operator.x: true, n: 3}",
        "GITSYNC_PRUNE": "true",
    }
    found = settings.load(None, environment, {})
    assert found.watch_namespaces == ("a", "b")
    assert found.operator_defaults == {"kubernetes.operator.x": "true", "n": "3"}
    assert found.prune is True


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ({"webhook_port": 80}, "secretFile"),
        ({"cluster": "a/b"}, "part of a Git ref"),
        ({"cluster": "a..b"}, "part of a Git ref"),
        ({"operator_defaults": {"kubernetes.operator.label.selector": "a b"}}, "is no label selector"),
        ({"role": "boss"}, "role"),
        ({"poll_seconds": 0}, "poll_seconds"),
        ({"webhook_port": 80, "webhook_secret_file": "/s", "probe_port": 81}, "same port"),
    ],
)
def test_invalid_settings_say_what_is_wrong(flags: dict[str, object], text: str) -> None:
    with pytest.raises(Stalled, match="settings are not valid") as raised:
        settings.load(None, {}, flags)
    assert text in raised.value.message


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a: [1,", "is not YAML"),
        ("- 1\n", "must hold a map"),
        ("repos: x\n", "repos"),
        ("webhook: {ports: 1}\n", "ports"),
    ],
)
def test_bad_file_is_named(tmp_path: Path, content: str, text: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(content)
    with pytest.raises(Stalled) as raised:
        settings.load(file, {}, {})
    assert text in raised.value.message


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Stalled, match=r"cannot read the settings file .*absent"):
        settings.load(tmp_path / "absent", {}, {})


def test_one_server_for_probes_and_webhook() -> None:
    assert settings.load(None, {}, {}).web_port == 0
    assert settings.load(None, {}, {"probe_port": 8080}).web_port == 8080
