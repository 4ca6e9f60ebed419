"""What mirrors survive: killed processes, damaged packs, many small packs."""

import fcntl
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from git_mirrors import mirror_of
from git_repositories import Repository

from gitsync.git import mirrors


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


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
