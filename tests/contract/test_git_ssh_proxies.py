"""ssh through proxies: HTTP and SOCKS5, with passwords, and proxies that refuse."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from git_proxies import Proxy
from git_repositories import Repository
from git_ssh import SshServer

from gitsync.git import access, mirrors
from operator_core.errors import Reason, Retry, Stalled


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def server(repository: Repository) -> Iterator[SshServer]:
    with SshServer(repository.bare.parent) as running:
        yield running


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as running:
        yield running


def mirror_through(server: SshServer, url: str, directory: Path, **more: str) -> mirrors.Mirror:
    known = access.Credentials(ssh_key=server.private_key, known_hosts=server.known_hosts, proxy=url)
    return mirrors.Mirror(server.url("origin.git"), directory, credentials=replace(known, **more))


@pytest.mark.parametrize("way", ["url", "socks_url"])
def test_fetch_and_push_through_a_proxy(
    way: str, repository: Repository, server: SshServer, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/usr/sbin/nologin")
    sha = repository.commit({"a": "1" * 1_000_000})
    one = mirror_through(server, getattr(proxy, way), tmp_path / "mirrors")
    assert one.resolve("main").sha == sha
    assert one.exchange("push", "--", one.url, f"{sha}:refs/heads/pushed").status == 0
    assert set(proxy.asked) == {f"localhost:{server.port}"} and len(proxy.asked) == 3


def test_a_host_that_needs_no_proxy(repository: Repository, server: SshServer, proxy: Proxy, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    one = mirror_through(server, proxy.url, tmp_path / "mirrors", no_proxy="example.org,localhost")
    assert one.resolve("main").sha == sha
    assert proxy.asked == []


def test_a_proxy_that_refuses_is_told_with_its_reason_and_no_password(
    repository: Repository, server: SshServer, proxy: Proxy, tmp_path: Path
) -> None:
    repository.commit({"a": "1"})
    place = f"127.0.0.1:{proxy.server_address[1]}"
    wrong = {
        f"http://user:s3cret@{place}": "no way through the proxy .* it answered 407 Authenticate",
        f"http://{place}": "it answered 407",
        f"socks5://user:s3cret@{place}": "it refused the user and the password",
        "socks5://127.0.0.1:1": "no way through the proxy 127.0.0.1:1 to localhost:.* refused",
    }
    for url, problem in wrong.items():
        with pytest.raises(Retry, match=problem) as caught:
            mirror_through(server, url, tmp_path / "mirrors").resolve("main")
        assert caught.value.reason is Reason.RepositoryUnreachable
        assert "s3cret" not in caught.value.message
    assert server.commands == []


def test_the_host_key_counts_behind_a_proxy(
    repository: Repository, server: SshServer, proxy: Proxy, tmp_path: Path
) -> None:
    repository.commit({"a": "1"})
    with pytest.raises(Retry, match="its host key is not among the known ones"):
        mirror_through(server, proxy.url, tmp_path / "mirrors", known_hosts="").resolve("main")


def test_a_host_that_is_not_there(repository: Repository, server: SshServer, proxy: Proxy, tmp_path: Path) -> None:
    known = access.Credentials(ssh_key=server.private_key, known_hosts=server.known_hosts, proxy=proxy.socks_url)
    one = mirrors.Mirror("ssh://git@localhost:1/origin.git", tmp_path / "mirrors", credentials=known)
    with pytest.raises(Retry, match="to localhost:1: the connection was refused"):
        one.resolve("main")


@pytest.mark.parametrize("url", ["https://proxy:3128", "proxy:3128", "socks4://proxy", "http://", "http://p:x", "`id`"])
def test_what_is_no_proxy_for_ssh(url: str, server: SshServer, tmp_path: Path) -> None:
    with pytest.raises(Stalled, match="none that ssh can go through") as caught:
        mirror_through(server, url, tmp_path / "mirrors").resolve("main")
    assert caught.value.reason is Reason.RepositoryRefused
