"""`gitsync approve`: let a revision happen that waits for a person's approval."""

import click

from gitsync.cli import completing


@click.command()
@click.argument("app", shell_complete=completing.apps)
@click.option("--revision", help="Commit to approve of; what the app waits with where it is not given.")
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
def approve(app: str, revision: str | None, namespace: str, context: str | None) -> None:
    """Approve of what APP's newest revision does: deletions, lost state, or any change.

    The approval is for that commit only; a newer one asks again.
    """
    from gitsync.cli import clusters, watching
    from gitsync.model import syncapps
    from operator_core.errors import Reason, Stalled
    from operator_core.kube.client import Client

    client = Client.connect(context=context)
    found = clusters.app(client, namespace, app)
    waiting = found.status.attempted_revision
    wanted = (revision or waiting or "").lower()
    if waiting is None or not wanted:
        raise Stalled(Reason.RevisionNotFound, f"the app {app} has seen no revision yet; see `gitsync status`")
    if len(wanted) < syncapps.SHORTEST_COMMIT or not waiting.startswith(wanted):
        text = f"the app {app} waits with {waiting[:12]}, not with {wanted}; see `gitsync status {app}`"
        raise Stalled(Reason.RevisionNotFound, text)
    watching.annotate(client, namespace, app, {syncapps.APPROVED: waiting})
    click.echo(f"revision {waiting[:7]} of {app} is approved")
