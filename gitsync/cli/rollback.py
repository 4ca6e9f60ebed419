"""`gitsync rollback`: go back to an earlier commit, with the state it last had where that is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitsync.cli import completing

if TYPE_CHECKING:
    from gitsync.git.mirrors import Mirror
    from gitsync.model.syncapps import SyncApp


@click.command()
@click.argument("app", shell_complete=completing.apps)
@click.option("--to", "revision", metavar="REV", help="Commit, tag or branch; the one before where it is not given.")
@click.option("--with-state", is_flag=True, help="Start the jobs from the state they last had at that commit.")
@click.option("--end", is_flag=True, help="End a rollback: follow the branch again.")
@click.option("--reason", default="", help="Shown to everybody who asks why the branch is not followed.")
@click.option("--until", metavar="TIME|DURATION", help="When it ends: 2026-01-31T18:00:00Z, or 90m, 8h, 2d from now.")
@click.option("--cluster", envvar="GITSYNC_CLUSTER", help="Whose records; needed where several clusters write some.")
@click.option("--repo", help="Another place of the same repository, such as a local clone.")
@click.option("--git-username", envvar="GITSYNC_GIT_USERNAME")
@click.option("--git-password-file", type=click.Path(path_type=Path), envvar="GITSYNC_GIT_PASSWORD_FILE")
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
def rollback(app: str, revision: str | None, with_state: bool, end: bool, **options: str | Path | None) -> None:
    """Pin APP to an earlier commit until the pin is ended or runs out.

    It is a sync on request: also where automated sync is off. Jobs are upgraded as by any commit, with the state they
    have now. With --with-state each starts from the
    newest snapshot that the ledger has of that commit; what it did since is lost. Git is not changed: revert
    the commits there and end the rollback when you are done.
    """
    import json
    import secrets

    from gitsync.cli import clusters, locating, previewing, watching
    from gitsync.cli.suspend import moment
    from gitsync.model import syncapps
    from operator_core.kube.client import Client
    from operator_core.runtime.clock import SystemClock

    namespace, until = str(options["namespace"]), options["until"]
    client = Client.connect(context=str(options["context"]) if options["context"] else None)
    if end:
        watching.annotate(client, namespace, app, {syncapps.PIN: None})
        click.echo(f"{app} follows its branch again")
        return
    found = clusters.app(client, namespace, app)
    repo = str(options["repo"] or found.spec.main.repo_url)
    mirror = locating.mirror(repo, options["git_username"], options["git_password_file"])
    target = previewing.resolve(mirror, revision or _before(found))
    value: dict[str, object] = {"revision": target.sha, "reason": str(options["reason"] or "")}
    states: dict[str, str] = {}
    if until:
        value["until"] = moment(str(until), SystemClock().now())
    if with_state:
        states = _states(mirror, found, target.sha, options["cluster"])
        value |= {"id": secrets.token_hex(8), "restore": states}
    # A person asks: it happens where automated sync is off, and in windows that let people sync.
    asked: dict[str, str | None] = {syncapps.PIN: json.dumps(value), syncapps.SYNC_REQUESTED: secrets.token_hex(8)}
    watching.annotate(client, namespace, app, asked)
    for job, path in sorted(states.items()):
        click.echo(f"{job} starts from {path}")
    what = f"{app} goes back to {target.short} ({target.subject})"
    click.echo(f"{what}; `gitsync status {app}` follows it, `gitsync rollback {app} --end` ends it")


def _before(app: "SyncApp") -> str:
    """The commit that was deployed before the one of now. Raises Stalled where there is none."""
    from operator_core.errors import Reason, Stalled

    now = app.status.sync.revision if app.status.sync is not None else None
    earlier = [entry.revision for entry in app.status.history if entry.revision != now]
    if not earlier:
        text = f"the app {app.name} has no earlier commit in its history; name one with --to"
        raise Stalled(Reason.RevisionNotFound, text)
    return earlier[-1]


def _states(mirror: "Mirror", app: "SyncApp", sha: str, cluster: object) -> dict[str, str]:
    """The snapshot of each job at a commit. Raises Stalled naming the jobs that have none."""
    from gitsync.cli import clusters, recorded
    from gitsync.model import ledgers
    from gitsync.plan import restores
    from operator_core.errors import Reason, Stalled

    known = recorded.fetch(mirror)
    chosen = recorded.cluster_of(known, str(cluster) if cluster else None)
    ledger = recorded.ledger(mirror, chosen, app.name) if chosen is not None else None
    jobs = clusters.jobs_of([app])
    found: dict[str, str] = {}
    for job in jobs:
        path = ledgers.snapshot_of(ledger, job.kind, job.namespace, job.name, sha) if ledger is not None else ""
        if path:
            found[restores.job_key(job)] = path
    missing = [job.shown for job in jobs if restores.job_key(job) not in found]
    if missing or not jobs:
        names = ", ".join(missing) or f"any job of {app.name}"
        text = f"the ledger has no snapshot of {names} at {sha[:7]}; `gitsync history {app.name}` shows the commits"
        raise Stalled(Reason.RestoreFailed, f"{text}, and without --with-state jobs keep the state they have now")
    return found
