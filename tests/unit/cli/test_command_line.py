"""The command line: exit codes, one message per error, a fast start, options as they are documented."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from gitsync.cli import completing, main, podlogs, suspend, tables
from gitsync.cli.run import local_path, option
from operator_core.errors import Reason, Retry
from operator_core.kube.requests import Request


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two commands that fail, one as foreseen and one not."""

    @click.command()
    def foreseen() -> None:
        raise Retry(Reason.ApiUnreachable, "the cluster does not answer")

    @click.command()
    def unforeseen() -> None:
        raise RuntimeError("oops")

    def get(_: object, ctx: click.Context, name: str) -> click.Command | None:
        return {"foreseen": foreseen, "unforeseen": unforeseen}.get(name)

    monkeypatch.setattr(main.LazyGroup, "get_command", get)


def test_foreseen_error_is_one_message(failing: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["foreseen"]) == 3
    assert capsys.readouterr().err == "gitsync: the cluster does not answer\n"


def test_unforeseen_error_has_no_traceback(failing: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["unforeseen"]) == 3
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "RuntimeError: oops" in err


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["plan", "--nonsense"], ["plan", "a", "b", "c"], ["status", "-o", "x"]]
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(arguments) == 2
    assert "Error" in capsys.readouterr().err


def test_every_command_can_be_loaded_and_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in main.COMMANDS:
        assert main.run([name, "--help"]) == 0
        assert f"gitsync {name}" in capsys.readouterr().out


def test_help_imports_no_command() -> None:
    script = (
        "import sys\n"
        "from gitsync.cli import main\n"
        "assert main.run(['--help']) == 0\n"
        "heavy = [m for m in ('kubernetes', 'git', 'pydantic', 'rich', 'starlette') if m in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_install_prints_definitions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["install", "--print"]) == 0
    out = capsys.readouterr().out
    assert "name: syncapps.gitsync.io" in out
    assert "name: flinkdeployments.flink.apache.org" in out


def test_local_repository_becomes_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.git").mkdir()
    monkeypatch.chdir(tmp_path)
    assert local_path("r.git") == str(tmp_path / "r.git")
    assert local_path("https://example.org/r.git") == "https://example.org/r.git"
    assert local_path(None) is None


def test_operator_defaults_are_pairs() -> None:
    assert option("a.b=c=d") == ("a.b", "c=d")
    with pytest.raises(click.BadParameter):
        option("a")


def test_columns_line_up_and_show_what_is_empty() -> None:
    text = tables.columns(["A", "B"], [["long value", ""], ["x", "y"]])
    assert click.unstyle(text).splitlines() == ["A           B", "long value  -", "x           y"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_of_every_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert f"_GITSYNC_COMPLETE={shell}_complete" in out and "%(" not in out


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_name_of_an_app_or_a_job_can_be_completed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "_names", lambda _, of_jobs: ["a job" if of_jobs else "an app"])
    command = main.cli.get_command(click.Context(main.cli), name)
    assert command is not None
    wanted = {"app": ["an app"], "job": ["a job"]}
    for parameter in command.params:
        offered = wanted.get(parameter.name or "")
        # `set` changes a job in Git and `restore` an app of a cluster that is gone: neither is in this one.
        if offered is not None and name not in ("set", "restore"):
            found = parameter.shell_complete(click.Context(command), "a")
            assert [one.value for one in found] == offered, parameter.name


def test_completion_offers_commands() -> None:
    environment = {**os.environ, "_GITSYNC_COMPLETE": "bash_complete", "COMP_WORDS": "gitsync hi", "COMP_CWORD": "1"}
    command = [sys.executable, "-m", "gitsync.cli.main"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["plain,history"], done.stderr


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("90m", "2026-01-01T13:30:00Z"),
        ("2d", "2026-01-03T12:00:00Z"),
        ("2026-02-01T10:00:00+02:00", "2026-02-01T08:00:00Z"),
    ],
)
def test_end_of_a_suspension(text: str, end: str) -> None:
    assert suspend.moment(text, NOW) == end


@pytest.mark.parametrize("text", ["tomorrow", "5", "2025-01-01T00:00:00Z"])
def test_end_of_a_suspension_that_is_none(text: str) -> None:
    with pytest.raises(click.BadParameter):
        suspend.moment(text, NOW)


def test_log_request_says_which_lines() -> None:
    wanted = podlogs.Wanted("jobmanager", "flink-main-container", True, False, 5, None)
    assert podlogs.request("n", "p-1", wanted) == Request(
        "GET",
        "/api/v1/namespaces/n/pods/p-1/log",
        (("container", "flink-main-container"), ("follow", "true"), ("tailLines", "5")),
    )
