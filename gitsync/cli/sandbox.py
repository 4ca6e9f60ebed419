"""`gitsync sandbox`: a local Kubernetes without a container runtime, from the command line.

Only options, texts and exit codes live here; what the commands do is in `gitsync.sandbox`.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import click

from gitsync.sandbox import errors, fetching, forwarding, isolation, launching, namespaces, states, statuses
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress

with_dir = click.option(
    "--dir",
    "place",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the sandbox (default: one in the user's cache).",
)


def layout_of(place: Path | None) -> Layout:
    """The sandbox that a command means."""
    return Layout((place or launching.default_dir()).resolve())


def running(place: Path | None) -> tuple[Layout, states.State]:
    """The sandbox that a command means, with its state. Raises SandboxError when it does not run."""
    chosen = layout_of(place)
    if not states.is_supervised(chosen):
        option = f" --dir {place}" if place else ""
        raise errors.SandboxError(f"no sandbox runs in {chosen.dir}; start it with `gitsync sandbox up{option}`")
    return chosen, states.read(chosen)


@click.group()
def sandbox() -> None:
    """A real Kubernetes API and pods as local processes, with no container runtime."""


@sandbox.command()
@with_dir
@click.option("--no-kubelet", is_flag=True, help="The control plane alone: pods stay Pending.")
@click.option(
    "--isolation",
    "way",
    type=click.Choice([isolation.NAMESPACES, isolation.NONE]),
    default=isolation.NAMESPACES,
    show_default=True,
    help="none: no namespaces, for a machine or container that forbids them; pods are less like pods.",
)
@click.option("--foreground", is_flag=True, help="Stay, and end the sandbox with Ctrl-C.")
def up(place: Path | None, no_kubelet: bool, way: str, foreground: bool) -> None:
    """Start the sandbox and return when it is ready; data of an earlier run is kept."""
    chosen = layout_of(place)
    progress = Progress()
    supervisor = launching.up(launching.Options(chosen.dir, not no_kubelet, foreground, way), progress)
    for limit in isolation.named(way).limits:
        progress.note(limit)
    if foreground:
        stay(chosen, supervisor, progress)
    else:
        tell_kubeconfig(chosen)


def tell_kubeconfig(chosen: Layout) -> None:
    """The line that points a shell's clients to the sandbox."""
    click.echo(f"export KUBECONFIG={chosen.kubeconfig}")


def stay(chosen: Layout, supervisor: subprocess.Popen[bytes] | None, progress: Progress) -> None:
    """Wait for the sandbox to end, or for Ctrl-C to end it."""
    if supervisor is None:
        raise errors.SandboxError(f"the sandbox in {chosen.dir} runs in the background already; `down` ends it")
    try:
        tell_kubeconfig(chosen)
        progress.note("Ctrl-C ends the sandbox")
        code = supervisor.wait()
    except KeyboardInterrupt:
        launching.down(chosen, progress)
        code = supervisor.wait()
    if code != 0:
        raise errors.SandboxError(f"the sandbox ended: {states.read(chosen).message or f'exit code {code}'}")


@sandbox.command()
@click.argument("releases", nargs=-1, metavar="[FLINK_VERSION]...")
def fetch(releases: tuple[str, ...]) -> None:
    """Fill the cache: the control plane, and Flink of each version named (1.20, 2.3.0).

    Without it `up` and a pod's image do the same when they first need it.
    """
    fetching.fetch(releases, Progress())


@sandbox.command()
@with_dir
def down(place: Path | None) -> None:
    """Stop the sandbox; its data stays for the next `up`."""
    chosen = layout_of(place)
    if not launching.down(chosen, Progress()):
        click.echo(f"no sandbox runs in {chosen.dir}")


@sandbox.command()
@with_dir
def reset(place: Path | None) -> None:
    """Stop the sandbox and delete everything in its folder."""
    chosen = layout_of(place)
    if not launching.reset(chosen, Progress()):
        click.echo(f"there is no sandbox in {chosen.dir}")


@sandbox.command()
@with_dir
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form of the answer.")
def status(place: Path | None, output: str) -> None:
    """Show the state, the kubeconfig and the pods."""
    document = statuses.status(layout_of(place))
    click.echo(json.dumps(document, indent=2) if output == "json" else statuses.render(document))


# Everything from the first word on is kubectl's, a `--` before a container's command too.
@sandbox.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
)
@with_dir
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kubectl(place: Path | None, arguments: tuple[str, ...]) -> None:
    """Run the sandbox's kubectl; give --dir before kubectl's own arguments."""
    chosen, _ = running(place)
    program = str(chosen.bin / "kubectl")
    environment = os.environ | {"KUBECONFIG": str(chosen.kubeconfig), "KUBECACHEDIR": str(chosen.dir / "kubectl-cache")}
    os.execve(program, [program, *arguments], environment)


@sandbox.command()
@with_dir
def shell(place: Path | None) -> None:
    """Open a shell inside the sandbox's namespaces, with kubectl at hand."""
    chosen, state = running(place)
    environment = namespaces.environment()
    environment["PATH"] = f"{chosen.bin}:{environment['PATH']}"
    environment["KUBECONFIG"] = str(chosen.kubeconfig_inside)
    enter = [
        *isolation.of(state).enter_command(chosen, state),
        "env",
        "-C",
        str(chosen.dir),
        os.environ.get("SHELL", "/bin/sh"),
    ]
    os.execvpe(enter[0], enter, environment)


@sandbox.command()
@with_dir
@click.argument("target")
@click.argument("ports", metavar="[LOCAL:]REMOTE")
@click.option("-n", "--namespace", default="default", show_default=True, help="Namespace of the target.")
def forward(place: Path | None, target: str, ports: str, namespace: str) -> None:
    """Open a local port to svc/NAME, pod/NAME or deploy/NAME until Ctrl-C."""
    chosen, state = running(place)
    wanted = forwarding.parse(target, ports, namespace)
    with forwarding.Forward(chosen, state, wanted) as forwarded:
        click.echo(f"localhost:{forwarded.port} -> {target} port {wanted.remote} (namespace {namespace})")
        try:
            forwarded.wait()
        except KeyboardInterrupt:
            return


@sandbox.group()
def image() -> None:
    """The images that pods of the sandbox can name."""


@image.command()
@with_dir
@click.argument("name")
@click.option("--base", required=True, help="Image to start from, such as flink:1.20.")
@click.option(
    "--overlay",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder whose files are laid over the base's root.",
)
def add(place: Path | None, name: str, base: str, overlay: Path) -> None:
    """Make the image NAME: a base with a folder laid over it."""
    from gitsync.sandbox.images import registry

    registry.add(layout_of(place).dir, name, base, overlay.resolve())
