"""What paths and repositories on the command line name: working directories, and mirrors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitsync.cli.run import local_path
from gitsync.git import access, worktrees
from gitsync.git.mirrors import Mirror
from gitsync.model.revisions import Revision
from gitsync.sandbox import caches

if TYPE_CHECKING:
    from gitsync.render.agekeys import AgeKeys


@dataclass(frozen=True, slots=True)
class Located:
    """`path` is relative to `root` ("." for all of it); `is_file` when it names one file."""

    root: Path
    path: str
    is_file: bool


def located(place: Path) -> Located:
    """A file or a directory and the top of its repository; without one the present directory, or itself.

    Only the directory a link is in counts, not where it leads: the repository has the link.
    """
    whole = place.absolute().parent.resolve() / place.name if place.name not in ("", "..") else place.resolve()
    if not whole.exists():
        raise click.ClickException(f"there is no file or directory {str(place)!r}")
    directory = whole if whole.is_dir() else whole.parent
    root = worktrees.top_of(directory)
    if root is None:
        here = Path.cwd().resolve()
        root = here if directory.is_relative_to(here) else directory
    return Located(root, whole.relative_to(root).as_posix(), not whole.is_dir())


def by_root(places: Sequence[Path]) -> dict[Path, list[Located]]:
    """The same for several paths, grouped by working directory."""
    found: dict[Path, list[Located]] = {}
    for place in dict.fromkeys(places):
        one = located(place)
        found.setdefault(one.root, []).append(one)
    return found


def mirror(repo: str, username: object, password_file: object) -> Mirror:
    """The mirror of a repository, kept between commands; the password is in a file."""
    credentials = None
    if isinstance(password_file, Path):
        try:
            password = password_file.read_text().strip()
        except OSError as error:
            raise click.FileError(str(password_file), error.strerror or "cannot be read") from error
        credentials = access.Credentials(str(username or "git"), password)
    return Mirror(local_path(repo) or "", caches.cache_dir() / "mirrors", credentials=credentials)


def age_keys(place: object) -> "AgeKeys":
    """The age identities in a file; none without one."""
    from gitsync.render import agekeys

    if not isinstance(place, Path):
        return agekeys.AgeKeys()
    try:
        found = agekeys.identities_in(place.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise click.FileError(str(place), getattr(error, "strerror", None) or "cannot be read") from error
    if not found:
        raise click.FileError(str(place), "holds no line that begins with AGE-SECRET-KEY-1")
    return agekeys.AgeKeys(found)


age_key_file = click.option(
    "--age-key-file",
    type=click.Path(path_type=Path),
    envvar="SOPS_AGE_KEY_FILE",
    help="age identities that open what SOPS encrypted.",
)


def chart(url: str, ref: str) -> tuple[Mirror, Revision]:
    """A chart that anybody may read, as `chartnames` names it, and its commit; kept between commands."""
    from gitsync.charts.chartmirrors import ChartMirror

    found = ChartMirror(url, caches.cache_dir() / "charts")
    return found, found.resolve(ref)
