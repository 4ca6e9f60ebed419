"""Records on real commits in real repositories, with other writers and servers that refuse."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from git_https import GitServer
from git_repositories import Repository, run_git

from gitsync.git import access, drafts, mirrors, notes, pushes
from gitsync.model.records import JobRecord, Phase, Record, parse_lines
from operator_core.errors import AgentError, Reason, Retry, Stalled


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def mirror_of(repository: Repository, directory: Path) -> mirrors.Mirror:
    mirror = mirrors.Mirrors(directory).get(repository.url)
    mirror.resolve("main")
    return mirror


def write(
    mirror: mirrors.Mirror, cluster: str, news: list[Record], pause: Callable[[float], None] = time.sleep
) -> bool:
    return pushes.write(mirror, cluster, news, branch=False, pause=pause)


def record(sha: str, app: str = "orders", phase: Phase = Phase.RUNNING, second: int = 0, message: str = "") -> Record:
    job = JobRecord("FlinkDeployment", "default", app, "create", "abc", "", "file:/sp/1")
    return Record("demo", app, sha, phase, "Running", message, datetime(2026, 11, 21, 9, 0, second, tzinfo=UTC), (job,))


def told(repository: Repository, sha: str, cluster: str = "demo") -> list[str]:
    """What anybody with a plain git sees."""
    text = run_git("notes", f"--ref=refs/notes/gitsync/{cluster}", "show", sha, at=repository.bare)
    return [f"{one.app} {one.phase}" for one in parse_lines(text)]


def test_a_record_is_a_note_that_plain_git_shows(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    assert write(mirror, "demo", [record(sha)])
    assert told(repository, sha) == ["orders running"]
    assert notes.read(mirror, "demo", sha) == (record(sha),)
    assert notes.read(mirror, "other", sha) == ()


def test_what_is_told_already_is_not_pushed_again(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    assert write(mirror, "demo", [record(sha)])
    before = run_git("rev-parse", "refs/notes/gitsync/demo", at=repository.bare)
    assert not write(mirror, "demo", [record(sha, second=5)])
    assert run_git("rev-parse", "refs/notes/gitsync/demo", at=repository.bare) == before
    assert write(mirror, "demo", [record(sha, phase=Phase.STABLE, second=6)])
    assert told(repository, sha) == ["orders running", "orders stable"]


def test_a_person_s_own_note_stays(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    run_git("notes", "--ref=refs/notes/gitsync/demo", "add", "-m", "rolled out with care", sha, at=repository.bare)
    write(mirror_of(repository, tmp_path / "m"), "demo", [record(sha)])
    assert "rolled out with care" in run_git("notes", "--ref=refs/notes/gitsync/demo", "show", sha, at=repository.bare)
    assert told(repository, sha) == ["orders running"]


def test_several_commits_are_one_push_and_many_notes_keep_their_order(repository: Repository, tmp_path: Path) -> None:
    shas = [repository.commit({"a": str(number)}, push=False) for number in range(3)]
    tree = repository.git("rev-parse", "HEAD^{tree}")
    old = [repository.git("commit-tree", tree, "-m", f"old {number}") for number in range(300)]
    for sha in old:
        repository.git("update-ref", f"refs/heads/old/{sha}", sha)
    repository.git("push", "--quiet", "origin", "--all")
    stream = "commit refs/notes/gitsync/demo\ncommitter A <a@b> 0 +0000\ndata 1\nx\n"
    stream += "".join(f"N inline {sha}\ndata 4\nold\n\n" for sha in old)
    run_git("fast-import", "--quiet", at=repository.bare, text=stream)
    mirror = mirror_of(repository, tmp_path / "m")
    write(mirror, "demo", [record(sha) for sha in (*shas, old[7])])
    assert run_git("rev-list", "--count", "refs/notes/gitsync/demo", at=repository.bare) == "2"
    assert [told(repository, sha) for sha in shas] == [["orders running"]] * 3
    assert run_git("notes", "--ref=refs/notes/gitsync/demo", "show", old[8], at=repository.bare) == "old"
    assert "old" in run_git("notes", "--ref=refs/notes/gitsync/demo", "show", old[7], at=repository.bare)


def test_writers_at_the_same_time_lose_nothing(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    writers = [mirror_of(repository, tmp_path / f"m{number}") for number in range(3)]
    problems: list[BaseException] = []
    start = threading.Barrier(3)

    def work(number: int) -> None:
        try:
            start.wait(30)
            for turn in range(3):
                write(writers[number], "demo", [record(sha, f"app-{number}-{turn}", second=turn)])
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert problems == []
    assert sorted(told(repository, sha)) == sorted(f"app-{n}-{t} running" for n in range(3) for t in range(3))


def test_a_writer_that_always_loses_tries_again_later(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    faster = mirror_of(repository, tmp_path / "faster")
    pushed = drafts.push
    count = iter(range(100))

    def outrun(mine: mirrors.Mirror, commits: Mapping[str, str]) -> Mapping[str, AgentError | None]:
        if mine is mirror:
            write(faster, "demo", [record(sha, f"faster-{next(count)}")])
        return pushed(mine, commits)

    monkeypatch.setattr(drafts, "push", outrun)
    pauses: list[float] = []
    with pytest.raises(Retry, match="other writers were always faster"):
        write(mirror, "demo", [record(sha)], pause=pauses.append)
    assert len(pauses) == 7
    assert 0.05 <= pauses[0] <= 0.1
    assert max(pauses) <= 1.0
    assert len(told(repository, sha)) == 8


def test_a_protected_ref_is_push_forbidden(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    run_git("config", "receive.hideRefs", "refs/notes", at=repository.bare)
    with pytest.raises(Stalled, match=r"not allowed to push refs/notes/gitsync/demo to .* hidden ref") as caught:
        write(mirror, "demo", [record(sha)])
    assert caught.value.reason is Reason.PushForbidden
    run_git("config", "--unset", "receive.hideRefs", at=repository.bare)
    assert write(mirror, "demo", [record(sha)])


def test_hooks_of_a_local_repository_do_not_run(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    mark = tmp_path / "hook-ran"
    elsewhere = tmp_path / "hooks"
    elsewhere.mkdir()
    for place in (repository.bare / "hooks", elsewhere):
        place.mkdir(exist_ok=True)
        for name in ("pre-receive", "update", "post-receive", "reference-transaction"):
            (place / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
            (place / name).chmod(0o755)
    assert write(mirror, "demo", [record(sha)])
    run_git("config", "core.hooksPath", str(elsewhere), at=repository.bare)
    assert write(mirror, "demo", [record(sha, phase=Phase.STABLE)])
    assert not mark.exists()


def test_over_https_a_read_only_key_and_a_wrong_one_are_push_forbidden(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    with GitServer(repository.bare.parent, tmp_path) as server:
        server.behaviour.user, server.behaviour.password = "robot", "s3cr3t-token"
        known = access.Credentials("robot", "s3cr3t-token", ca_file=str(server.ca_file))
        mirror = mirrors.Mirrors(tmp_path / "m").get(server.url("origin.git"), known)
        mirror.resolve("main")
        assert write(mirror, "demo", [record(sha)])
        assert told(repository, sha) == ["orders running"]
        server.behaviour.read_only = True
        with pytest.raises(Stalled) as caught:
            write(mirror, "demo", [record(sha, phase=Phase.STABLE)])
        assert caught.value.reason is Reason.PushForbidden
        assert "s3cr3t-token" not in caught.value.message
        assert "403" in caught.value.message


def test_a_repository_that_vanished_is_tried_again(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    moved = repository.bare.with_name("moved.git")
    repository.bare.rename(moved)
    with pytest.raises(Retry) as caught:
        write(mirror, "demo", [record(sha)])
    assert caught.value.reason is Reason.RepositoryUnreachable
    shutil.move(moved, repository.bare)
    assert write(mirror, "demo", [record(sha)])


def test_a_record_of_a_commit_that_is_gone_is_dropped(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirror_of(repository, tmp_path / "m")
    assert write(mirror, "demo", [record("0" * 40), record(sha)])
    assert told(repository, sha) == ["orders running"]
    assert not write(mirror, "demo", [record("0" * 40)])


@pytest.mark.parametrize("cluster", ["", "a b", "a/b", "../x", "a..b", "-x", "x.lock", "x\n", "x."])
def test_a_cluster_name_that_is_no_ref_is_refused(cluster: str) -> None:
    with pytest.raises(Stalled, match="cannot be part of a Git ref"):
        notes.ref_of(cluster)
