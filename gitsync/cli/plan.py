"""`gitsync plan`: what a revision would do to every object and every Flink job, before it is applied."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitsync.cli import completing, locating

if TYPE_CHECKING:
    from gitsync.cli.previewing import Outcome
    from gitsync.plan.previews import Row


@click.command()
@click.argument("revisions", nargs=-1, metavar="[OLD] [NEW]")
@click.option("--repo", envvar="GITSYNC_REPO", default=".", show_default=True, help="https URL or local path.")
@click.option("--path", envvar="GITSYNC_PATH", default=".", show_default=True, help="Directory of the manifests.")
@click.option("--recurse/--no-recurse", default=True, show_default=True, help="Read directories below it too.")
@click.option("--destination-namespace", envvar="GITSYNC_DESTINATION_NAMESPACE", default="default", show_default=True)
@click.option(
    "--operator-default", "defaults", multiple=True, metavar="KEY=VALUE", help="Option below every job's own."
)
@locating.age_key_file
@click.option("--git-username", envvar="GITSYNC_GIT_USERNAME")
@click.option("--git-password-file", type=click.Path(path_type=Path), envvar="GITSYNC_GIT_PASSWORD_FILE")
@click.option("--live", is_flag=True, help="Compare NEW with the cluster instead of with OLD.")
@click.option(
    "--app",
    default="root",
    show_default=True,
    shell_complete=completing.apps,
    help="With --live: the SyncApp it is compared for.",
)
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="With --live: context of the kubeconfig.")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "yaml", "markdown"]), default="table", show_default=True
)
def plan(revisions: tuple[str, ...], output: str, **options: object) -> int:
    """Show what the step from revision OLD to revision NEW does (default: HEAD^ and HEAD).

    Objects that are created, changed or pruned, and for every Flink job what happens to it and why:
    nothing, an upgrade with its state, a restart without; and how it is interrupted: none, in-place,
    savepoint, restart, until-resumed, for-good. Field names are shown, never values. Only
    committed revisions count, and no cluster is needed except with --live. With --live everything is read as
    the SyncApp says, all its sources with their options, unless --path is given or there is no such app yet.

    Exit code 0 when nothing would change, 1 when something would or when NEW has errors.
    """
    from gitsync.cli import previewing

    if len(revisions) > 2 or (options["live"] and len(revisions) > 1):
        raise click.UsageError("give OLD and NEW, or with --live only NEW")
    given = click.get_current_context().get_parameter_source("path")
    own_path = given is click.core.ParameterSource.COMMANDLINE
    outcome = previewing.preview(previewing.asked(revisions, {**options, "own_path": own_path}))
    if output == "table":
        click.echo(table(outcome))
    elif output == "markdown":
        click.echo(_markdown(outcome))
    else:
        from gitsync.cli import tables

        click.echo(tables.document(outcome.to_json(), output))
    return 0 if outcome.preview.is_empty else 1


def _title(outcome: "Outcome") -> str:
    return f"{outcome.old} → {outcome.new}, {outcome.path}"


def _cells(row: "Row") -> list[str]:
    place = f"{row.file}:{row.line}" if row.file else ""
    return [row.action.value, row.identity.shown, place, ", ".join(row.paths) or row.note]


def _job_cells(row: "Row") -> list[str]:
    """A job's effect and downtime, and why; a downtime of none says no more than the effect does."""
    effect, downtime = row.effect, row.downtime
    assert effect is not None and downtime is not None
    why = effect.reason if downtime.downtime.value == "none" else f"{effect.reason}; {downtime.reason}"
    return [row.identity.shown, effect.effect.value, downtime.downtime.value, why]


def table(outcome: "Outcome") -> str:
    """What happens to every object and job, and why it would not, for people."""
    from gitsync.cli import tables
    from gitsync.report import conditions

    parts = [_title(outcome)]
    rows = outcome.preview.rows
    if not rows and not outcome.preview.problems:
        return f"{parts[0]}\nnothing changes"
    if rows:
        parts.append(tables.columns(["ACTION", "OBJECT", "FILE", "FIELDS"], [_cells(row) for row in rows]))
    jobs = [_job_cells(row) for row in rows if row.effect is not None]
    if jobs:
        parts.append(tables.columns(["JOB", "EFFECT", "DOWNTIME", "WHY"], jobs))
    if outcome.preview.problems:
        lines = [f"  {conditions.problem_text(problem)}" for problem in outcome.preview.problems]
        parts.append("\n".join(["this revision would not be applied:", *lines]))
    return "\n\n".join(parts)


def _markdown(outcome: "Outcome") -> str:
    from gitsync.report import conditions

    lines = [f"### gitsync plan: {_title(outcome)}", ""]
    if outcome.preview.is_empty:
        return "\n".join([*lines, "Nothing changes."])
    jobs = [row for row in outcome.preview.rows if row.effect is not None]
    if jobs:
        lines += ["| job | effect | downtime | why |", "|---|---|---|---|"]
        for name, effect, downtime, why in map(_job_cells, jobs):
            told = why.replace("|", "\\|")
            lines.append(f"| {name} | **{effect}** | **{downtime}** | {told} |")
        lines.append("")
    if outcome.preview.rows:
        lines += ["| action | object | file | fields |", "|---|---|---|---|"]
        lines += [
            "| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(r)) + " |" for r in outcome.preview.rows
        ]
        lines.append("")
    if outcome.preview.problems:
        lines += ["This revision would not be applied:", ""]
        lines += [f"- {conditions.problem_text(problem)}" for problem in outcome.preview.problems]
    return "\n".join(lines).rstrip()
