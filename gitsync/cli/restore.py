"""`gitsync restore`: rebuild a lost cluster's jobs with the state that its ledger in Git knows."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gitsync.git.mirrors import Mirror


@click.command()
@click.option("--repo", required=True, envvar="GITSYNC_REPO", help="Repository with the records.")
@click.option("--cluster", envvar="GITSYNC_CLUSTER", help="The lost cluster; needed where several wrote records.")
@click.option("--app", "only", multiple=True, help="Only this app; repeatable.")
@click.option("--for", "lasts", default="1d", show_default=True, metavar="DURATION", help="How long the order stands.")
@click.option("--dry-run", is_flag=True, help="Only show what is known.")
@click.option("--git-username", envvar="GITSYNC_GIT_USERNAME")
@click.option("--git-password-file", type=click.Path(path_type=Path), envvar="GITSYNC_GIT_PASSWORD_FILE")
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
def restore(repo: str, only: tuple[str, ...], lasts: str, dry_run: bool, output: str, **options: object) -> int:
    """Have every job that an agent creates here start from its newest snapshot in the ledger.

    For an empty cluster: give the order, then start the agent with the same repository. Jobs that run already are
    left alone, and jobs without a snapshot start empty.

    Exit code 0 when there is something to restore, 1 when the ledger has nothing.
    """
    from gitsync.cli import locating, recorded, tables
    from gitsync.cli.suspend import moment
    from operator_core.errors import Reason, Stalled
    from operator_core.runtime.clock import SystemClock

    mirror = locating.mirror(repo, options["git_username"], options["git_password_file"])
    wanted = options["cluster"]
    cluster = recorded.cluster_of(recorded.fetch(mirror), str(wanted) if wanted else None)
    if cluster is None:
        raise Stalled(Reason.NotFound, f"the repository {mirror.url} has no records of any cluster")
    found = _snapshots(mirror, cluster, only)
    rows = [[app, job, path] for app, jobs in sorted(found.items()) for job, path in sorted(jobs.items())]
    if output == "table":
        click.echo(tables.columns(["APP", "JOB", "STATE"], rows) if rows else f"no snapshot of {cluster} is recorded")
    else:
        click.echo(tables.document({"cluster": cluster, "apps": found}, output))
    if rows and not dry_run:
        _order(found, moment(lasts, SystemClock().now()), cluster, options)
        click.echo(f"jobs that are created here until {lasts} from now start from these", err=True)
    return 0 if rows else 1


def _snapshots(mirror: "Mirror", cluster: str, only: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """The newest snapshot of every job, by app."""
    from gitsync.cli import recorded
    from gitsync.model import ledgers

    found: dict[str, dict[str, str]] = {}
    for app in recorded.apps_of(mirror, cluster):
        if only and app not in only:
            continue
        ledger = recorded.ledger(mirror, cluster, app)
        jobs = {"/".join(job): ledgers.snapshot_of(ledger, *job) for job in ledgers.jobs(ledger)}
        if jobs:
            found[app] = jobs
    return found


def _order(found: dict[str, dict[str, str]], until: str, cluster: str, options: dict[str, object]) -> None:
    import contextlib
    import secrets
    from datetime import datetime

    from gitsync.plan import restores
    from operator_core.kube import errors, requests
    from operator_core.kube.client import Client

    client = Client.connect(context=str(options["context"]) if options["context"] else None)
    namespace = str(options["namespace"])
    with contextlib.suppress(errors.AlreadyExists):
        client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": namespace}}))
    order = restores.Order(secrets.token_hex(8), datetime.fromisoformat(until), found)
    body = restores.order_body(f"gitsync-restore-{cluster.lower()}"[:253], order)
    body["metadata"]["namespace"] = namespace
    client.send(requests.apply(requests.CONFIG_MAPS, body, field_manager="gitsync-status"))
