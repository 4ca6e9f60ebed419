"""`gitsync snapshot`: have a savepoint or a checkpoint taken of a job, and say where it is."""

from typing import TYPE_CHECKING

import click

from gitsync.cli import completing

if TYPE_CHECKING:
    from gitsync.model.identities import Identity
    from operator_core.jsonvalues import Object
    from operator_core.kube.client import Client

_ENDED = ("COMPLETED", "FAILED", "ABANDONED")


@click.command()
@click.argument("job", shell_complete=completing.jobs)
@click.option("--checkpoint", is_flag=True, help="A checkpoint instead of a savepoint.")
@click.option("--format", "form", type=click.Choice(["canonical", "native"]), default="canonical", show_default=True)
@click.option("--directory", help="Where the savepoint goes; else where the job's configuration says.")
@click.option("--dispose", is_flag=True, help="Delete the savepoint's files when its FlinkStateSnapshot is deleted.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Follow it until it ended.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to wait.")
@click.option("--kind", type=click.Choice(["FlinkDeployment", "FlinkSessionJob"]), help="Where both have the name.")
@click.option("--namespace", envvar="GITSYNC_NAMESPACE", default="gitsync-system", show_default=True)
@click.option("--context", help="Context of the kubeconfig.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
def snapshot(job: str, output: str, **options: object) -> int:
    """Take a snapshot of JOB, a FlinkDeployment or FlinkSessionJob: its name or NAMESPACE/NAME.

    It is a FlinkStateSnapshot, so any operator that reconciles the job takes it. The job runs on.

    Exit code 0 when it is complete, 1 when it failed, 3 when it did not end within the time given.
    """
    from gitsync.cli import clusters, tables
    from operator_core.errors import Reason, Retry
    from operator_core.kube import requests
    from operator_core.kube.client import Client
    from operator_core.runtime.clock import SystemClock

    context, kind = options["context"], options["kind"]
    client = Client.connect(context=str(context) if context else None)
    identity = clusters.job(client, str(options["namespace"]), job, str(kind) if kind else None)
    clock = SystemClock()
    body = manifest(identity, int(clock.now().timestamp() * 1000), options)
    create = requests.create(requests.FLINK_STATE_SNAPSHOTS, identity.namespace, body, field_manager="gitsync-status")
    name = str(client.send(create)["metadata"]["name"])
    if not options["wait"]:
        click.echo(f"asked for FlinkStateSnapshot {identity.namespace}/{name}")
        return 0
    click.echo(f"asked for FlinkStateSnapshot {identity.namespace}/{name}; waiting for its end", err=True)
    timeout = float(str(options["timeout"]))
    done = _follow(client, identity.namespace, name, timeout)
    if done is None:
        text = f"FlinkStateSnapshot {identity.namespace}/{name} did not end within {timeout:.0f} s"
        raise Retry(Reason.NotReady, f"{text}; `kubectl get flinkstatesnapshot -n {identity.namespace}` follows it")
    status = done.get("status") or {}
    if output != "table":
        click.echo(tables.document({"name": name, "namespace": identity.namespace, **status}, output))
    elif status.get("state") == "COMPLETED":
        click.echo(str(status.get("path")))
    else:
        click.echo(f"{identity.shown}: {status.get('state')}: {status.get('error')}", err=True)
    return 0 if status.get("state") == "COMPLETED" else 1


def manifest(identity: "Identity", millis: int, options: "dict[str, object]") -> "Object":
    """The FlinkStateSnapshot to create."""
    spec: Object = {"backoffLimit": 0, "jobReference": {"kind": identity.kind, "name": identity.name}}
    if options["checkpoint"]:
        spec["checkpoint"] = {}
    else:
        savepoint: Object = {
            "formatType": str(options["form"]).upper(),
            "disposeOnDelete": bool(options["dispose"]),
            "alreadyExists": False,
        }
        if options["directory"]:
            savepoint["path"] = str(options["directory"])
        spec["savepoint"] = savepoint
    what = "checkpoint" if options["checkpoint"] else "savepoint"
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkStateSnapshot",
        "metadata": {"name": f"{identity.name[:40]}-{what}-manual-{millis}", "namespace": identity.namespace},
        "spec": spec,
    }


def _follow(client: "Client", namespace: str, name: str, timeout: float) -> "Object | None":
    """The snapshot once it ended; None at the deadline."""
    import threading

    from operator_core.kube import requests
    from operator_core.kube.caches import Cache
    from operator_core.runtime.clock import SystemClock

    changed = threading.Event()

    def told(_: str, __: "Object") -> None:
        changed.set()

    cache = Cache(client, requests.FLINK_STATE_SNAPSHOTS, namespaces=(namespace,), on_change=told)
    clock = SystemClock()
    deadline = clock.monotonic() + timeout
    cache.start()
    shown = ""
    try:
        while (left := deadline - clock.monotonic()) > 0:
            found = cache.get(namespace, name)
            state = (found.get("status") or {}).get("state") if found is not None else None
            if state in _ENDED:
                return found
            if state and state != shown:
                click.echo(f"{namespace}/{name}: {state}", err=True)
                shown = state
            changed.wait(min(left, 1.0))
            changed.clear()
    finally:
        cache.stop()
    return None
