"""`gitsync validate`: manifests checked before they are merged, without a cluster."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gitsync.validate.checking import Report
    from gitsync.validate.findings import Finding


@contextmanager
def _keeping_cycles() -> Iterator[None]:
    """Look for no cycles in memory: a check ends before it would gain anything by a search, a tenth of its time."""
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()


@click.command()
@click.argument("places", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--operator-default", "defaults", multiple=True, metavar="KEY=VALUE", help="Option below every job's own."
)
@click.option("--kubernetes", metavar="RELEASE", help="Release whose own kinds count, such as 1.32. [default: newest]")
@click.option("--ignore", "ignored", multiple=True, metavar="RULE", help="Do not tell what this rule finds.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "advice", "never"]),
    default="warning",
    show_default=True,
    help="The least finding that gives exit code 1.",
)
@click.option("-o", "--output", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True)
@_keeping_cycles()
def validate(
    places: tuple[Path, ...],
    defaults: tuple[str, ...],
    kubernetes: str | None,
    ignored: tuple[str, ...],
    fail_on: str,
    output: str,
) -> int:
    """Check the manifests at each PATH, a file or a directory with all below it, as they are now.

    YAML as Kubernetes reads it, fields and types, the operator's rules, references between files,
    objects given twice, and whether a change would cost a job its state. Kustomizations are built, and
    Helm charts rendered with their own values where there is a helm.
    Kubernetes' own kinds are checked where gitsync[validate] is installed.

    Exit code 0 when nothing was found, 1 when something was, 3 when a path cannot be read.
    """
    from gitsync.cli import gathering, locating
    from gitsync.cli.run import option
    from gitsync.git import worktrees
    from gitsync.validate import checking, findings, kinds
    from operator_core.conf.defaults import Defaults

    unknown = [rule for rule in ignored if rule not in findings.RULES]
    if unknown:
        raise click.UsageError(f"there is no rule {unknown[0]!r}; rules are {', '.join(findings.RULES)}")
    roots = locating.by_root(places)
    if len(roots) > 1:
        shown = " and ".join(str(root) for root in roots)
        raise click.UsageError(f"the paths are in different repositories ({shown}); check one at a time")
    for root, located in roots.items():
        with worktrees.snapshot(root) as taken:
            directories = gathering.gather(taken, located)
            wanted = kinds.known(kinds.schemas_of(kubernetes))
            given = Defaults(dict(option(one) for one in defaults))
            report = checking.check(directories, wanted, given, gathering.reader(taken), frozenset(ignored))
        _tell(report, root, output)
        worst = report.worst
        if worst is not None and fail_on != "never" and worst.weight >= findings.Severity(fail_on).weight:
            return 1
    return 0


def _tell(report: "Report", root: Path, output: str) -> None:
    from gitsync.validate import formats

    if output == "sarif":
        from importlib.metadata import version

        click.echo(formats.as_sarif(report, version("gitsync")))
    elif output == "json":
        click.echo(formats.as_json(report))
    else:
        click.echo(formats.text(_from_here(one, root) for one in report.findings), nl=False)
        click.echo(formats.summary(report), err=True)


def _from_here(one: "Finding", root: Path) -> "Finding":
    """The finding with its file as seen from the present directory."""
    from dataclasses import replace

    return replace(one, file=os.path.relpath(root / one.file)) if one.file else one
