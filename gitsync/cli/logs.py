"""`gitsync logs`: what the JobManager or the TaskManagers of a Flink job write."""

import click

from gitsync.cli import completing

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue")


@click.command()
@click.argument("job", shell_complete=completing.jobs)
@click.option("--taskmanager", "-t", is_flag=True, help="All TaskManagers instead of the JobManager.")
@click.option("--container", "-c", default="flink-main-container", show_default=True, help="Container of the pods.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the pods end or Ctrl-C.")
@click.option("--previous", "-p", is_flag=True, help="Of the container before it was restarted last.")
@click.option("--tail", type=click.IntRange(min=0), help="Only so many lines from the end.")
@click.option("--since", type=click.IntRange(min=1), metavar="SECONDS", help="Only lines of the last seconds.")
@click.option("-n", "job_namespace", metavar="NAMESPACE", help="Namespace of the job; else found among the apps.")
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
def logs(job: str, namespace: str, job_namespace: str | None, context: str | None, **options: object) -> None:
    """Print the log of JOB, a FlinkDeployment or FlinkSessionJob: its name or NAMESPACE/NAME.

    Lines of several pods carry the pod's name.
    """
    from gitsync.cli import podlogs
    from operator_core.kube.client import Client

    tail, since = options["tail"], options["since"]
    wanted = podlogs.Wanted(
        component="taskmanager" if options["taskmanager"] else "jobmanager",
        container=str(options["container"]),
        follow=bool(options["follow"]),
        previous=bool(options["previous"]),
        tail=tail if isinstance(tail, int) else None,
        since_seconds=since if isinstance(since, int) else None,
    )
    client = Client.connect(context=context)
    where, cluster = podlogs.job(client, namespace, job, job_namespace)
    names = podlogs.pods(client, where, cluster, wanted.component)
    for pod, line in podlogs.lines(client, where, names, wanted):
        mark = click.style(f"{pod} ", fg=_COLOURS[names.index(pod) % len(_COLOURS)]) if len(names) > 1 else ""
        click.echo(mark + line)
