"""`gitsync render`: the objects a directory describes, exactly as the agent would apply them."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitsync.cli import completing, locating

if TYPE_CHECKING:
    from gitsync.git.mirrors import Mirror
    from gitsync.model.rendersets import RenderSet
    from gitsync.model.revisions import Revision
    from gitsync.model.syncstatuses import Problem
    from gitsync.render.selecting import Source


@click.command()
@click.argument("place", metavar="[PATH]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--app", shell_complete=completing.apps, help="A SyncApp of the cluster: all it has, as the agent reads it."
)
@click.option("--repo", help="https URL or local path of a repository; its commits count, not its working directory.")
@click.option("--revision", default="HEAD", show_default=True, help="With --repo or --app: branch, tag or commit.")
@click.option("--path", "inside", default=".", show_default=True, help="With --repo: directory in the repository.")
@click.option("--recurse/--no-recurse", default=True, show_default=True, help="Read directories below it too.")
@click.option("--include", default="", help="Glob of the files to read, relative to the path.")
@click.option("--exclude", default="", help="Glob of the files to leave out.")
@click.option("--release", default="release", show_default=True, help="Of a Helm chart: name of the release.")
@click.option("--destination-namespace", default="default", show_default=True, help="Of a Helm chart: its namespace.")
@click.option(
    "--values",
    "helm_values",
    multiple=True,
    help="Of a Helm chart: value file, relative to the chart or with a leading / to the repository.",
)
@locating.age_key_file
@click.option("--git-username", envvar="GITSYNC_GIT_USERNAME")
@click.option("--git-password-file", type=click.Path(path_type=Path), envvar="GITSYNC_GIT_PASSWORD_FILE")
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="With --app: context of the kubeconfig.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
def render(place: Path | None, output: str, **options: object) -> int:
    """Print the objects of PATH, a file or a directory as it is now, of a commit with --repo, or of a live app.

    JSON is an array, YAML a stream of documents; warnings go to standard error. Files Git ignores do
    not count. A directory is plain manifests, a Kustomization or a Helm chart, told apart and read as
    Argo CD does; no cluster is needed. With --app everything is read as the agent reads it: all sources with
    their options, and child apps in place of Applications.

    Exit code 3 when it cannot be rendered, with every reason and its place on standard error.
    """
    if options["app"] is None and (place is None) == (options["repo"] is None):
        raise click.UsageError("give either PATH, --repo or --app")
    if options["app"] is not None and place is not None:
        raise click.UsageError("give either PATH or --app")
    problems: list[Problem] = []
    if options["app"] is None:
        rendered = _of_place(place, options)
    else:
        rendered, problems = _of_app(options)
        rendered = replace(rendered, errors=())
    for warning in rendered.warnings:
        click.echo(f"warning: {warning}", err=True)
    for error in rendered.errors:
        click.echo(f"error: {error}", err=True)
    for problem in problems:
        click.echo(f"error: {_told(problem)}", err=True)
    if problems or not rendered.ok:
        return 3
    click.echo(_text(rendered, output), nl=False)
    return 0


def _of_app(options: dict[str, object]) -> "tuple[RenderSet, list[Problem]]":
    from gitsync.cli import apprenders, clusters
    from operator_core.kube.client import Client

    client = Client.connect(context=str(options["context"]) if options["context"] else None)
    namespace = str(options["namespace"])
    app = clusters.app(client, namespace, str(options["app"]))
    wanted = app.pin.revision if app.pin is not None else app.spec.main.target_revision
    revision = str(options["revision"]) if options["revision"] != "HEAD" else wanted
    place = str(options["repo"] or "")
    keys = locating.age_keys(options["age_key_file"])
    login = options["git_username"], options["git_password_file"]
    asked = apprenders.Asked(app, revision, namespace, place, *login, keys)
    rendered = apprenders.render(client, asked)
    return rendered.whole, list(rendered.problems)


def _of_place(place: Path | None, options: dict[str, object]) -> "RenderSet":
    from gitsync.desired import opening
    from gitsync.model import sources
    from gitsync.render import layouts, rendering
    from gitsync.render.buildenvironment import AppContext

    with _place(place, options) as (mirror, revision, source):
        values = options["helm_values"]
        given: dict[str, object] = {"repoURL": mirror.url, "path": source.path, "directory": source.given}
        if isinstance(values, tuple) and values:
            given = {**given, "directory": None, "helm": {"valueFiles": list(values)}}
        wanted = sources.Source.model_validate(given)
        namespace = str(options["destination_namespace"])
        keys = locating.age_keys(options["age_key_file"])
        opener = keys.open_key if keys.identities else None
        app = AppContext(str(options["release"]), destination=namespace, open_key=opener, find_chart=locating.chart)
        rendered = rendering.render_source(layouts.Place(wanted, mirror, revision), app)
        return opening.opened(rendered, {0: rendered}, [mirror], keys) if keys.identities else rendered


@contextlib.contextmanager
def _place(place: Path | None, options: dict[str, object]) -> "Iterator[tuple[Mirror, Revision, Source]]":
    from gitsync.git import worktrees
    from gitsync.render.selecting import Source

    patterns = {"include": str(options["include"]), "exclude": str(options["exclude"])}
    recurse = bool(options["recurse"])
    if place is None:
        from gitsync.cli import previewing

        mirror = locating.mirror(str(options["repo"]), options["git_username"], options["git_password_file"])
        revision = previewing.resolve(mirror, str(options["revision"]))
        yield mirror, revision, Source(str(options["inside"]), recurse, **patterns)
        return
    one = locating.located(place)
    path = one.path
    if one.is_file:
        path, _, name = one.path.rpartition("/")
        patterns["include"] = "".join(f"\\{char}" if char in "*?[]{}\\," else char for char in name)
    with worktrees.snapshot(one.root) as taken:
        yield taken.mirror, taken.revision, Source(path or ".", recurse and not one.is_file, **patterns)


def _told(problem: "Problem") -> str:
    from gitsync.report import conditions

    return conditions.problem_text(problem)


def _text(rendered: "RenderSet", output: str) -> str:
    bodies = [one.body for one in rendered.objects]
    if output == "json":
        import json

        return json.dumps(bodies, indent=2, ensure_ascii=False) + "\n"
    import yaml

    documents: str = yaml.dump_all(
        bodies, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=120, explicit_start=True
    )
    return documents if bodies else ""
