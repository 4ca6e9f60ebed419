"""Signed commits and tags, verified by real GnuPG and ssh-keygen with nothing but the keys that were given."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_repositories import Repository
from signing import GnuPG, SshSigner

from gitsync.git import mirrors
from gitsync.git.signatures import Signers, Verifier
from operator_core.errors import Reason, Stalled

pytestmark = pytest.mark.skipif(
    shutil.which("gpg") is None or shutil.which("ssh-keygen") is None, reason="needs gpg and ssh-keygen"
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def people() -> Iterator[tuple[GnuPG, GnuPG]]:
    both = GnuPG("Ada <ada@example.org>"), GnuPG("Eve <eve@example.org>")
    yield both
    for one in both:
        one.close()


class Followed:
    """A mirror and a verifier; `refused` is the reason why a name is not accepted, "" where it is."""

    def __init__(self, repository: Repository, tmp_path: Path) -> None:
        self._mirror = mirrors.Mirror(repository.url, tmp_path / "mirrors")
        self._verifier = Verifier(tmp_path / "keyrings")

    def refused(self, ref: str, signers: Signers, *allowed: str) -> str:
        revision = self._mirror.resolve(ref)
        try:
            self._verifier.check(self._mirror, ref, revision.sha, signers, allowed)
        except Stalled as error:
            assert error.reason is Reason.SignatureInvalid
            return error.message
        return ""


def test_commits_and_tags_signed_with_gnupg(
    repository: Repository, people: tuple[GnuPG, GnuPG], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, eve = people
    followed = Followed(repository, tmp_path)
    monkeypatch.setenv("GNUPGHOME", "/nowhere")
    repository.commit({"a": "1"})
    keys = Signers((ada.public_key,))
    assert "the commit " in (problem := followed.refused("main", keys, ada.fingerprint))
    assert "it has no signature" in problem
    ada.sign(repository, "commit", "-S", "-q", "--allow-empty", "-m", "signed")
    repository.git("push", "-q", "origin", "HEAD")
    for name in (ada.fingerprint, ada.fingerprint[-16:], "0x" + ada.fingerprint[-16:].lower()):
        assert followed.refused("main", keys, name) == ""
    assert "it is signed by" in followed.refused("main", keys, eve.fingerprint)
    assert "it is signed by" in followed.refused("main", keys, ada.fingerprint[-8:]), "short ids can be forged"
    assert "not in the ConfigMap argocd-gpg-keys-cm" in followed.refused("main", Signers(), ada.fingerprint)
    eve.sign(repository, "commit", "-S", "-q", "--allow-empty", "-m", "by another")
    repository.git("push", "-q", "origin", "HEAD")
    assert "a key that is not in the ConfigMap" in followed.refused("main", keys, ada.fingerprint)
    ada.sign(repository, "tag", "-s", "v1.0.0", "-m", "good")
    repository.git("tag", "-a", "v1.1.0", "-m", "not signed")
    repository.git("push", "-q", "origin", "--tags")
    assert followed.refused("v1.0.0", keys, ada.fingerprint) == "", "the tag is signed, the commit by another"
    assert followed.refused("1.0.*", keys, ada.fingerprint) == ""
    assert "the tag v1.1.0" in followed.refused("v1.1.0", keys, ada.fingerprint)
    signed = repository.git("rev-parse", "refs/tags/v1.0.0")
    repository.git("update-ref", "refs/tags/v1.2.0", signed)
    repository.git("push", "-q", "origin", "--tags")
    renamed = "it was signed as the tag v1.0.0 and put under another name"
    assert renamed in followed.refused("v1.2.0", keys, ada.fingerprint)
    assert renamed in followed.refused("1.2.*", keys, ada.fingerprint)
    assert followed.refused("refs/tags/v1.0.0", keys, ada.fingerprint) == ""


def test_a_forged_signature_does_not_fit(repository: Repository, people: tuple[GnuPG, GnuPG], tmp_path: Path) -> None:
    ada, _ = people
    ada.sign(repository, "commit", "-S", "-q", "--allow-empty", "-m", "signed")
    raw = repository.git("cat-file", "commit", "HEAD") + "\n"
    forged = tmp_path / "forged"
    forged.write_text(raw.replace("\nsigned\n", "\nother words\n"))
    sha = repository.git("hash-object", "-t", "commit", "-w", str(forged))
    repository.git("push", "-q", "origin", f"{sha}:refs/heads/main")
    problem = Followed(repository, tmp_path).refused("main", Signers((ada.public_key,)), ada.fingerprint)
    assert "its signature does not fit its content" in problem


def test_commits_signed_with_ssh(repository: Repository, tmp_path: Path) -> None:
    ada, eve = SshSigner("ada@example.org", tmp_path), SshSigner("eve@example.org", tmp_path)
    followed = Followed(repository, tmp_path)
    keys = Signers(ssh=f"# people\n{ada.allowed}")
    ada.sign(repository, "commit", "-S", "-q", "--allow-empty", "-m", "signed")
    repository.git("push", "-q", "origin", "HEAD")
    assert followed.refused("main", keys, ada.fingerprint) == ""
    assert followed.refused("main", keys, "ada@example.org") == ""
    assert "it is signed by" in followed.refused("main", keys, "eve@example.org")
    eve.sign(repository, "commit", "-S", "-q", "--allow-empty", "-m", "signed")
    repository.git("push", "-q", "origin", "HEAD")
    assert "gitsync-allowed-signers" in followed.refused("main", keys, ada.fingerprint, eve.fingerprint)
