"""`gitsync diff`: where the cluster is not as Git wants it, with values and who set them."""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitsync.cli import completing, locating

if TYPE_CHECKING:
    from gitsync.model.syncapps import SyncApp
    from gitsync.model.syncstatuses import Problem
    from gitsync.report.differing import Field, ObjectDifference

_SIGNS = {"create": ("+", "green"), "change": ("~", "yellow"), "prune": ("-", "red"), "keep": ("=", "yellow")}


@click.command()
@click.argument("app", default="root", shell_complete=completing.apps)
@click.option("--revision", help="Another branch, tag or commit than the one the app follows.")
@click.option("--repo", help="Another place of the same repository, such as a local clone.")
@locating.age_key_file
@click.option("--git-username", envvar="GITSYNC_GIT_USERNAME")
@click.option("--git-password-file", type=click.Path(path_type=Path), envvar="GITSYNC_GIT_PASSWORD_FILE")
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
def diff(app: str, namespace: str, context: str | None, output: str, **options: str | Path | None) -> int:
    """Show every field of APP (default: root) in which the cluster differs from Git.

    For each field the live value, the one Git wants, and who set the live one. Fields Git does not
    mention do not count. Values of Secrets, and what looks like a secret elsewhere, are never shown.

    Exit code 0 when nothing differs, 1 when something does or the commit has errors.
    """
    from gitsync.cli import apprenders, clusters, liveplans, tables
    from gitsync.report import differing
    from operator_core.kube.client import Client

    client = Client.connect(context=context)
    found = clusters.app(client, namespace, app)
    asked = apprenders.Asked(
        found,
        str(options["revision"] or _followed(found)),
        namespace,
        str(options["repo"] or ""),
        options["git_username"],
        options["git_password_file"],
        locating.age_keys(options["age_key_file"]),
    )
    rendered = apprenders.render(client, asked)
    revision, problems = rendered.revision, list(rendered.problems)
    rows: tuple[ObjectDifference, ...] = ()
    if rendered.whole.ok:
        made = liveplans.of_app(client, found, rendered.whole, revision.sha)
        rows = differing.differences(made.plan, made.live)
        problems += made.plan.problems
    if output == "table":
        click.echo("\n\n".join([_title(found.name, revision.short, revision.subject, rows), *map(_shown, rows)]))
        _print_problems(problems)
    else:
        told = [one.model_dump(by_alias=True, exclude_none=True) for one in problems]
        differences = [row.to_json() for row in rows]
        whole = {"app": app, "revision": revision.sha, "differences": differences, "problems": told}
        click.echo(tables.document(whole, output))
    return 1 if rows or problems else 0


def _followed(app: "SyncApp") -> str:
    return app.pin.revision if app.pin is not None else app.spec.main.target_revision


def _title(app: str, short: str, subject: str, rows: "tuple[ObjectDifference, ...]") -> str:
    found = f"{len(rows)} object(s) differ" if rows else "nothing differs"
    return f"{app} at {short} ({subject}): {found}"


def _print_problems(problems: "list[Problem]") -> None:
    from gitsync.report import conditions

    for problem in problems:
        click.echo(f"error: {conditions.problem_text(problem)}", err=True)


def _shown(row: "ObjectDifference") -> str:
    sign, colour = _SIGNS.get(row.action.value, ("!", "red"))
    place = f"  ({row.file}:{row.line})" if row.file else ""
    note = f"  {row.note}" if row.note else ""
    lines = [click.style(f"{sign} {row.identity.shown}", fg=colour, bold=True) + place + note]
    for field in row.fields:
        lines += _field_lines(field)
    return "\n".join(lines)


def _field_lines(field: "Field") -> list[str]:
    owner = f"  (set by {field.owner})" if field.owner else ""
    texts = [text for text in (field.live, field.wanted) if text is not None]
    if len(texts) == 2 and any("\n" in text for text in texts):
        whole = difflib.unified_diff(texts[0].splitlines(), texts[1].splitlines(), lineterm="", n=2)
        lines = [_styled(f"      {line}", line[:1]) for line in list(whole)[2:]]
        return [f"    {field.path}:{owner}", *lines]
    if field.live == field.wanted and field.wanted != "***":
        return [f"    {field.path}: {field.wanted}  (as Git wants it, but set by {field.owner or 'nobody'})"]
    live = "not there" if field.live is None else field.live
    wanted = "not there" if field.wanted is None else field.wanted
    return [
        f"    {field.path}:{owner}",
        _styled(f"      - {live}", "-"),
        _styled(f"      + {wanted}", "+"),
    ]


def _styled(line: str, mark: str) -> str:
    colour = {"-": "red", "+": "green"}.get(mark)
    return click.style(line, fg=colour) if colour else line
