"""A directory of this machine as one commit nobody sees: what committing it now would give.

So everything that reads commits reads a working directory too, and by the same rules: names, links
and ignored files count as Git counts them. The commit lives in a repository of its own in a
temporary directory; the directory's own repository lends its objects and its index, so that files
it knows already are not read again, and is not written. Rules: git-add(1), gitignore(5).
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gitsync.git import commands, failures
from gitsync.git.mirrors import Mirror
from gitsync.model.revisions import Revision
from operator_core.errors import Reason, Stalled

NAME = "working directory"
"""What stands where a branch's name would."""
_WHO = {
    "GIT_AUTHOR_NAME": "gitsync",
    "GIT_AUTHOR_EMAIL": "gitsync@localhost",
    "GIT_COMMITTER_NAME": "gitsync",
    "GIT_COMMITTER_EMAIL": "gitsync@localhost",
}
_ADD_TIMEOUT = 300.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`root` is what paths are relative to: the top of the working directory, or the directory itself."""

    mirror: Mirror
    revision: Revision
    root: Path


def top_of(place: Path) -> Path | None:
    """The directory of the working tree `place` is in; None where there is no repository."""
    return next((one for one in (place, *place.parents) if (one / ".git").exists()), None)


@contextmanager
def snapshot(root: Path) -> Iterator[Snapshot]:
    """The present content of `root` as a commit, for as long as the context lasts.

    Raises Stalled(PathNotFound) for what is no directory and Stalled(RenderFailed) for what Git cannot take.
    """
    if not root.is_dir():
        raise Stalled(Reason.PathNotFound, f"{root} is not a directory")
    with tempfile.TemporaryDirectory(prefix="gitsync-snapshot-") as scratch:
        git = commands.Commands(Path(scratch) / "home")
        # Only a name here: nothing is fetched. A repository's URL holds no spaces, a directory's name may.
        mirror = Mirror(re.sub(r"[\x00-\x20\x7f]", "_", str(root.resolve())), Path(scratch), git=git)
        _run(git, None, "init", "--quiet", "--bare", "--template=", "--", str(mirror.directory))
        _borrow(git, root, mirror.directory)
        inside = {"GIT_WORK_TREE": str(root.resolve()), "GIT_INDEX_FILE": str(mirror.directory / "index")}
        _run(git, mirror.directory, "add", "--all", "--", ".", environment=inside, add=True)
        tree = _run(git, mirror.directory, "write-tree", environment=inside)
        commit = ("commit-tree", "-m", f"The {NAME}", tree)
        sha = _run(git, mirror.directory, *commit, environment=_WHO)
        yield Snapshot(mirror, mirror.revision(sha, NAME), root.resolve())


def _borrow(git: commands.Commands, root: Path, directory: Path) -> None:
    """Read what the working tree's own repository knows already; without one everything is read anew."""
    if not (root / ".git").exists():
        return
    asked = ("rev-parse", "--path-format=absolute", "--git-path", "objects", "--git-path", "index")
    found = git.run(None, ("-C", str(root), *asked))
    places = found.stdout.decode("utf-8", "surrogateescape").splitlines()
    if found.status or len(places) != 2 or "sha256" in _format_of(git, root):
        return
    (directory / "objects" / "info").mkdir(parents=True, exist_ok=True)
    (directory / "objects" / "info" / "alternates").write_text(f"{places[0]}\n")
    index = Path(places[1])
    if index.is_file() and not list(index.parent.glob("sharedindex.*")):
        shutil.copyfile(index, directory / "index")


def _format_of(git: commands.Commands, root: Path) -> str:
    return git.run(None, ("-C", str(root), "rev-parse", "--show-object-format")).stdout.decode()


def _reason(stderr: str) -> str:
    """Which file it is; Git's last line only says that it gave up."""
    named = [line for line in stderr.splitlines() if line.startswith("error:")]
    return failures.first_line("\n".join(named) if named else stderr)


def _run(
    git: commands.Commands,
    directory: Path | None,
    *arguments: str,
    environment: dict[str, str] | None = None,
    add: bool = False,
) -> str:
    call = commands.Call(environment=environment or {}, timeout=_ADD_TIMEOUT if add else commands.LOCAL_TIMEOUT)
    try:
        output = git.run(directory, arguments, call)
    except commands.TimedOut as error:
        raise Stalled(Reason.RenderFailed, f"the {NAME} is too large: {error}") from error
    if output.status:
        raise Stalled(Reason.RenderFailed, f"Git cannot take the {NAME}: {_reason(output.stderr)}")
    return output.stdout.decode().strip()
