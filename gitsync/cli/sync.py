"""`gitsync sync`: have an app synced now, and follow it until it is what Git says."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from gitsync.cli import completing

if TYPE_CHECKING:
    from gitsync.cli.watching import Followed
    from gitsync.model.syncapps import SyncApp


@click.command()
@click.argument("app", default="root", shell_complete=completing.apps)
@click.option("--wait/--no-wait", default=True, show_default=True, help="Follow it until it is ready.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to wait.")
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
def sync(app: str, wait: bool, timeout: float, namespace: str, context: str | None, output: str) -> int:
    """Look at APP's repository now and apply it, also where automated sync is off.

    What refused writes and repairs wait for is not waited for. Progress goes to standard error.

    Exit code 0 when the app is ready, 1 when it cannot become so without a commit or somebody's help,
    3 when it did not within the time given.
    """
    import secrets

    from gitsync.cli import clusters, tables, watching
    from gitsync.model import syncapps
    from operator_core.errors import Reason, Retry, Stalled
    from operator_core.kube.client import Client
    from operator_core.runtime.clock import SystemClock

    client = Client.connect(context=context)
    clock = SystemClock()
    found = clusters.app(client, namespace, app)
    if found.suspension is not None and syncapps.is_live(found.suspension.until, clock.now()):
        reason = f" ({found.suspension.reason})" if found.suspension.reason else ""
        raise Stalled(Reason.Suspended, f"the app {app} is suspended{reason}; `gitsync resume {app}` ends that")
    request = secrets.token_hex(8)
    watching.annotate(client, namespace, app, {syncapps.SYNC_REQUESTED: request})
    if not wait:
        click.echo(f"asked for a sync of {app} (request {request})")
        return 0
    with watching.Followed(client, namespace, app).watched() as followed:
        done = _follow(followed, request, clock.monotonic() + timeout, clock.monotonic)
    if done is None:
        last = followed.app()
        what = _message(last) if last is not None else "it does not exist any more"
        answered = last is not None and last.status.handled_sync_request == request
        hint = "" if answered else "; no agent answered: see `gitsync status`, and whether one runs"
        raise Retry(Reason.NotReady, f"{app} is not ready after {timeout:.0f} s: {what}{hint}")
    row = clusters.app_rows(client, namespace, app)[0]
    if output != "table":
        click.echo(tables.document(row.to_json(), output))
    else:
        click.echo(f"{app}: {row.message}")
    return 0 if row.is_fine else 1


def _follow(followed: "Followed", request: str, deadline: float, monotonic: Callable[[], float]) -> "SyncApp | None":
    """The app once it is ready or stuck; None at the deadline or when it is gone. Tells every new message."""
    told = ""
    while (left := deadline - monotonic()) > 0:
        app = followed.app()
        if app is not None and app.status.handled_sync_request == request:
            message = _message(app)
            if message != told:
                click.echo(message, err=True)
                told = message
            if _is_settled(app):
                return app
        followed.wait_change(min(left, 1.0))
    return None


def _is_settled(app: "SyncApp") -> bool:
    conditions = {one.type: one for one in app.status.conditions}
    ready, stalled, moving = (conditions.get(kind) for kind in ("Ready", "Stalled", "Reconciling"))
    if ready is not None and ready.status == "True":
        return True
    is_stuck = stalled is not None and stalled.status == "True"
    health = app.status.health.status if app.status.health is not None else ""
    return is_stuck or (health == "Degraded" and moving is not None and moving.status == "False")


def _message(app: "SyncApp") -> str:
    ready = next((one for one in app.status.conditions if one.type == "Ready"), None)
    return f"{ready.reason}: {ready.message}" if ready is not None else "the agent has not looked at it yet"
