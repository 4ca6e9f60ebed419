"""Nothing around Git steers it: configuration, environment, submodules, arguments, time."""

import time
from pathlib import Path

import pytest
from git_mirrors import mirror_of
from git_repositories import Repository, run_git

from gitsync.git import commands, trees, urls
from gitsync.git.commands import Call, Commands


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def test_a_local_repository_s_configuration_runs_nothing(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mark = tmp_path / "ran"
    for name in (
        "core.fsmonitor",
        "core.sshCommand",
        "uploadpack.packObjectsHook",
        "core.pager",
        "core.alternateRefsCommand",
    ):
        run_git("config", name, f"touch {mark};", at=repository.bare)
    assert mirror_of(repository.url, tmp_path)[0].resolve("main").sha == sha
    assert not mark.exists()


def test_the_environment_does_not_steer_git(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = repository.commit({"a": "1"})
    mark = tmp_path / "ran"
    (tmp_path / "evil").write_text(f'[alias]\n\tls-remote = "!touch {mark}"\n[core]\n\tfsmonitor = touch {mark}\n')
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_WORK_TREE", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "evil"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'url.ext::sh.insteadOf=/'")
    monkeypatch.setenv("GIT_TRACE", str(mark))
    monkeypatch.setenv("HOME", "/nowhere")
    assert mirror_of(repository.url, tmp_path)[0].resolve("main").sha == sha
    assert not mark.exists()


def test_a_submodule_and_its_url_are_never_touched(repository: Repository, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    blob = repository.commit({"apps/a": "1"})
    modules = f'[submodule "x"]\n\tpath = apps/x\n\turl = "ext::sh -c touch% {mark}"\n'
    (repository.work / ".gitmodules").write_text(modules)
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{blob},apps/x")
    repository.git("add", ".gitmodules")
    repository.git("commit", "--quiet", "-m", "module")
    repository.git("push", "--quiet", "origin", "HEAD")
    mirror, _ = mirror_of(repository.url, tmp_path)
    files = trees.files(mirror, mirror.resolve("main").sha, "apps")
    assert [(file.path, file.mode) for file in files] == [("apps/a", "100644"), ("apps/x", trees.SUBMODULE)]
    assert not mark.exists()


def test_a_command_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    git = Commands(tmp_path / "home")
    pid_file = tmp_path / "pid"
    alias = f"alias.wait=!sh -c 'echo $$ > {pid_file}; exec sleep 60'"
    with pytest.raises(commands.TimedOut):
        git.run(None, ("-c", alias, "wait"), Call(timeout=1.0))
    deadline = time.monotonic() + 10
    while _is_alive(int(pid_file.read_text())):
        assert time.monotonic() < deadline, "the child outlived its time"


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_secrets_are_in_no_argument(tmp_path: Path) -> None:
    git = Commands(tmp_path / "home")
    remote = urls.parse("https://bob:hunter2@example.org/a", urls.Policy())
    shown = tmp_path / "arguments"
    alias = f"alias.spy=!tr '\\0' '\\n' < /proc/$PPID/cmdline > {shown}; tr '\\0' '\\n' < /proc/self/cmdline >> {shown}"
    git.run(None, ("-c", alias, "spy"), Call(remote=remote))
    assert "alias.spy" in shown.read_text()
    assert "hunter2" not in shown.read_text()
