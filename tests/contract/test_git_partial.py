"""Mirrors without contents: what they hold, what a read says of the rest, and how often the server is asked for it."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_https import GitServer
from git_mirrors import mirror_of
from git_repositories import Repository, run_git

from gitsync.desired import wanting
from gitsync.desired.wanting import Contents
from gitsync.git import access, contents, mirrors, trees
from gitsync.git.submodules import Submodules
from operator_core.errors import Retry

BIG = os.urandom(300_000)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository")
    run_git("config", "uploadpack.allowFilter", "true", at=made.bare)
    return made


@pytest.fixture
def server(repository: Repository, tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(repository.bare.parent, tmp_path) as running:
        running.behaviour.user, running.behaviour.password = "robot", "t0ken"
        yield running


def credentials(server: GitServer, *, partial: bool = True, depth: int = 0) -> access.Credentials:
    return access.Credentials("robot", "t0ken", ca_file=str(server.ca_file), partial=partial, depth=depth)


def mirror(server: GitServer, tmp_path: Path, *, partial: bool = True, depth: int = 0) -> mirrors.Mirror:
    return mirror_of(server.url("origin.git"), tmp_path, credentials(server, partial=partial, depth=depth))[0]


def packs(server: GitServer) -> int:
    """How many packs the server was asked for since the last call; the list of its branches is not among them."""
    asked = sum(one == "POST /origin.git/git-upload-pack" for one in server.behaviour.requests)
    server.behaviour.requests.clear()
    return asked


def missed(one: mirrors.Mirror, sha: str, *paths: str) -> contents.Absent:
    """What a read of these files says."""
    listing = trees.listing(one, sha)
    with pytest.raises(contents.Absent) as caught:
        trees.read(one, [file.blob for path in paths if (file := listing.file(path)) is not None])
    return caught.value


def bytes_of(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def text_of(one: mirrors.Mirror, sha: str, path: str) -> bytes:
    file = trees.listing(one, sha).file(path)
    assert file is not None
    content = trees.read(one, [file.blob])[file.blob]
    assert file.size == len(content)
    return content


FILES = {"apps/a/one.yaml": "a: 1", "apps/a/two.yaml": "a: 22", "apps/a/rules.txt": "rules", "models/m.bin": BIG}


def test_contents_come_when_they_are_asked_for_and_many_in_one_fetch(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    first = repository.commit(FILES)
    one, wanted = mirror(server, tmp_path), Contents()
    assert one.resolve("main").sha == first
    packs(server)
    listing = trees.listing(one, first)
    assert [file.path for file in listing.below("")] == sorted(FILES), "names need no contents"
    assert len(listing.absent) == 4
    absent = missed(one, first, "apps/a/one.yaml", "apps/a/rules.txt")
    assert packs(server) == 0, "reading asks nobody"
    assert wanted.want(absent, [first]) and not wanted.want(absent, [first])
    wanted.bring(one, first)
    assert packs(server) == 1
    assert text_of(one, first, "apps/a/two.yaml") == b"a: 22"
    assert text_of(one, first, "apps/a/rules.txt") == b"rules"
    assert bytes_of(one.directory) < 100_000, "what no app reads stays where it is"
    wanted.bring(one, first)
    assert packs(server) == 0


def test_the_next_commit_brings_what_was_read_before_in_one_fetch(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    first = repository.commit(FILES)
    one, wanted = mirror(server, tmp_path, depth=1), Contents()
    one.resolve("main")
    wanted.want(missed(one, first, "apps/a/rules.txt"), [first])
    wanted.bring(one, first)
    second = repository.commit(
        {"apps/a/rules.txt": "other", "apps/a/one.yaml": "a: 2", "apps/b/new.yaml": "b: 1", "models/n.bin": BIG[1:]}
    )
    one.resolve("main")
    packs(server)
    wanted.bring(one, second)
    assert packs(server) == 1
    for path, content in {"apps/a/rules.txt": b"other", "apps/a/one.yaml": b"a: 2", "apps/b/new.yaml": b"b: 1"}.items():
        assert text_of(one, second, path) == content
    assert missed(one, second, "models/n.bin").blobs
    assert bytes_of(one.directory) < 100_000


def test_among_many_manifests_those_near_what_is_missed_come(
    repository: Repository, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wanting, "FEW", 3)
    sha = repository.commit({f"apps/{name}/{file}.yaml": f"{name}{file}: 1" for name in "abc" for file in "xyz"})
    one, wanted = mirror(server, tmp_path), Contents()
    one.resolve("main")
    wanted.want(missed(one, sha, "apps/a/x.yaml"), [sha])
    wanted.bring(one, sha)
    assert text_of(one, sha, "apps/a/z.yaml") == b"az: 1"
    wanted.want(missed(one, sha, "apps/b/x.yaml"), [sha])
    wanted.bring(one, sha)
    assert text_of(one, sha, "apps/c/z.yaml") == b"cz: 1", "the second time the directory above counts"


def test_a_file_of_a_commit_that_nobody_follows_comes_alone(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    old = repository.commit({"a.yaml": "a: 1"})
    new = repository.commit({"a.yaml": "a: 2"})
    one, wanted = mirror(server, tmp_path), Contents()
    one.resolve("main")
    wanted.want(missed(one, old, "a.yaml"), [])
    wanted.bring(one, new)
    assert text_of(one, old, "a.yaml") == b"a: 1"


def test_a_server_that_cannot_filter_is_said_once_and_read_whole(
    repository: Repository, server: GitServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_git("config", "uploadpack.allowFilter", "false", at=repository.bare)
    sha = repository.commit(FILES)
    one = mirror(server, tmp_path)
    with caplog.at_level(logging.WARNING):
        one.resolve("main")
    assert [record.getMessage() for record in caplog.records] == [
        f"{one.url} sends whole commits only: partial in its Secret has no effect"
    ]
    assert text_of(one, sha, "models/m.bin") == BIG


def test_a_server_that_fails_is_asked_again_for_the_same(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    sha = repository.commit(FILES)
    one, wanted = mirror(server, tmp_path), Contents()
    one.resolve("main")
    absent = missed(one, sha, "apps/a/one.yaml")
    wanted.want(absent, [sha])
    server.behaviour.fails_for = next(iter(absent.blobs)).encode()
    with pytest.raises(Retry, match="cannot read https://localhost"):
        wanted.bring(one, sha)
    server.behaviour.fails_for = b""
    server.behaviour.password = "revoked"
    with pytest.raises(Retry, match="it refused the credentials"):
        wanted.bring(one, sha)
    server.behaviour.password = "t0ken"
    wanted.bring(one, sha)
    assert text_of(one, sha, "apps/a/one.yaml") == b"a: 1"


def test_a_mirror_becomes_whole_when_the_secret_says_so(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    sha = repository.commit(FILES)
    mirror(server, tmp_path).resolve("main")
    whole = mirror(server, tmp_path, partial=False)
    assert whole.resolve(sha).sha == sha
    assert text_of(whole, sha, "models/m.bin") == BIG


def test_packs_are_combined_and_nothing_of_a_mirror_names_the_server(
    repository: Repository, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "_MOST_PACKS", 2)
    one, wanted = mirror(server, tmp_path), Contents()
    for number in range(3):
        sha = repository.commit({"a.yaml": f"a: {number}", "b.bin": os.urandom(50)})
        one.resolve("main")
        if number == 0:
            wanted.want(missed(one, sha, "a.yaml"), [sha])
        wanted.bring(one, sha)
    assert len(list(one.directory.glob("objects/pack/*.pack"))) <= 2
    assert text_of(one, sha, "a.yaml") == b"a: 2"
    assert missed(one, sha, "b.bin").blobs
    # Whoever reads the mirror could not fetch even if Git wanted to.
    assert "localhost" not in (one.directory / "config").read_text()


def test_submodules_are_found_without_contents(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    inner = Repository(repository.bare.parent / "inner")
    inner_sha = inner.commit({"deep.yaml": "deep: 1"})
    inner.bare.rename(repository.bare.parent / "inner.git")
    repository.commit({".gitmodules": '[submodule "m"]\n\tpath = lib\n\turl = ../inner.git\n', "a.yaml": "a: 1"})
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{inner_sha},lib")
    repository.git("commit", "--quiet", "-m", "Module")
    repository.git("push", "--quiet", "origin", "HEAD")
    sha = repository.git("rev-parse", "HEAD")
    one = mirror(server, tmp_path)
    one.resolve("main")
    Submodules(lambda _url: credentials(server, partial=False)).bring(one, sha)
    assert [file.path for file in trees.listing(one, sha).below("")] == [".gitmodules", "a.yaml", "lib/deep.yaml"]
    assert text_of(one, sha, "lib/deep.yaml") == b"deep: 1"
