"""The demo's repository is a real one: commits, a proposal, a revert, and notes read back."""

import subprocess
from pathlib import Path

import pytest

from gitsync.sandbox import errors
from gitsync.sandbox.demo.repositories import Repository


def branch(repository: Repository, name: str) -> str:
    command = ["git", "-C", str(repository.bare), "rev-parse", name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    (tmp_path / "content/apps").mkdir(parents=True)
    (tmp_path / "content/apps/a.yaml").write_text("parallelism: 1\n")
    made = Repository.create(tmp_path / "git", tmp_path / "content")
    made.commit("Run it")
    return made


def test_a_proposal_is_not_on_the_branch_until_it_is_published(repository: Repository) -> None:
    before = branch(repository, "main")
    proposed = repository.propose("Widen it", "apps/a.yaml", lambda text: text.replace("1", "2"))
    assert branch(repository, "proposal") == proposed and branch(repository, "main") == before
    assert repository.publish() == proposed == branch(repository, "main")


def test_a_revert_restores_the_file_in_a_new_commit(repository: Repository) -> None:
    repository.edit("Break it", "apps/a.yaml", lambda text: "broken\n")
    reverted = repository.revert()
    assert (repository.tree / "apps/a.yaml").read_text() == "parallelism: 1\n"
    assert repository.log()[0].sha == reverted == branch(repository, "main")
    assert len(repository.log()) == 3


def test_an_edit_that_changes_nothing_is_an_error(repository: Repository) -> None:
    with pytest.raises(errors.SandboxError, match="does not match apps/a"):
        repository.edit("Nothing", "apps/a.yaml", lambda text: text.replace("absent", "present"))


def test_notes_of_an_agent_are_read_from_the_bare_repository(repository: Repository) -> None:
    sha = branch(repository, "main")
    assert repository.notes("demo", sha) == ()
    line = (
        '{"v":1,"cluster":"demo","app":"root","revision":"' + sha + '","phase":"running","reason":"Running",'
        '"message":"","time":"2026-01-02T03:04:05Z","jobs":[]}'
    )
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    command = [
        "git",
        *who,
        "-C",
        str(repository.bare),
        "notes",
        "--ref=refs/notes/gitsync/demo",
        "add",
        "-m",
        line,
        sha,
    ]
    subprocess.run(command, check=True, capture_output=True)
    assert [record.phase for record in repository.notes("demo", sha)] == ["running"]
