"""Repositories over https: passwords, tokens, certificates, and servers that refuse, redirect or hang."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_https import GitServer
from git_mirrors import mirror_of
from git_proxies import Proxy
from git_repositories import Repository

from gitsync.git import access, mirrors, trees
from operator_core.errors import Retry


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def server(repository: Repository, tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(repository.bare.parent, tmp_path) as running:
        yield running


def known(server: GitServer, **more: str | int) -> access.Credentials:
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
    for status, asked, seconds in ((429, "7", 7), (503, "120", 120), (429, "99999", 3600), (429, "soon", 60)):
        server.behaviour.status, server.behaviour.retry_after = status, asked
        with pytest.raises(Retry, match=f"asks to come back later, in {seconds} seconds") as caught:
            mirror.resolve("main")
        assert caught.value.after == seconds
    server.behaviour.retry_after = ""
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


def test_a_certificate_that_is_only_trusted_here_or_not_looked_at(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    sha = repository.commit({"a": "1"})
    text = access.Credentials(ca_certificates=server.ca_file.read_text())
    assert mirror_of(server.url("origin.git"), tmp_path / "text", text)[0].resolve("main").sha == sha
    blind = access.Credentials(insecure=True)
    assert mirror_of(server.url("origin.git"), tmp_path / "blind", blind)[0].resolve("main").sha == sha


def test_a_client_certificate(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    with GitServer(repository.bare.parent, tmp_path, only_with_certificate=True) as server:
        with pytest.raises(Retry, match="cannot read https:"):
            mirror_of(server.url("origin.git"), tmp_path / "without", known(server))[0].resolve("main")
        pair = known(server, client_certificate=server.client_certificate, client_key=server.client_key)
        assert mirror_of(server.url("origin.git"), tmp_path / "with", pair)[0].resolve("main").sha == sha


def test_a_proxy_of_the_repository(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    with Proxy() as proxy:
        through = known(server, proxy=proxy.url)
        assert mirror_of(server.url("origin.git"), tmp_path / "through", through)[0].resolve("main").sha == sha
        assert set(proxy.asked) == {f"localhost:{server.port}"}
        proxy.asked.clear()
        past = known(server, proxy=proxy.url, no_proxy="localhost")
        assert mirror_of(server.url("origin.git"), tmp_path / "past", past)[0].resolve("main").sha == sha
        assert proxy.asked == []
        wrong = known(server, proxy=proxy.url.replace("password", "other"))
        with pytest.raises(Retry) as caught:
            mirror_of(server.url("origin.git"), tmp_path / "wrong", wrong)[0].resolve("main")
        assert "other" not in caught.value.message


def test_a_shallow_mirror_has_what_is_rendered_and_no_history(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    old = [repository.commit({"a": str(number)}) for number in range(5)]
    mirror, _ = mirror_of(server.url("origin.git"), tmp_path / "shallow", known(server, depth=1))
    assert mirror.resolve("main").sha == old[-1]
    assert not mirror.has_commit(old[0])
    assert mirror.local("rev-list", "--count", "--all").strip() == b"1"
    new = repository.commit({"a": "9"})
    assert mirror.resolve("main").sha == new
    assert trees.changed_paths(mirror, old[-1], new) == ("a",)
    assert mirror.resolve(old[2]).sha == old[2], "a commit that is asked for by its id is fetched"
