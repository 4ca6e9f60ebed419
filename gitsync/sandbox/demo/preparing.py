"""What has to be there before the agent can begin: image, repository, namespace, and the agent itself.

The steps of a cluster's administrator. Knows how the example repository is adapted to a sandbox, and nothing of what
happens afterwards.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from gitsync.sandbox import errors
from gitsync.sandbox.demo import agents, places, waiting
from gitsync.sandbox.demo.repositories import Repository
from gitsync.sandbox.demojob import sources
from gitsync.sandbox.images import flinkhome, registry, releases
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import dig
from operator_core.kube import errors as kube_errors
from operator_core.kube import requests
from operator_core.kube.client import Client

NAMESPACE = "jobs"
JOB = "ticks"
IMAGE, BASE = "ticks:1.20", "flink:1.20"
EXAMPLE_VOLUME = "/var/lib/flink-data"
READY_SECONDS = 60


def image(place: places.Place, progress: Progress) -> None:
    """Flink with the job's jar in it, known to the sandbox; Flink is fetched first where needed."""
    flinkhome.assemble(releases.NEWEST_PATCH["1.20"], progress)
    registry.add(place.layout.dir, IMAGE, BASE, places.overlay_with_jar(place.overlay, sources.JAR))


def repository(place: places.Place) -> Repository:
    """The example as a bare repository, with the job's volume in the demo's own folder."""
    made = Repository.create(place.git, places.checkout_folder(places.EXAMPLE))
    place.flink_data.mkdir()
    file = made.tree / "apps/ticks.yaml"
    text = file.read_text(encoding="utf-8").replace(EXAMPLE_VOLUME, str(place.flink_data))
    file.write_text(text, encoding="utf-8")
    made.commit("Run the ticks job")
    return made


def namespace(client: Client) -> None:
    """The namespace that the jobs run in."""
    try:
        client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": NAMESPACE}}))
    except kube_errors.AlreadyExists:
        return


def start_agent(place: places.Place, client: Client, choices: agents.Choices) -> None:
    """Apply the agent's manifests and wait until its pod is ready. Raises SandboxError."""
    agents.write_overlay(place.agent, places.checkout_folder("deploy") / "kustomize/base", choices)
    agents.kubectl(place.layout, "apply", "--server-side", "-k", str(place.agent))
    # Not `kubectl rollout status`: it would outlive a demo that is killed.
    waiting.until(lambda: _is_available(client), "the agent's pod ready", seconds=READY_SECONDS)


def _is_available(client: Client) -> bool:
    deployment = client.send(requests.get(requests.DEPLOYMENTS, agents.NAMESPACE, agents.NAME))
    return bool(dig(deployment, "status", "availableReplicas", default=0))


@contextmanager
def logs_saved_on_failure(place: places.Place) -> Iterator[None]:
    """Keep the logs of the agent and of the job's pods when the block fails: their pods end with the sandbox."""
    try:
        yield
    except BaseException:
        place.logs.mkdir(exist_ok=True)
        wanted: dict[str, tuple[str, ...]] = {
            "agent.log": ("-n", agents.NAMESPACE, f"deployment/{agents.NAME}"),
            "job.log": ("-n", NAMESPACE, "-l", f"app={JOB}", "--prefix", "--tail=-1"),
        }
        for name, selection in wanted.items():
            (place.logs / name).write_text(_log(place, selection), encoding="utf-8")
        raise


def _log(place: places.Place, selection: tuple[str, ...]) -> str:
    try:
        return agents.kubectl(place.layout, "logs", *selection)
    except (errors.SandboxError, OSError, subprocess.TimeoutExpired) as error:
        return f"there is no log: {error}\n"
