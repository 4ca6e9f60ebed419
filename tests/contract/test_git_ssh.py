"""Repositories over ssh, with a real ssh client and a server that takes one key."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from git_repositories import Repository
from git_ssh import SshServer

from gitsync.git import access, mirrors
from operator_core.errors import Reason, Retry


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def server(repository: Repository) -> Iterator[SshServer]:
    with SshServer(repository.bare.parent) as running:
        yield running


def known(server: SshServer) -> access.Credentials:
    return access.Credentials(ssh_key=server.private_key.strip(), known_hosts=server.known_hosts)


def test_a_key_and_a_known_host(repository: Repository, server: SshServer, tmp_path: Path) -> None:
    sha = repository.commit({"a": "1"})
    mirror = mirrors.Mirror(server.url("origin.git"), tmp_path, credentials=known(server))
    assert mirror.resolve("main").sha == sha
    second = repository.commit({"a": "2"})
    assert mirror.resolve("main").sha == second
    assert mirror.exchange("push", "--", mirror.url, f"{sha}:refs/heads/pushed").status == 0
    assert repository.git("ls-remote", "origin", "refs/heads/pushed").startswith(sha)
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(b"PRIVATE KEY" in content for content in written), "no key on the disk"


def test_an_unknown_host_another_key_and_a_broken_one(
    repository: Repository, server: SshServer, tmp_path: Path
) -> None:
    sha = repository.commit({"a": "1"})
    url, good = server.url("origin.git"), known(server)
    wrong = [
        (replace(good, known_hosts=""), "its host key is not among the known ones: add it to ssh_known_hosts"),
        (replace(good, ssh_key=""), "it refused the credentials"),
        (replace(good, ssh_key="nonsense"), "the ssh key of its Secret cannot be read"),
    ]
    with SshServer(tmp_path) as other:
        wrong.append((replace(good, ssh_key=other.private_key), "it refused the credentials"))
        impostor = other.known_hosts.partition(" ")[2]
    wrong.append((replace(good, known_hosts=f"[localhost]:{server.port} {impostor}"), "its host key is not among"))
    for credentials, problem in wrong:
        with pytest.raises(Retry, match=problem) as caught:
            mirrors.Mirror(url, tmp_path / "mirrors", credentials=credentials).resolve("main")
        assert caught.value.reason is Reason.RepositoryUnreachable
        assert "PRIVATE" not in caught.value.message
    assert server.commands == [], "no command before both sides are known"
    trusting = replace(good, known_hosts="", insecure=True)
    assert mirrors.Mirror(url, tmp_path / "mirrors", credentials=trusting).resolve("main").sha == sha


def test_ssh_uses_nothing_of_this_machine(
    repository: Repository, server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = repository.commit({"a": "1"})
    mark = tmp_path / "ran"
    monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {mark};")
    monkeypatch.setenv("GIT_SSH", f"touch {mark};")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nowhere")
    monkeypatch.setenv("SSH_ASKPASS", f"touch {mark}")
    mirror = mirrors.Mirror(server.url("origin.git"), tmp_path / "mirrors", credentials=known(server))
    assert mirror.resolve("main").sha == sha
    assert not mark.exists()
