"""`gitsync suspend` and `gitsync resume`: an app that is left alone for a while, whatever Git says."""

from datetime import UTC, datetime, timedelta

import click

from gitsync.cli import completing


@click.command()
@click.argument("app", shell_complete=completing.apps)
@click.option("--reason", default="", help="Shown to everybody who asks why nothing happens.")
@click.option("--until", metavar="TIME|DURATION", help="When it ends: 2026-01-31T18:00:00Z, or 90m, 8h, 2d from now.")
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
def suspend(app: str, reason: str, until: str | None, namespace: str, context: str | None) -> None:
    """Neither apply nor prune anything of APP until it is resumed.

    Its jobs run on, and the operator half still looks after them.
    """
    import json

    from gitsync.cli import watching
    from gitsync.model import syncapps
    from operator_core.kube.client import Client
    from operator_core.runtime.clock import SystemClock

    end = moment(until, SystemClock().now()) if until else None
    value = {"reason": reason, **({"until": end} if end else {})}
    client = Client.connect(context=context)
    watching.annotate(client, namespace, app, {syncapps.SUSPEND: json.dumps(value)})
    click.echo(f"{app} is suspended{f' until {end}' if end else ''}; `gitsync resume {app}` ends it")


@click.command()
@click.argument("app", shell_complete=completing.apps)
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
def resume(app: str, namespace: str, context: str | None) -> None:
    """Let APP follow Git again."""
    from gitsync.cli import watching
    from gitsync.model import syncapps
    from operator_core.kube.client import Client

    watching.annotate(Client.connect(context=context), namespace, app, {syncapps.SUSPEND: None})
    click.echo(f"{app} follows Git again")


def moment(text: str, now: datetime) -> str:
    """A time or a time from now as the annotation has it; raises a usage error."""
    unit = {"m": "minutes", "h": "hours", "d": "days"}.get(text[-1:])
    if unit is not None and text[:-1].isdigit():
        return (now + timedelta(**{unit: int(text[:-1])})).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is neither a time like 2026-01-31T18:00:00Z nor 90m, 8h or 2d", param_hint="--until"
        ) from error
    aware = found if found.tzinfo else found.astimezone()
    if aware <= now:
        raise click.BadParameter(f"{text!r} is over", param_hint="--until")
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
