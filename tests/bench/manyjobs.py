"""Many FlinkDeployments at once on a real API server without a kubelet: none of them ever becomes ready.

How soon each has its JobManager Deployment, what that costs in CPU, and what an idle minute with all of them
costs. The resources are created by many clients at once; the agent runs as a process of its own. The same requests
without an agent are measured first (`barewrites`), and what the control plane uses: most of the time goes there.
"""

from __future__ import annotations

import concurrent.futures
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gitsync.apply import definitions
from gitsync.sandbox import launching
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.runtime.clock import SystemClock

from . import barewrites, worlds

_CREATORS = 16
_QUIET_SECONDS = 15.0
_DEADLINE = 900.0
_SETTLE_SECONDS = 20.0
IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Made:
    """`count` resources at once: seconds until each had its Deployment, CPU seconds of the agent for all of them.

    `bare_*`: the same for the same requests without an agent; `control_plane_cpu` until the last Deployment was there.
    """

    count: int
    taken: list[float]
    bare: list[float]
    cpu: float
    control_plane_cpu: float
    requests: int


@dataclass(frozen=True, slots=True)
class Idle:
    """A minute in which nothing happens, with `count` resources that are not ready."""

    count: int
    cpu_seconds: float
    resident_mb: float
    requests: int


@contextmanager
def control_plane(progress: Progress) -> Iterator[Layout]:
    """A control plane without a kubelet, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gitsync-bench-") as folder:
        layout = Layout(Path(folder) / "sandbox")
        supervisor = launching.up(launching.Options(layout.dir, kubelet=False, lifeline=True), progress)
        try:
            yield layout
        finally:
            launching.reset(layout, progress)
            if supervisor is not None and supervisor.stdin is not None:
                supervisor.stdin.close()
                supervisor.wait()


class _Agent:
    """`gitsync run --role operator`, and what it has used so far."""

    def __init__(self, layout: Layout) -> None:
        self.port = worlds.free_port()
        command = [sys.executable, "-m", "gitsync.cli.main", "run", "--role", "operator", "--flink-rest", "proxy"]
        command += ["--probe-port", str(self.port), "--log-level", "WARNING"]
        self.process = subprocess.Popen(command, env={"KUBECONFIG": str(layout.kubeconfig), "PATH": ""})

    @property
    def cpu(self) -> float:
        return worlds.cpu_seconds(self.process.pid)

    def requests_sent(self) -> int:
        """From its own metrics."""
        import httpx

        text = httpx.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False, timeout=20).text
        rows = [line for line in text.splitlines() if line.startswith("gitsync_kubernetes_requests_total")]
        return int(float(rows[0].split()[-1])) if rows else 0

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def measure(counts: tuple[int, ...], progress: Progress) -> tuple[list[Made], list[Idle], float]:
    """Each count in a namespace of its own, one after the other; resident MB with no resource."""
    with control_plane(progress) as layout:
        client = Client.connect(kubeconfig=layout.kubeconfig)
        definitions.install(client, definitions.all_definitions(), SystemClock(), timeout=60.0, told=lambda _: None)
        bare = _without_agent(client, counts, progress)
        agent = _Agent(layout)
        try:
            time.sleep(_SETTLE_SECONDS)
            empty = worlds.resident_mb(agent.process.pid)
            made: list[Made] = []
            idle: list[Idle] = []
            for count in counts:
                with progress.stage(f"{count} resources at once"):
                    made.append(_create(client, agent, layout, count))
                with progress.stage("until the controllers are done"):
                    _wait_quiet(client)
                with progress.stage("an idle minute"):
                    idle.append(_idle(agent, sum(counts[: counts.index(count) + 1])))
            return [replace(one, bare=bare[one.count]) for one in made], idle, empty
        finally:
            agent.stop()


def _without_agent(client: Client, counts: tuple[int, ...], progress: Progress) -> dict[int, list[float]]:
    """The seconds that the API server takes by itself, by count; nothing of it is left."""
    found: dict[int, list[float]] = {}
    for count in counts:
        namespace = f"bare-{count}"
        with progress.stage(f"the requests of {count} resources without an agent"):
            bodies = [_resource(f"job-{number}") for number in range(count)]
            found[count] = barewrites.delays(client, namespace, bodies, _CREATORS)
        with progress.stage("remove them"):
            _remove(client, namespace)
    return found


def _remove(client: Client, namespace: str) -> None:
    free: Object = {"metadata": {"finalizers": None}}
    for obj in client.send(requests.listing(requests.FLINK_DEPLOYMENTS, namespace, limit=5000))["items"]:
        name = obj["metadata"]["name"]
        client.send(requests.merge_patch(requests.FLINK_DEPLOYMENTS, namespace, name, free))
    client.send(requests.delete(requests.NAMESPACES, None, namespace))
    deadline = time.monotonic() + _DEADLINE
    while time.monotonic() < deadline:
        try:
            client.send(requests.get(requests.NAMESPACES, None, namespace))
        except errors.NotFound:
            return
        time.sleep(1.0)


def _create(client: Client, agent: _Agent, layout: Layout, count: int) -> Made:
    namespace = f"bench-{count}"
    client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": namespace}}))
    arrived: dict[str, float] = {}
    cache = Cache(
        client,
        requests.DEPLOYMENTS,
        namespaces=(namespace,),
        on_change=lambda _, obj: arrived.setdefault(obj["metadata"]["name"], time.monotonic()),
    )
    cache.start()
    cache.wait_synced(30)
    cpu, sent, plane = agent.cpu, agent.requests_sent(), worlds.control_plane_cpu(layout)
    started: dict[str, float] = {}

    def create(number: int) -> None:
        name = f"job-{number}"
        started[name] = time.monotonic()
        client.send(requests.create(requests.FLINK_DEPLOYMENTS, namespace, _resource(name)))

    with concurrent.futures.ThreadPoolExecutor(_CREATORS) as pool:
        list(pool.map(create, range(count)))
    deadline = time.monotonic() + _DEADLINE
    while len(arrived) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    plane = worlds.control_plane_cpu(layout) - plane
    taken = sorted(arrived[name] - begun for name, begun in started.items() if name in arrived)
    time.sleep(5.0)
    used, asked = agent.cpu - cpu, agent.requests_sent() - sent
    cache.stop()
    if len(taken) < count:
        print(f"{count - len(taken)} of {count} have no Deployment after {_DEADLINE:.0f} s")
    return Made(count, taken, [], used, plane, asked)


def _wait_quiet(client: Client) -> None:
    """Until nothing happened to any Deployment or pod for a while: the controllers take minutes over hundreds."""
    last = time.monotonic()
    deadline = last + _DEADLINE

    def seen(*_: object) -> None:
        nonlocal last
        last = time.monotonic()

    caches = [Cache(client, kind, on_change=seen) for kind in (requests.DEPLOYMENTS, requests.PODS)]
    for cache in caches:
        cache.start()
    while time.monotonic() - last < _QUIET_SECONDS and time.monotonic() < deadline:
        time.sleep(0.5)
    for cache in caches:
        cache.stop()


def _idle(agent: _Agent, count: int) -> Idle:
    cpu, sent = agent.cpu, agent.requests_sent()
    time.sleep(IDLE_SECONDS)
    return Idle(count, agent.cpu - cpu, worlds.resident_mb(agent.process.pid), agent.requests_sent() - sent)


def _resource(name: str) -> Object:
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": name},
        "spec": {
            "image": "flink:1.20",
            "flinkVersion": "v1_20",
            "serviceAccount": "default",
            "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "2"},
            "jobManager": {"resource": {"cpu": 1, "memory": "2048m"}},
            "taskManager": {"resource": {"cpu": 1, "memory": "2048m"}},
            "job": {"jarURI": "local:///opt/flink/job.jar", "parallelism": 2, "upgradeMode": "stateless"},
        },
    }


def print_costs(made: list[Made], idle: list[Idle], empty: float) -> None:
    """As tables."""
    print("\n| resources at once | median s | p95 s | worst s | CPU s each | control plane CPU s | requests |")
    print("|---|---|---|---|---|---|---|")
    for one in made:
        cpu = f"{one.cpu / one.count:.3f} | {one.control_plane_cpu / one.count:.3f} | {one.requests / one.count:.1f}"
        print(f"| {one.count} | {_spread(one.taken)} | {cpu} |")
        print(f"| {one.count}, the same requests without an agent | {_spread(one.bare)} | | | |")
    print("\n| idle minute with jobs that are not ready | CPU s | resident MB | requests |\n|---|---|---|---|")
    print(f"| 0 | | {empty:.0f} | |")
    for at_rest in idle:
        print(f"| {at_rest.count} | {at_rest.cpu_seconds:.2f} | {at_rest.resident_mb:.0f} | {at_rest.requests} |")


def _spread(taken: list[float]) -> str:
    return f"{statistics.median(taken):.2f} | {taken[int(0.95 * (len(taken) - 1))]:.2f} | {taken[-1]:.2f}"
