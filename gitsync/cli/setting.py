"""`gitsync set`: change a job's image, jar, arguments or parallelism by a commit that leaves all else as it is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gitsync.git.mirrors import Mirror
    from gitsync.manifests.edits import Path as YamlPath
    from gitsync.model.rendersets import RenderedObject
    from gitsync.model.revisions import Revision
    from gitsync.render.selecting import Source
    from operator_core.jsonvalues import Json

_KINDS = ("FlinkDeployment", "FlinkSessionJob")


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a job and what it becomes."""

    path: "YamlPath"
    value: "Json"


@click.command("set")
@click.argument("job")
@click.option("--repo", required=True, envvar="GITSYNC_REPO", help="Repository: https, ssh or a local path.")
@click.option("--branch", default="main", envvar="GITSYNC_REVISION", show_default=True, help="Branch to commit to.")
@click.option("--path", default=".", envvar="GITSYNC_PATH", show_default=True, help="Directory the job is found in.")
@click.option("--image", help="The new image.")
@click.option("--jar", help="The new jarURI.")
@click.option("--arg", "args", multiple=True, help="All arguments, one option each.")
@click.option("--parallelism", type=click.IntRange(min=1), help="The new parallelism.")
@click.option("--message", "-m", help="The commit's message; else what was changed.")
@click.option("--author", default="gitsync <gitsync@localhost>", show_default=True, metavar="NAME <ADDRESS>")
@click.option("--push-to", metavar="BRANCH", help="Push to a new branch instead, for a pull request.")
@click.option("--dry-run", is_flag=True, help="Only show the change.")
@click.option("--git-username", envvar="GITSYNC_GIT_USERNAME")
@click.option("--git-password-file", type=click.Path(path_type=Path), envvar="GITSYNC_GIT_PASSWORD_FILE")
def setting(job: str, repo: str, **options: object) -> int:
    """Change JOB (its name, NAMESPACE/NAME or KIND/NAME) in Git and push the commit.

    Comments, order and formatting stay. An image that a kustomization sets under `images` is changed there. The
    change is rendered before it is pushed: a value that something else overrides is refused.

    Exit code 0 when it was pushed or is so already, 1 with --dry-run when there is something to change.
    """
    from gitsync.cli import locating
    from gitsync.git import edits
    from gitsync.render.selecting import Source
    from operator_core.runtime.clock import SystemClock

    changes = _changes(options)
    mirror = locating.mirror(repo, options["git_username"], options["git_password_file"])
    source = Source(str(options["path"]), recurse=True)
    branch, to = str(options["branch"]), str(options["push_to"] or "")
    words = edits.Words(_message(job, changes, options["message"]), str(options["author"]), SystemClock().now())

    def make(tip: "Revision") -> "Revision | None":
        files = _edited(mirror, tip, source, job, changes)
        made = edits.made(mirror, branch, tip, files, words) if files else None
        if made is not None:
            _check(mirror, made, source, job, changes)
        return made

    if options["dry_run"]:
        return _dry_run(mirror, branch, make)
    commit = edits.pushed(mirror, branch, make, to)
    if commit is None:
        click.echo(f"{job} is so already; nothing was committed")
    else:
        click.echo(f"{commit.short} on {to or branch}: {commit.subject}")
    return 0


def _changes(options: "dict[str, object]") -> tuple[Change, ...]:
    from operator_core.jsonvalues import Json

    args = options["args"]
    found: list[tuple[tuple[str, ...], Json]] = [
        (("spec", "image"), options["image"]),
        (("spec", "job", "jarURI"), options["jar"]),
        (("spec", "job", "args"), list(args) if isinstance(args, tuple) and args else None),
        (("spec", "job", "parallelism"), options["parallelism"]),
    ]
    changes = tuple(Change(path, value) for path, value in found if value is not None)
    if not changes:
        raise click.UsageError("say what to change: --image, --jar, --arg or --parallelism")
    return changes


def _message(job: str, changes: tuple[Change, ...], given: object) -> str:
    # Arguments may hold secrets; a commit's message is no place for them.
    told = [str(change.path[-1]) if change.path[-1] == "args" else _told(change) for change in changes]
    return f"{given or f'Set {_listed(told)} of {job}'}\n"


def _told(change: Change) -> str:
    return f"{change.path[-1]} to {change.value}"


def _listed(parts: list[str]) -> str:
    return ", ".join(parts)


def _found(mirror: "Mirror", revision: "Revision", source: "Source", job: str) -> "RenderedObject":
    """The one job of that name. Raises Stalled where there is none, or several."""
    from gitsync.render import rendering
    from operator_core.errors import Reason, Stalled
    from operator_core.jsonvalues import dig

    rendered = rendering.render(mirror, revision, source)
    if not rendered.ok:
        raise Stalled(Reason.RenderFailed, "; ".join(map(str, rendered.errors)))
    where, _, name = job.rpartition("/")
    jobs = [one for one in rendered.objects if one.body.get("kind") in _KINDS]
    same = [
        one
        for one in jobs
        if dig(one.body, "metadata", "name") == name
        and where in ("", dig(one.body, "metadata", "namespace"), one.body.get("kind"))
    ]
    if len(same) == 1:
        return same[0]
    names = ", ".join(sorted(f"{one.body['kind']}/{dig(one.body, 'metadata', 'name')}" for one in jobs)) or "none"
    what = "no" if not same else "more than one"
    raise Stalled(
        Reason.NotFound, f"{source.path} at {revision.short} has {what} Flink job {job!r}; there are: {names}"
    )


def _edited(
    mirror: "Mirror", tip: "Revision", source: "Source", job: str, changes: tuple[Change, ...]
) -> dict[str, str]:
    """The files that change, with their new texts."""
    from gitsync.manifests import edits
    from operator_core.jsonvalues import dig

    found = _found(mirror, tip, source, job)
    files: dict[str, str] = {}

    def read(path: str) -> str | None:
        return files[path] if path in files else _text(mirror, tip, path)

    for change in changes:
        if dig(found.body, *map(str, change.path)) == change.value:
            continue
        if change.path[-1] == "image":
            place = _images_entry(source.path, str(dig(found.body, "spec", "image", default="")), read)
            if place is not None:
                file, path, tag = place
                files[file] = edits.replaced(read(file) or "", 0, path, _tag_of(str(change.value), tag))
                continue
        text = read(found.file) or ""
        files[found.file] = edits.replaced(text, edits.document_at(text, found.line), change.path, change.value)
    return files


def _images_entry(directory: str, image: str, read: Callable[[str], str | None]) -> "tuple[str, YamlPath, str] | None":
    """File and path of the tag that a kustomization gives an image, and the image's repository."""
    from gitsync.manifests import edits

    repository = image.partition("@")[0]
    head, slash, last = repository.rpartition("/")
    repository = f"{head}{slash}{last.partition(':')[0]}"
    for name in ("kustomization.yaml", "kustomization.yml", "Kustomization"):
        file = name if directory in ("", ".") else f"{directory.strip('/')}/{name}"
        text = read(file)
        if text is None:
            continue
        for key in ("newName", "name"):
            number = edits.index_of(text, 0, ("images",), key, repository)
            if number is not None:
                return file, ("images", number, "newTag"), repository
    return None


def _tag_of(image: str, repository: str) -> str:
    from operator_core.errors import Reason, Stalled

    name, _, tag = image.rpartition(":")
    if name != repository or not tag:
        text = f"the kustomization sets only the tag of {repository}; change its entry under 'images' to use {image}"
        raise Stalled(Reason.Invalid, text)
    return tag


def _text(mirror: "Mirror", revision: "Revision", path: str) -> str | None:
    from gitsync.git import trees

    file = trees.listing(mirror, revision.sha).file(path)
    if file is None:
        return None
    return trees.read(mirror, [file.blob])[file.blob].decode("utf-8")


def _check(mirror: "Mirror", made: "Revision", source: "Source", job: str, changes: tuple[Change, ...]) -> None:
    """The commit must mean what was asked for. Raises Stalled where something else overrides it."""
    from gitsync.manifests import edits
    from operator_core.errors import Reason, Stalled
    from operator_core.jsonvalues import dig

    found = _found(mirror, made, source, job)
    for change in changes:
        if dig(found.body, *map(str, change.path)) != change.value:
            text = (
                f"{edits.shown(change.path)} of {job} is overridden somewhere else than in {found.file}; set it there"
            )
            raise Stalled(Reason.Invalid, text)


def _dry_run(mirror: "Mirror", branch: str, make: "Callable[[Revision], Revision | None]") -> int:
    tip = mirror.resolve(branch)
    made = make(tip)
    if made is None:
        click.echo("nothing to change")
        return 0
    shown = mirror.local("diff", "--no-color", "--no-ext-diff", "--no-textconv", tip.sha, made.sha)
    click.echo(shown.decode("utf-8", "replace"), nl=False)
    return 1
