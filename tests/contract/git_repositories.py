"""Real repositories for tests: a bare one as a server has it, and a clone to commit from."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def run_git(*arguments: str, at: Path, text: str | None = None) -> str:
    """Output of git; fails the test when git fails."""
    done = subprocess.run(
        ["git", *arguments], cwd=at, env={**os.environ, **_ENVIRONMENT}, input=text, capture_output=True, text=True
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


class Repository:
    """A bare repository and a working clone of it."""

    def __init__(self, directory: Path) -> None:
        self.bare = directory / "origin.git"
        self.work = directory / "work"
        self.work.mkdir(parents=True)
        run_git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), at=directory)
        run_git("init", "--quiet", "--initial-branch=main", at=self.work)
        run_git("remote", "add", "origin", str(self.bare), at=self.work)

    @property
    def url(self) -> str:
        return str(self.bare)

    def git(self, *arguments: str) -> str:
        """Git in the working clone."""
        return run_git(*arguments, at=self.work)

    def commit(self, files: Mapping[str, str | bytes | None], subject: str = "Change", push: bool = True) -> str:
        """Write files (None removes one), commit, push; the commit's id."""
        for name, content in files.items():
            place = self.work / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                place.unlink()
            else:
                place.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        if push:
            self.git("push", "--quiet", "--force", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")

    def link(self, name: str, target: str) -> None:
        """A symbolic link, to be committed later."""
        place = self.work / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)


def config_map(name: str, **data: str) -> str:
    """A manifest as people write them."""
    lines = "".join(f"  {key}: {value}\n" for key, value in data.items())
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n{lines}"
        if data
        else (f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
    )
