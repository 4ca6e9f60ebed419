"""`gitsync status`: what every app and every Flink job is doing, and what needs somebody."""

from typing import TYPE_CHECKING

import click

from gitsync.cli import completing

if TYPE_CHECKING:
    from gitsync.report.overview import JobRow
    from operator_core.jsonvalues import Object


@click.command()
@click.argument("app", required=False, shell_complete=completing.apps)
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
def status(app: str | None, namespace: str, context: str | None, output: str) -> int:
    """Show every app, or APP, with its Flink jobs and every error and where it is.

    Exit code 0 when all are ready, 1 when one is not.
    """
    from gitsync.cli import clusters, tables
    from gitsync.report import overview
    from operator_core.kube.client import Client

    client = Client.connect(context=context)
    rows = clusters.app_rows(client, namespace, app)
    agents = clusters.agents(client, namespace)
    if output != "table":
        click.echo(tables.document({"apps": [row.to_json() for row in rows], "agents": agents or []}, output))
        return 0 if all(row.is_fine for row in rows) else 1
    if not rows:
        click.echo(f"there is no SyncApp in the namespace {namespace}")
        return 0
    apps = [[row.name, row.sync, row.health, row.ready, row.revision[:7], row.message] for row in rows]
    click.echo(tables.columns(["APP", "SYNC", "HEALTH", "READY", "REVISION", "MESSAGE"], apps))
    cells = [_job_cells(row.name, job) for row in rows for job in row.jobs]
    if cells:
        heads = ["JOB", "APP", "STATE", "LIFECYCLE", "HEALTH", "PARALLELISM", "LAST CHANGE", "RESTORED FROM"]
        click.echo("\n" + tables.columns(heads, cells))
    for row in rows:
        lines = overview.findings(row)
        if lines:
            click.echo(f"\n{row.name}:")
            click.echo("\n".join(f"  {line}" for line in lines))
    if agents is not None:
        click.echo("\n" + _told(agents, namespace))
    return 0 if all(row.is_fine for row in rows) else 1


def _told(agents: "list[Object]", namespace: str) -> str:
    if not agents:
        return f"no agent holds a lease in {namespace}: nothing happens until one runs"
    return "\n".join(f"{one['half']} half: {one['holder']}, alive at {one['renewed'][:19]}Z" for one in agents)


def _job_cells(app: str, job: "JobRow") -> list[str]:
    parallelism = str(job.parallelism) if job.parallelism is not None else ""
    place = f"{job.namespace}/{job.name}"
    return [place, app, job.state, job.lifecycle, job.health, parallelism, job.effect, job.restored_from]
