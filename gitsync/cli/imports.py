"""`gitsync import`: the live Flink resources of namespaces as files of a repository."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gitsync.model.identities import Identity
    from operator_core.jsonvalues import Object
    from operator_core.kube.client import Client


@click.command("import")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("-n", "namespaces", multiple=True, metavar="NAMESPACE", help="Only these; repeatable. Else all.")
@click.option("--with-config", is_flag=True, help="Also the ConfigMaps that the jobs' pod templates name.")
@click.option("--force", is_flag=True, help="Overwrite files that are there and differ.")
@click.option("--context", help="Context of the kubeconfig.")
def imports(directory: Path, namespaces: tuple[str, ...], with_config: bool, force: bool, context: str | None) -> int:
    """Write every FlinkDeployment and FlinkSessionJob into DIRECTORY, one file each.

    Specs are written as they run, so the first sync of the directory changes no object and restarts no job. Secrets
    are never written; those that jobs need are listed. Commit DIRECTORY and let an app follow it.

    Exit code 0 when everything was written, 1 when there is nothing to import.
    """
    from gitsync.report import importing
    from operator_core.kube.client import Client

    client = Client.connect(context=context)
    jobs = _live(client, namespaces)
    needed = importing.referred(jobs)
    extra = _config_maps(client, needed) if with_config else []
    files = importing.layout([*jobs, *extra])
    _check(directory, {file.path: file.text for file in files}, force)
    for file in files:
        target = directory / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.text)
        click.echo(str(target))
    for one in sorted(needed):
        if one.kind == "Secret" or not with_config:
            click.echo(f"needed, not written: {one.shown}", err=True)
    if not files:
        click.echo("there are no Flink resources to import", err=True)
        return 1
    click.echo(f"{len(files)} file(s); commit {directory} and let an app follow it", err=True)
    return 0


def _live(client: "Client", namespaces: tuple[str, ...]) -> "list[Object]":
    from gitsync.cli import clusters
    from operator_core.errors import Reason, Stalled
    from operator_core.kube import errors, requests

    found: list[Object] = []
    for resource in (requests.FLINK_DEPLOYMENTS, requests.FLINK_SESSION_JOBS):
        try:
            for namespace in namespaces or (None,):
                found += clusters.everything(client, resource, namespace)
        except errors.NotFound as error:
            text = f"the cluster does not know the kind {resource.kind}: run `gitsync install`"
            raise Stalled(Reason.UnknownKind, text) from error
    return [obj for obj in found if "deletionTimestamp" not in obj["metadata"]]


def _config_maps(client: "Client", needed: "frozenset[Identity]") -> "list[Object]":
    from operator_core.kube import errors, requests

    found: list[Object] = []
    for one in sorted(needed):
        if one.kind != "ConfigMap":
            continue
        try:
            live = client.send(requests.get(requests.CONFIG_MAPS, one.namespace, one.name))
        except errors.NotFound:
            click.echo(f"needed, but not there: {one.shown}", err=True)
            continue
        if not live["metadata"].get("ownerReferences"):
            found.append({**live, "apiVersion": "v1", "kind": "ConfigMap"})
    return found


def _check(directory: Path, files: dict[str, str], force: bool) -> None:
    """Nothing is written when something would be lost. Raises a usage error naming the files."""
    changed = [
        path for path, text in files.items() if (directory / path).exists() and (directory / path).read_text() != text
    ]
    if changed and not force:
        names = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
        raise click.UsageError(f"{directory} has other content in {names}; use --force to overwrite it")
