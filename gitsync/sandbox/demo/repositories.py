"""A bare Git repository made from a folder of manifests, and the person who commits to it.

The demo and the end-to-end tests change a cluster only through here. Runs the user's `git` with a fixed identity
and none of the user's configuration. Knows nothing of clusters.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitsync.model import records
from gitsync.sandbox import errors

BRANCH = "main"
PROPOSAL = "proposal"
IDENTITY = {
    "GIT_AUTHOR_NAME": "Dana Developer",
    "GIT_AUTHOR_EMAIL": "dana@example.org",
    "GIT_COMMITTER_NAME": "Dana Developer",
    "GIT_COMMITTER_EMAIL": "dana@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    # The agent in a pod may own what it wrote to the bare repository.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as a log shows it."""

    sha: str
    subject: str


class Repository:
    """A bare repository at `url` and a work tree in which commits are made and pushed at once."""

    def __init__(self, folder: Path) -> None:
        self.bare = folder / "repository.git"
        self.tree = folder / "work-tree"

    @property
    def url(self) -> str:
        """What an agent on this machine is pointed at."""
        return str(self.bare)

    @classmethod
    def create(cls, folder: Path, content: Path | None = None) -> Repository:
        """A new repository in `folder`; its first commit holds the files of `content`. Raises SandboxError."""
        made = cls(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _git(folder, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(made.bare))
        _git(folder, "clone", "--quiet", str(made.bare), str(made.tree))
        _git(made.tree, "checkout", "--quiet", "-B", BRANCH)
        if content is not None:
            shutil.copytree(content, made.tree, dirs_exist_ok=True)
        return made

    def commit(self, subject: str, files: Mapping[str, str | None] | None = None) -> str:
        """Write `files` (None deletes one), commit everything and push; the commit's id."""
        for name, text in (files or {}).items():
            target = self.tree / name
            if text is None:
                target.unlink()
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
        _git(self.tree, "add", "--all")
        _git(self.tree, "commit", "--quiet", "--allow-empty", "--message", subject)
        return self._push()

    def edit(self, subject: str, name: str, change: Callable[[str], str]) -> str:
        """Commit one file as `change` makes it. Raises SandboxError when nothing changes: a demo edit that misses."""
        before = (self.tree / name).read_text(encoding="utf-8")
        after = change(before)
        if after == before:
            raise errors.SandboxError(f"the edit for '{subject}' does not match {name}")
        return self.commit(subject, {name: after})

    def propose(self, subject: str, name: str, change: Callable[[str], str]) -> str:
        """Like `edit`, but on the branch `proposal` alone, as for a pull request; `publish` makes it real."""
        before = (self.tree / name).read_text(encoding="utf-8")
        (self.tree / name).write_text(change(before), encoding="utf-8")
        _git(self.tree, "commit", "--quiet", "--all", "--message", subject)
        _git(self.tree, "push", "--quiet", "--force", "origin", f"HEAD:{PROPOSAL}")
        return _git(self.tree, "rev-parse", "HEAD").strip()

    def publish(self) -> str:
        """Push what was proposed to the branch that agents follow."""
        return self._push()

    def revert(self) -> str:
        """Revert the newest commit; the id of the commit that does."""
        _git(self.tree, "revert", "--no-edit", "HEAD")
        return self._push()

    def log(self) -> tuple[Commit, ...]:
        """The branch's commits, newest first."""
        lines = _git(self.tree, "log", "--format=%H %s").splitlines()
        return tuple(Commit(*line.split(" ", 1)) for line in lines)

    def notes(self, cluster: str, sha: str) -> tuple[records.Record, ...]:
        """What agents wrote to a commit of the bare repository; empty when nothing."""
        listed = _git(self.bare, "notes", f"--ref=refs/notes/gitsync/{cluster}", "list", accept=(0, 1))
        if sha not in listed.split():
            return ()
        return records.parse_lines(_git(self.bare, "notes", f"--ref=refs/notes/gitsync/{cluster}", "show", sha))

    def _push(self) -> str:
        _git(self.tree, "push", "--quiet", "origin", f"HEAD:{BRANCH}")
        return _git(self.tree, "rev-parse", "HEAD").strip()


def _git(folder: Path, *arguments: str, accept: tuple[int, ...] = (0,)) -> str:
    command = ["git", "-C", str(folder), *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | IDENTITY
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise errors.SandboxError(f"`git {arguments[0]}` did not run in {folder}: {error}") from error
    if done.returncode not in accept:
        raise errors.SandboxError(f"`git {' '.join(arguments)}` failed in {folder}: {done.stderr.strip()}")
    return done.stdout
