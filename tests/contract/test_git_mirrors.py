"""Mirrors of real repositories: what they cost, what they survive, what they refuse."""

import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_https import GitServer
from git_repositories import Repository, run_git

from gitsync.git import access, commands, mirrors, trees, urls
from gitsync.git.commands import Call, Commands, Output
from operator_core.errors import Reason, Retry, Stalled


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def server(repository: Repository, tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(repository.bare.parent, tmp_path) as running:
        yield running


class Counted(Commands):
    """Git, counting what is run."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.ran: list[str] = []

    def run(self, directory: Path | None, arguments: tuple[str, ...], call: Call | None = None) -> Output:
        self.ran.append(arguments[0])
        return super().run(directory, arguments, call)

    def since(self) -> list[str]:
        ran, self.ran = self.ran, []
        return ran


def mirror_of(url: str, tmp_path: Path, known: access.Credentials | None = None) -> tuple[mirrors.Mirror, Counted]:
    git = Counted(tmp_path / "home")
    return mirrors.Mirror(url, tmp_path, credentials=known, git=git), git


def test_a_fetch_only_when_it_moved(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit({"a": "1"}, subject="First of all")
    mirror, git = mirror_of(repository.url, tmp_path)
    revision = mirror.resolve("main")
    assert (revision.sha, revision.subject, revision.author, revision.repo) == (
        first,
        "First of all",
        "Ada",
        repository.url,
    )
    assert git.since().count("fetch") == 1
    assert mirror.resolve("main") == revision
    assert git.since() == ["ls-remote"], "an unchanged repository costs one probe"
    assert mirror.resolve("main", max_age=60) == revision
    assert mirror.resolve(first).sha == first
    assert git.since() == [], "neither a young answer nor a commit that is here costs anything"
    second = repository.commit({"a": "2"})
    assert mirror.resolve("main", max_age=60).sha == first
    assert mirror.resolve("main").sha == second
    ran = git.since()
    assert (ran.count("ls-remote"), ran.count("fetch")) == (1, 1)


def test_a_new_process_fetches_nothing_that_is_here(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror_of(repository.url, tmp_path)[0].resolve("main")
    mirror, git = mirror_of(repository.url, tmp_path)
    assert mirror.resolve("HEAD").sha == sha
    assert "fetch" not in git.since()


def test_every_kind_of_name(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit({"a": "1"})
    repository.git("tag", "-a", "v1", "-m", "Version 1")
    repository.git("tag", "light")
    second = repository.commit({"a": "2"})
    repository.git("branch", "feature/x", first)
    repository.git("push", "--quiet", "origin", "--all")
    repository.git("push", "--quiet", "origin", "--tags")
    mirror, _ = mirror_of(repository.url, tmp_path)
    names = {"main": second, "": second, "HEAD": second, "v1": first, "refs/tags/v1": first, "light": first}
    names |= {"feature/x": first, first: first, first[:9]: first, second[:7].upper(): second}
    assert {name: mirror.resolve(name).sha for name in names} == names
    with pytest.raises(Stalled, match=r"did you mean main\?"):
        mirror.resolve("mian")
    with pytest.raises(Stalled, match="has no branch, tag or commit"):
        mirror.resolve("f" * 40)
    repository.git("push", "--quiet", "origin", f"{first}:refs/heads/v1")
    with pytest.raises(Stalled, match="is both a branch and a tag") as caught:
        mirror.resolve("v1")
    assert caught.value.reason is Reason.RevisionAmbiguous


def test_force_pushes_and_removed_branches(repository: Repository, tmp_path: Path) -> None:
    base = repository.commit({"a": "1"})
    gone = repository.commit({"a": "2"})
    mirror, _ = mirror_of(repository.url, tmp_path)
    assert mirror.resolve("main").sha == gone
    repository.git("reset", "--quiet", "--hard", base)
    other = repository.commit({"a": "3"})
    assert mirror.resolve("main").sha == other
    assert mirror.resolve(gone).sha == gone, "what a cluster still runs stays readable"
    repository.git("push", "--quiet", "origin", "HEAD:refs/heads/extra")
    assert mirror.resolve("extra").sha == other
    repository.git("push", "--quiet", "origin", ":refs/heads/extra")
    # A directory in the place of a file: refs that cannot exist together.
    repository.git("push", "--quiet", "origin", "HEAD:refs/heads/extra/deep")
    assert mirror.resolve("extra/deep").sha == other
    with pytest.raises(Stalled):
        mirror.resolve("extra")


def test_own_branches_and_notes_are_not_followed(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror, git = mirror_of(repository.url, tmp_path)
    mirror.resolve("main")
    git.since()
    for ref in ("refs/heads/gitsync/status/demo", "refs/notes/gitsync/demo", "refs/pull/1/head"):
        repository.git("push", "--quiet", "origin", f"{sha}:{ref}")
    mirror.resolve("main")
    assert git.since() == ["ls-remote"]
    with pytest.raises(Stalled):
        mirror.resolve("gitsync/status/demo")


def test_a_repository_that_vanishes_and_comes_back(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror, _ = mirror_of(repository.url, tmp_path)
    mirror.resolve("main")
    repository.bare.rename(tmp_path / "away")
    with pytest.raises(Retry, match="there is no repository at this address") as caught:
        mirror.resolve("main")
    assert caught.value.reason is Reason.RepositoryUnreachable
    assert trees.files(mirror, sha, "") == [trees.File("a", "100644", trees.files(mirror, sha, "")[0].blob, 1)]
    (tmp_path / "away").rename(repository.bare)
    assert mirror.resolve("main").sha == sha


def test_an_empty_repository_says_so_until_it_has_a_commit(repository: Repository, tmp_path: Path) -> None:
    mirror, _ = mirror_of(repository.url, tmp_path)
    with pytest.raises(Stalled, match="has no branch and no tag yet"):
        mirror.resolve("main")
    sha = repository.commit({"a": "1"})
    assert mirror.resolve("main").sha == sha


def test_repositories_with_sha256(tmp_path: Path) -> None:
    place = tmp_path / "new"
    run_git("init", "--quiet", "--object-format=sha256", "--initial-branch=main", str(place), at=tmp_path)
    run_git("commit", "--quiet", "--allow-empty", "-m", "x", at=place)
    sha = run_git("rev-parse", "HEAD", at=place)
    assert len(sha) == 64
    assert mirror_of(str(place), tmp_path)[0].resolve("main").sha == sha


def test_history_is_answered_from_the_mirror(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit({"apps/a": "1", "other/b": "1"})
    second = repository.commit({"other/b": "2", "other/é": "x"})
    third = repository.commit({"apps/a": None, "apps/c": "1"})
    mirror, _ = mirror_of(repository.url, tmp_path)
    mirror.resolve("main")
    assert set(trees.changed_paths(mirror, first, second)) == {"other/b", "other/é"}
    assert set(trees.changed_paths(mirror, second, third)) == {"apps/a", "apps/c"}
    assert trees.changed_paths(mirror, third, third) == ()
    assert set(trees.changed_paths(mirror, "0" * 40, third)) == {"apps/c", "other/b", "other/é"}
    assert trees.last_change(mirror, second, ("apps",)) == first
    assert trees.last_change(mirror, third, ("apps",)) == third
    assert trees.last_change(mirror, third, ("other/b", "*")) == second
    assert trees.last_change(mirror, third, (".",)) == third
    assert trees.last_change(mirror, third, ("nothing",)) == third


def test_what_a_killed_git_left_is_swept(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a": "1"})
    mirror, _ = mirror_of(repository.url, tmp_path)
    mirror.resolve("main")
    leftovers = [
        "packed-refs.lock",
        "HEAD.lock",
        "refs/heads/main.lock",
        "objects/pack/tmp_pack_x",
        "fast_import_crash_1",
    ]
    for name in leftovers:
        (mirror.directory / name).write_text("")
    sha = repository.commit({"a": "2"})
    again, _ = mirror_of(repository.url, tmp_path)
    assert again.resolve("main").sha == sha
    assert [name for name in leftovers if (mirror.directory / name).exists()] == []


def test_a_damaged_mirror_is_made_anew(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a": "1"})
    mirror, _ = mirror_of(repository.url, tmp_path)
    mirror.resolve("main")
    for pack in mirror.directory.glob("objects/pack/*"):
        pack.chmod(0o644)
        pack.write_bytes(b"damaged")
    sha = repository.commit({"a": "2"})
    again, _ = mirror_of(repository.url, tmp_path)
    assert again.resolve("main").sha == sha
    shutil.rmtree(mirror.directory)
    assert again.resolve("main").sha == sha, "the directory may be deleted at any time"


def test_packs_are_combined_and_nothing_is_lost(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "_MOST_PACKS", 5)
    mirror, _ = mirror_of(repository.url, tmp_path)
    shas = []
    for number in range(mirrors._MOST_PACKS + 2):
        shas.append(repository.commit({"a": str(number)}))
        repository.git("reset", "--quiet", "--soft", shas[0])
        mirror.resolve("main")
    assert len(list(mirror.directory.glob("objects/pack/*.pack"))) < mirrors._MOST_PACKS
    assert all(mirror.has_commit(sha) for sha in shas)


def test_passes_at_the_same_time_share_a_probe(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a": "1"})
    mirror, git = mirror_of(repository.url, tmp_path)
    mirror.resolve("main")
    git.since()
    sha = repository.commit({"a": "2"})
    start = threading.Barrier(6)
    found: list[str] = []

    def work() -> None:
        start.wait(30)
        found.append(mirror.resolve("main").sha)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [sha] * 6
    ran = git.since()
    assert ran.count("fetch") == 1
    assert ran.count("ls-remote") <= 2


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


# over TLS


def known(server: GitServer, **more: str) -> access.Credentials:
    return access.Credentials(ca_file=str(server.ca_file), **more)


def test_https_with_a_password(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    server.behaviour.user, server.behaviour.password = "robot", "p@ss word%"
    mirror, _ = mirror_of(server.url("origin.git"), tmp_path, known(server, username="robot", password="p@ss word%"))
    assert mirror.resolve("main").sha == sha
    in_url = server.url("origin.git", "robot:p%40ss%20word%25@")
    other, _ = mirror_of(in_url, tmp_path / "other", known(server))
    assert other.resolve("main").sha == sha
    assert "p@ss" not in other.url
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and "repository" not in file.parts]
    assert not any(b"p@ss" in content or b"p%40ss" in content for content in written), "no secret on the disk"


def test_https_with_a_bearer_token(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    server.behaviour.bearer = "t0ken"
    mirror, _ = mirror_of(server.url("origin.git"), tmp_path, known(server, bearer_token="t0ken"))
    assert mirror.resolve("main").sha == sha


def test_a_revoked_token_is_told_without_showing_it(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    repository.commit({"a": "1"})
    server.behaviour.user, server.behaviour.password = "robot", "new"
    mirror, _ = mirror_of(server.url("origin.git"), tmp_path, known(server, username="robot", password="0ld-t0ken"))
    with pytest.raises(Retry, match="it refused the credentials") as caught:
        mirror.resolve("main")
    assert "0ld-t0ken" not in caught.value.message
    without, _ = mirror_of(server.url("origin.git"), tmp_path / "x", known(server))
    with pytest.raises(Retry, match="it refused the credentials"):
        without.resolve("main")


def test_an_untrusted_certificate_is_named(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    repository.commit({"a": "1"})
    mirror, _ = mirror_of(server.url("origin.git"), tmp_path)
    with pytest.raises(Retry, match="its certificate is not trusted"):
        mirror.resolve("main")


def test_a_busy_and_a_missing_and_a_silent_host(
    repository: Repository, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a": "1"})
    mirror, _ = mirror_of(server.url("origin.git"), tmp_path, known(server))
    server.behaviour.status = 429
    with pytest.raises(Retry, match="asks to come back later") as caught:
        mirror.resolve("main")
    assert caught.value.after == 60
    server.behaviour.status = 0
    missing, _ = mirror_of(server.url("nobody.git"), tmp_path, known(server))
    with pytest.raises(Retry, match="there is no repository at this address"):
        missing.resolve("main")
    monkeypatch.setattr(mirrors, "PROBE_TIMEOUT", 0.5)
    server.behaviour.hang = threading.Event()
    with pytest.raises(Retry, match=r"no answer within 0\.5 seconds"):
        mirror.resolve("main")


def test_credentials_follow_no_redirect(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    repository.commit({"a": "1"})
    (tmp_path / "elsewhere").mkdir()
    with GitServer(repository.bare.parent, tmp_path / "elsewhere") as other:
        server.behaviour.redirect_to = other.url("").rstrip("/")
        secret = known(server, username="robot", password="s3cret")
        with pytest.raises(Retry):
            mirror_of(server.url("origin.git"), tmp_path, secret)[0].resolve("main")
        assert other.behaviour.requests == []
        assert other.behaviour.authorizations == []


# the command layer


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


def test_the_lock_of_a_killed_agent_holds_as_long_as_its_git_runs(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a": "1"})
    mirror, _ = mirror_of(repository.url, tmp_path)
    mirror.resolve("main")
    lock = os.open(mirror.directory.with_suffix(".lock"), os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    child = subprocess.Popen(["sleep", "60"], pass_fds=(lock,))
    os.close(lock)
    again, _ = mirror_of(repository.url, tmp_path)
    sha = repository.commit({"a": "2"})
    found: list[str] = []
    waiting = threading.Thread(target=lambda: found.append(again.resolve("main").sha))
    waiting.start()
    waiting.join(1.0)
    assert found == [], "the writer must wait for the orphan"
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    waiting.join(30)
    assert found == [sha]
