"""Where a demo keeps its things, and how everything it started goes away again.

One folder holds the sandbox, the repository, the job's state and the logs; whatever ends the demo (its end, an error,
Ctrl-C, SIGTERM) ends the sandbox too. Even after `kill -9` nothing goes on running, because the sandbox then ends by
itself (the lifeline of `launching.Options`). Decides nothing about what is shown.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import gitsync
from gitsync.sandbox import caches, errors, launching, states
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress

MARKER = "demo-of-gitsync"
EXAMPLE = "repo-layout-example"


@dataclass(frozen=True, slots=True)
class Place:
    """Paths below one demo's folder (absolute)."""

    dir: Path

    @property
    def layout(self) -> Layout:
        """The sandbox."""
        return Layout(self.dir / "sandbox")

    @property
    def git(self) -> Path:
        """The bare repository and a work tree."""
        return self.dir / "git"

    @property
    def flink_data(self) -> Path:
        """Checkpoints and savepoints; a hostPath volume of the job's pods."""
        return self.dir / "flink-data"

    @property
    def overlay(self) -> Path:
        """What is laid over Flink's image: the job's jar."""
        return self.dir / "image"

    @property
    def agent(self) -> Path:
        """The kustomization that adapts the agent's manifests to the sandbox."""
        return self.dir / "agent"

    @property
    def logs(self) -> Path:
        """Logs of the pods, saved when something fails."""
        return self.dir / "logs"


def default_dir() -> Path:
    """The folder that is meant when none is named."""
    return caches.cache_dir() / "demo"


def checkout_folder(name: str) -> Path:
    """A folder of the source tree this installation runs from. Raises SandboxError for an installation without one."""
    folder = Path(gitsync.__path__[0]).resolve().parent / name
    if not folder.is_dir():
        raise errors.SandboxError(
            f"{folder} is missing: the demo needs gitsync's source tree; clone the repository and run `make demo` there"
        )
    return folder


def prepare(place: Place, progress: Progress) -> None:
    """An empty folder, with what an earlier demo left there taken away. Raises SandboxError when that still runs."""
    if states.is_supervised(place.layout):
        raise errors.SandboxError(
            f"a demo still runs in {place.dir}; end it with `gitsync sandbox down --dir {place.layout.dir}`"
        )
    if place.dir.exists() and any(place.dir.iterdir()):
        if not (place.dir / MARKER).exists():
            raise errors.SandboxError(f"{place.dir} holds files that are not a demo's; name another --dir")
        with progress.stage("take away what an earlier demo left"):
            launching.remove_tree(place.dir)
    place.dir.mkdir(parents=True, exist_ok=True)
    (place.dir / MARKER).touch()


@contextmanager
def sandbox(place: Place, progress: Progress, *, keep: bool) -> Iterator[subprocess.Popen[bytes] | None]:
    """A running sandbox; stopped at the end of the block unless it succeeded and is to be kept."""
    kept = False
    supervisor = launching.up(launching.Options(place.layout.dir, lifeline=not keep), progress)
    try:
        yield supervisor
        kept = keep
    finally:
        if not kept:
            with _undisturbed():
                launching.down(place.layout, progress)
                if supervisor is not None and supervisor.stdin is not None:
                    supervisor.stdin.close()
                if supervisor is not None:
                    supervisor.wait()


def remove(place: Place) -> None:
    """Delete the folder of a demo that succeeded."""
    launching.remove_tree(place.dir)


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM ends the block like Ctrl-C does, so that the same clean-up runs."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not stop the clean-up that the first one started."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def overlay_with_jar(folder: Path, jar: Path) -> Path:
    """A folder to lay over a Flink image: the jar under /opt/flink/usrlib."""
    target = folder / "opt/flink/usrlib" / jar.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(jar, target)
    return folder
