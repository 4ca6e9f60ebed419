"""`gitsync history`: which commits an app ran, how each ended, and what it did to the jobs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitsync.cli import completing

if TYPE_CHECKING:
    from gitsync.model.records import JobRecord
    from gitsync.model.syncapps import SyncApp
    from gitsync.report.histories import Row


@click.command()
@click.argument("app", default="root", shell_complete=completing.apps)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Most commits to show.")
@click.option("--cluster", envvar="GITSYNC_CLUSTER", help="Whose records; needed where several clusters write some.")
@click.option("--repo", help="Another place of the same repository, such as a local clone.")
@click.option("--git-username", envvar="GITSYNC_GIT_USERNAME")
@click.option("--git-password-file", type=click.Path(path_type=Path), envvar="GITSYNC_GIT_PASSWORD_FILE")
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
def history(app: str, limit: int, namespace: str, context: str | None, output: str, **options: object) -> int:
    """Show the commits APP (default: root) ran, newest first.

    What the cluster knows of them, and the records in the repository where it can be reached: those
    also tell of commits that failed, and which state every job went on from.
    """
    from gitsync.cli import clusters, tables
    from operator_core.kube.client import Client

    found = clusters.app(Client.connect(context=context), namespace, app)
    rows = _rows(found, limit, options)
    if output != "table":
        click.echo(tables.document({"app": app, "commits": [row.to_json() for row in rows]}, output))
        return 0
    if not rows:
        click.echo(f"{app} has no history yet")
        return 0
    heads = ["COMMIT", "DEPLOYED", "PHASE", "AUTHOR", "SUBJECT"]
    cells = [[row.revision[:7], row.deployed[:19], row.phase, row.author, row.subject] for row in rows]
    click.echo(tables.columns(heads, cells))
    jobs = [_job_cells(row.revision, job) for row in rows for job in row.jobs if job.effect != "none"]
    if jobs:
        click.echo("\n" + tables.columns(["COMMIT", "JOB", "EFFECT", "JOB ID", "RESTORED FROM"], jobs))
    for row in rows:
        if row.phase == "failed":
            click.echo(f"\n{row.revision[:7]} failed: {row.message}")
    return 0


def _rows(app: "SyncApp", limit: int, options: dict[str, object]) -> "tuple[Row, ...]":
    from gitsync.cli import locating, recorded
    from gitsync.report import histories
    from operator_core.errors import Retry

    try:
        repo = str(options["repo"] or app.spec.main.repo_url)
        mirror = locating.mirror(repo, options["git_username"], options["git_password_file"])
        wanted = options["cluster"]
        cluster = recorded.cluster_of(recorded.fetch(mirror), str(wanted) if wanted else None)
    except Retry as error:
        click.echo(f"only what the cluster knows: {error.message}", err=True)
        return histories.rows(app.status.history, (), {}, limit)
    told = recorded.of_app(mirror, cluster, app.name) if cluster is not None else []
    revisions = {entry.revision for entry in app.status.history} | {record.revision for record in told}
    return histories.rows(app.status.history, told, recorded.commits(mirror, sorted(revisions)), limit)


def _job_cells(revision: str, job: "JobRecord") -> list[str]:
    return [revision[:7], f"{job.namespace}/{job.name}", job.effect, job.job_id, job.restored_from]
