"""Keys of people for tests, made by GnuPG and by ssh-keygen, and commits and tags signed with them."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from git_repositories import Repository


class GnuPG:
    """A person with a GnuPG key; the home directory is short-named, for the agent's socket."""

    def __init__(self, who: str) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="gpg-")
        made = ("--quick-gen-key", who, "ed25519", "sign", "never")
        self._run("--batch", "--passphrase", "", *made)
        listed = self._run("--with-colons", "--list-keys")
        found = re.search(r"^fpr:+([0-9A-F]{40}):", listed, re.MULTILINE)
        assert found is not None
        self.fingerprint = found[1]

    @property
    def public_key(self) -> str:
        return self._run("--armor", "--export", self.fingerprint)

    def close(self) -> None:
        subprocess.run(["gpgconf", "--homedir", self._home.name, "--kill", "all"], capture_output=True)
        self._home.cleanup()

    def sign(self, repository: Repository, *command: str) -> None:
        """Run a Git command that signs in the working clone."""
        _git(repository, {"GNUPGHOME": self._home.name}, "-c", f"user.signingKey={self.fingerprint}", *command)

    def _run(self, *arguments: str) -> str:
        command = ["gpg", "--homedir", self._home.name, *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


class SshSigner:
    """A person with an SSH key."""

    def __init__(self, who: str, directory: Path) -> None:
        self._key = directory / who.partition("@")[0]
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", who, "-f", str(self._key)]
        subprocess.run(make, check=True, capture_output=True)
        public = self._key.with_suffix(".pub")
        kind, text = public.read_text().split()[:2]
        self.allowed = f"{who} {kind} {text}"
        shown = subprocess.run(["ssh-keygen", "-l", "-f", str(public)], check=True, capture_output=True, text=True)
        self.fingerprint = shown.stdout.split()[1]

    def sign(self, repository: Repository, *command: str) -> None:
        _git(repository, {}, "-c", "gpg.format=ssh", "-c", f"user.signingKey={self._key}", *command)


def _git(repository: Repository, environment: dict[str, str], *arguments: str) -> None:
    who = {f"GIT_{role}_{part}": "ada@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    none = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *arguments],
        cwd=repository.work,
        env={**os.environ, **who, **none, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
