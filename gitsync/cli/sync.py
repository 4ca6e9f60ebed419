"""`gitsync sync`: have an app synced now, and follow it until it is what Git says."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gitsync.cli import completing

if TYPE_CHECKING:
    from gitsync.cli.watching import Followed
    from gitsync.model.syncapps import SyncApp
    from operator_core.kube.client import Client


@click.command()
@click.argument("app", default="root", shell_complete=completing.apps)
@click.option("--wait/--no-wait", default=True, show_default=True, help="Follow it until it is ready.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to wait.")
@click.option("--dry-run", is_flag=True, help="Only show what it would do, with the API server's own answers.")
@click.option("--only", multiple=True, metavar="KIND/NAME", help="Sync these objects alone; globs, repeatable.")
@click.option("--prune", is_flag=True, help="Delete what Git no longer has, also where the app's policy keeps it.")
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
def sync(app: str, output: str, **options: Any) -> int:
    """Look at APP's repository now and apply it, also where automated sync is off.

    What refused writes and repairs wait for is not waited for. Progress goes to standard error. With --only nothing
    else is written, no hook runs and nothing goes into the history.

    Exit code 0 when the app is ready, 1 when it cannot become so without a commit or somebody's help,
    3 when it did not within the time given.
    """
    import secrets

    from gitsync.cli import clusters, tables, watching
    from gitsync.model import syncapps
    from gitsync.plan import syncrequests
    from operator_core.errors import Reason, Retry, Stalled
    from operator_core.kube.client import Client
    from operator_core.runtime.clock import SystemClock

    wait, timeout, namespace = bool(options["wait"]), float(options["timeout"]), str(options["namespace"])
    only = tuple(checked(one) for one in options["only"])
    client = Client.connect(context=options["context"])
    clock = SystemClock()
    found = clusters.app(client, namespace, app)
    if options["dry_run"]:
        return _dry_run(client, found, only, output, prune=options["prune"])
    if found.suspension is not None and syncapps.is_live(found.suspension.until, clock.now()):
        reason = f" ({found.suspension.reason})" if found.suspension.reason else ""
        raise Stalled(Reason.Suspended, f"the app {app} is suspended{reason}; `gitsync resume {app}` ends that")
    request = syncrequests.text(secrets.token_hex(8), only, prune=options["prune"])
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


def _dry_run(client: "Client", app: "SyncApp", only: tuple[str, ...], output: str, *, prune: bool) -> int:
    """What a sync would write: exit code 1 when it is anything."""
    from gitsync.cli import apprenders, liveplans, plan, previewing, tables
    from gitsync.model.identities import AppName
    from gitsync.plan import gates, previews
    from operator_core.conf.defaults import Defaults

    wanted = app.pin.revision if app.pin is not None else app.spec.main.target_revision
    rendered = apprenders.render(client, apprenders.Asked(app, wanted, app.namespace, "", None, None))
    if rendered.problems or not rendered.whole.ok:
        found = previews.Preview((), tuple(rendered.problems))
    else:
        made = liveplans.of_app(client, app, rendered.whole, rendered.revision.sha, prune=prune)
        chosen = gates.chosen(made.plan, only)
        answers, refused = previewing.dry_run(client, chosen)
        shown = previews.against_cluster(chosen, made.live, answers, Defaults())
        found = previews.Preview(shown.rows, (*shown.problems, *refused))
    where = f"cluster ({AppName(app.namespace, app.name)})"
    outcome = previewing.Outcome(where, f"{wanted} {rendered.revision.short}", app.spec.main.path, found)
    click.echo(plan.table(outcome) if output == "table" else tables.document(outcome.to_json(), output))
    return 0 if found.is_empty else 1


def checked(selection: str) -> str:
    """A selected object as the request has it; raises a usage error."""
    if not re.fullmatch(r"[^/,\s]+/[^/,\s]+", selection):
        raise click.BadParameter(f"{selection!r} is not of the form KIND/NAME", param_hint="--only")
    return selection


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
            if _is_settled(app) or _has_selected(app):
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


def _has_selected(app: "SyncApp") -> bool:
    """Whether the request was for some objects only, and they are as Git has them."""
    from fnmatch import fnmatchcase

    from gitsync.plan import syncrequests

    only = syncrequests.selection(app.status.handled_sync_request)
    rows = [row for row in app.status.resources if any(fnmatchcase(f"{row.kind}/{row.name}", glob) for glob in only)]
    return bool(rows) and all(row.status == "Synced" for row in rows)


def _message(app: "SyncApp") -> str:
    ready = next((one for one in app.status.conditions if one.type == "Ready"), None)
    return f"{ready.reason}: {ready.message}" if ready is not None else "the agent has not looked at it yet"
