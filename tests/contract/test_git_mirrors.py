"""Mirrors of real repositories: what they cost and what every kind of name means."""

import threading
from pathlib import Path

import pytest
from git_mirrors import mirror_of
from git_repositories import Repository, run_git

from gitsync.git import trees
from operator_core.errors import Reason, Retry, Stalled


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


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


def test_a_range_follows_the_newest_version(repository: Repository, tmp_path: Path) -> None:
    shas = {}
    for version in ("v1.2.0", "v1.10.0", "v2.0.0-rc.1"):
        shas[version] = repository.commit({"a": version})
        repository.git("tag", "-a", version, "-m", version)
        repository.git("push", "--quiet", "origin", version)
    mirror, _ = mirror_of(repository.url, tmp_path)
    assert mirror.resolve("1.*").sha == shas["v1.10.0"]
    assert mirror.resolve(">=1").sha == shas["v1.10.0"]
    assert mirror.resolve(">=1-0").sha == shas["v2.0.0-rc.1"]
    repository.git("tag", "v1.11.0", shas["v1.2.0"])
    repository.git("push", "--quiet", "origin", "v1.11.0")
    assert mirror.resolve("1.*").sha == shas["v1.2.0"]


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


def test_commits_that_nobody_looked_at_are_known_by_what_they_changed(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit({"apps/a": "1", "other/b": "1"})
    second = repository.commit({"apps/a": "2"})
    repository.commit({"other/b": "2"})
    fourth = repository.commit({"apps/*": "1"})
    fifth = repository.commit({"apps/a": None})
    mirror, _ = mirror_of(repository.url, tmp_path)
    mirror.resolve("main")
    assert trees.passed_over(mirror, first, fifth, ("apps",)) == (second, fourth)
    assert trees.passed_over(mirror, first, fifth, ("apps/*",)) == (fourth,), "a path is no pattern"
    assert len(trees.passed_over(mirror, first, fifth, (".",))) == 3
    assert trees.passed_over(mirror, fifth, first, (".",)) == (), "the way back passes over nothing"
    assert trees.passed_over(mirror, "0" * 40, fifth, (".",)) == ()
    assert trees.passed_over(mirror, first, fifth, ()) == ()


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
