"""`gitsync install`: put the custom resource definitions into a cluster and wait until it serves them."""

import click


@click.command()
@click.option("--context", default=None, help="Context of the kubeconfig; the current one otherwise.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait until the kinds are served.")
@click.option("--print", "only_print", is_flag=True, help="Print the definitions as YAML and change nothing.")
def install(context: str | None, timeout: float, only_print: bool) -> None:
    """Install or update gitsync's and Flink's custom resource definitions."""
    from gitsync.apply import definitions

    wanted = definitions.all_definitions()
    if only_print:
        import yaml

        click.echo(yaml.safe_dump_all(wanted, sort_keys=False), nl=False)
        return
    from operator_core.kube.client import Client
    from operator_core.runtime.clock import SystemClock

    cluster = Client.connect(context=context)
    click.echo(f"installing {len(wanted)} definitions in {cluster.server}", err=True)
    definitions.install(
        cluster, wanted, SystemClock(), timeout=timeout, told=lambda name: click.echo(f"{name} installed")
    )
