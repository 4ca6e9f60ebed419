"""What the shell offers for names of apps and jobs: asked of the cluster, and nothing when it does not answer."""

import click


def apps(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of SyncApps."""
    return [name for name in _names(context, of_jobs=False) if name.startswith(incomplete)]


def jobs(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of the Flink jobs of all apps."""
    return [name for name in _names(context, of_jobs=True) if name.startswith(incomplete)]


def _names(context: click.Context, *, of_jobs: bool) -> list[str]:
    from gitsync.cli import clusters
    from operator_core.errors import AgentError
    from operator_core.kube.client import Client

    try:
        client = Client.connect(context=context.params.get("context"))
        found = clusters.apps(client, context.params.get("namespace") or "gitsync-system", None)
    except AgentError:
        return []
    if not of_jobs:
        return [app.name for app in found]
    return [identity.name for identity in clusters.jobs_of(found)]
