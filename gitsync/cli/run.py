"""`gitsync run`: the agent, in the foreground, until it is told to stop."""

import os
from functools import partial
from pathlib import Path

import click

from operator_core.jsonvalues import Json


def local_path(repo: str | None) -> str | None:
    """A path relative to where the command is run, as the absolute one that a SyncApp needs."""
    if repo is None or "://" in repo or not Path(repo).expanduser().is_dir():
        return repo
    return str(Path(repo).expanduser().resolve())


@click.command()
@click.option(
    "--config", "file", type=click.Path(path_type=Path), envvar="GITSYNC_CONFIG", help="Settings file (YAML)."
)
@click.option("--repo", help="Repository of the root app: https URL or local path.")
@click.option("--revision", help="Branch, tag or commit to follow.  [default: HEAD]")
@click.option("--path", help="Directory of the manifests in the repository.  [default: .]")
@click.option("--recurse/--no-recurse", default=None, help="Read directories below the path too.  [default: yes]")
@click.option(
    "--app-per-directory/--one-app",
    "app_per_directory",
    default=None,
    help="Make an app of every directory directly below the path.  [default: no]",
)
@click.option("--cluster", help="This cluster's name in the records written back to Git.")
@click.option("--namespace", help="Namespace of the agent and its SyncApps.  [default: gitsync-system]")
@click.option("--destination-namespace", help="Namespace of objects that name none.  [default: default]")
@click.option("--prune/--no-prune", default=None, help="Delete what is no longer in Git.  [default: no]")
@click.option("--role", type=click.Choice(["all", "sync", "operator"]), help="Which half to run.  [default: all]")
@click.option("--poll-seconds", type=float, help="How often repositories are looked at.  [default: 60]")
@click.option("--flink-rest", type=click.Choice(["direct", "proxy"]), help="How Flink is reached.  [default: direct]")
@click.option("--webhook-port", type=int, help="Port of the push webhook; needs a secret file.")
@click.option("--webhook-secret-file", type=click.Path(path_type=Path), help="File with the webhook's secret.")
@click.option("--probe-port", type=int, help="Port of /healthz, /readyz and /metrics.")
@click.option("--watch-namespace", "watch_namespaces", multiple=True, help="Only look at this namespace (repeatable).")
@click.option(
    "--operator-default", "defaults", multiple=True, metavar="KEY=VALUE", help="Option below every job's own."
)
@click.option("--work-directory", type=click.Path(path_type=Path), help="Where mirrors of repositories are kept.")
@click.option("--git-username", help="User name for the root repository.")
@click.option("--git-password-file", type=click.Path(path_type=Path), help="File with its password or token.")
@click.option("--install-crds", is_flag=True, default=None, help="Install the custom resource definitions first.")
@click.option("--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]), help="[default: INFO]")
@click.option("--log-json", is_flag=True, default=None, help="One JSON object per line.")
@click.option("--context", help="Context of the kubeconfig.")
def run(file: Path | None, context: str | None, defaults: tuple[str, ...], **flags: Json) -> None:
    """Run the agent until SIGTERM or Ctrl-C.

    Uses KUBECONFIG or ~/.kube/config, or inside a pod its own credentials. Every option can also be
    in the settings file or in the environment as GITSYNC_…; options win over the environment, the
    environment over the file. A change of `operatorDefaults` or `watchNamespaces` in the file takes effect
    while the agent runs.
    """
    from gitsync import app, settings
    from operator_core.kube.client import Client
    from operator_core.runtime import logs

    flags["repo"] = local_path(flags["repo"])
    flags["watch_namespaces"] = flags["watch_namespaces"] or None
    flags["operator_defaults"] = dict(option(one) for one in defaults) or None
    chosen = settings.load(file, os.environ, flags)
    logs.configure(as_json=chosen.log_json, level=chosen.log_level)
    reread = partial(settings.load, file, os.environ, flags) if file is not None else None
    app.run(chosen, Client.connect(context=context), reread)


def option(text: str) -> tuple[str, str]:
    """`KEY=VALUE` as a pair; raises a usage error."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--operator-default")
    return key, value
