"""Submodules are read like directories, from where settings allow, with credentials of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from git_https import GitServer
from git_repositories import Repository, config_map

from gitsync.git import access, mirrors, trees, urls
from gitsync.git.submodules import Submodules
from gitsync.model.rendersets import RenderSet
from gitsync.render import rendering
from gitsync.render.selecting import Source
from operator_core.errors import Retry


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def library(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "library")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path, tmp_path) as running:
        yield running


def add(repository: Repository, url: str, sha: str, path: str = "apps/lib", name: str = "lib") -> str:
    modules = repository.work / ".gitmodules"
    before = modules.read_text() if modules.exists() else ""
    modules.write_text(before + f'[submodule "{name}"]\n\tpath = {path}\n\turl = {url}\n')
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{sha},{path}")
    repository.git("add", ".gitmodules")
    repository.git("commit", "--quiet", "-m", "module")
    repository.git("push", "--quiet", "origin", "HEAD")
    return repository.git("rev-parse", "HEAD")


def rendered(mirror: mirrors.Mirror, known: access.Credentials | None = None) -> RenderSet:
    revision = mirror.resolve("main")
    Submodules(lambda _: known).bring(mirror, revision.sha)
    return rendering.render(mirror, revision, Source(path="apps", recurse=True))


def test_files_of_a_submodule_are_files_of_the_commit(
    repository: Repository, library: Repository, tmp_path: Path
) -> None:
    first = library.commit({"base/b.yaml": config_map("b"), "readme": "x"})
    second = library.commit({"base/b.yaml": config_map("c")})
    repository.commit({"apps/a.yaml": config_map("a")})
    add(repository, library.url, first)
    mirror = mirrors.Mirror(repository.url, tmp_path / "mirrors")
    found = rendered(mirror)
    assert found.ok
    assert [(one.file, one.body["metadata"]["name"]) for one in found.objects] == [
        ("apps/a.yaml", "a"),
        ("apps/lib/base/b.yaml", "b"),
    ]
    before = mirror.resolve("main").sha
    repository.git("update-index", "--cacheinfo", f"160000,{second},apps/lib")
    repository.git("commit", "--quiet", "-m", "newer")
    repository.git("push", "--quiet", "origin", "HEAD")
    newer = rendered(mirror)
    assert [one.body["metadata"]["name"] for one in newer.objects] == ["a", "c"]
    changed = trees.changed_paths(mirror, before, newer.revision.sha)
    assert set(changed) == {"apps/lib", "apps/lib/base/b.yaml", "apps/lib/readme"}
    again = rendering.render(mirror, newer.revision, Source(path="apps", recurse=True), previous=found)
    assert [one.body["metadata"]["name"] for one in again.objects] == ["a", "c"], "a moved submodule is a change"


def test_a_submodule_in_a_submodule_and_a_relative_url(
    repository: Repository, library: Repository, tmp_path: Path
) -> None:
    inner = Repository(tmp_path / "inner")
    deep = inner.commit({"d.yaml": config_map("deep")})
    library.commit({"readme": "x"})
    middle = add(library, "../../inner/origin.git", deep, "sub", "odd.name")
    repository.commit({"apps/a.yaml": config_map("a")})
    add(repository, "../../library/origin.git", middle)
    found = rendered(mirrors.Mirror(repository.url, tmp_path / "mirrors"))
    assert [one.file for one in found.objects] == ["apps/a.yaml", "apps/lib/sub/d.yaml"]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ext::sh -c touch% /tmp/x", "it is empty, starts with '-' or holds spaces"),
        ("ext::sh", "the transport 'ext' is not allowed"),
        ("--upload-pack=touch", "starts with '-'"),
        ("git://localhost/x", "the transport 'git' is not allowed"),
        ("https://other.example.org/x", "a host that submoduleHosts of the settings does not name"),
    ],
)
def test_a_url_that_is_refused_spoils_only_what_needs_it(
    repository: Repository, tmp_path: Path, url: str, problem: str
) -> None:
    sha = repository.commit({"apps/a.yaml": config_map("a"), "other/o.yaml": config_map("o")})
    add(repository, url, sha)
    mirror = mirrors.Mirror(repository.url, tmp_path / "mirrors")
    found = rendered(mirror)
    assert len(found.errors) == 1 and not found.objects
    assert found.errors[0].file == "apps/lib"
    assert problem in found.errors[0].message
    other = rendering.render(mirror, found.revision, Source(path="other"))
    assert other.ok


def test_a_remote_repository_names_no_local_path(
    repository: Repository, library: Repository, server: GitServer, tmp_path: Path
) -> None:
    sha = library.commit({"b.yaml": config_map("b")})
    repository.commit({"apps/a.yaml": config_map("a")})
    add(repository, library.url, sha)
    known = access.Credentials(ca_file=str(server.ca_file))
    mirror = mirrors.Mirror(server.url("repository/origin.git"), tmp_path / "mirrors", credentials=known)
    assert "leads to a host that" in rendered(mirror, known).errors[0].message


def test_credentials_of_a_submodule_are_its_own(
    repository: Repository, library: Repository, server: GitServer, tmp_path: Path
) -> None:
    sha = library.commit({"b.yaml": config_map("b")})
    repository.commit({"apps/a.yaml": config_map("a")})
    with GitServer(library.bare.parent, tmp_path / "library") as other:
        other.behaviour.user, other.behaviour.password = "lib", "other"
        add(repository, other.url("origin.git").replace("localhost", "127.0.0.1"), sha)
        server.behaviour.user, server.behaviour.password = "robot", "s3cret"
        own = access.Credentials("robot", "s3cret", ca_file=str(server.ca_file))
        allowed = urls.Policy(module_hosts=("127.0.0.1",))
        place = tmp_path / "mirrors"
        mirror = mirrors.Mirror(server.url("repository/origin.git"), place, credentials=own, policy=allowed)
        without = access.Credentials(insecure=True)
        with pytest.raises(Retry, match=r"the submodule apps/lib of .* it refused the credentials"):
            rendered(mirror, without)
        assert other.behaviour.authorizations == [], "the repository's own credentials go nowhere else"
        assert [one.file for one in rendered(mirror, access.Credentials("lib", "other", insecure=True)).objects] == [
            "apps/a.yaml",
            "apps/lib/b.yaml",
        ]
