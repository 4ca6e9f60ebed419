"""Many FlinkDeployments at once on a real API server without a kubelet: none of them ever becomes ready.

How soon each has its JobManager Deployment, what that costs in CPU, and what an idle minute with all of them
costs. The resources are created by many clients at once; the agent runs as a process of its own.
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
from dataclasses import dataclass
from pathlib import Path

from gitsync.apply import definitions
from gitsync.sandbox import launching
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.runtime.clock import SystemClock

from . import worlds

_CREATORS = 16
_DEADLINE = 900.0
_SETTLE_SECONDS = 20.0
IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Made:
    """`count` resources at once: seconds until each had its Deployment, CPU seconds of the agent for all of them."""

    count: int
    median: float
    p95: float
    worst: float
    cpu: float
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
        agent = _Agent(layout)
        try:
            time.sleep(_SETTLE_SECONDS)
            empty = worlds.resident_mb(agent.process.pid)
            made: list[Made] = []
            idle: list[Idle] = []
            for count in counts:
                with progress.stage(f"{count} resources at once"):
                    made.append(_create(client, agent, count))
                time.sleep(_SETTLE_SECONDS)
                with progress.stage("an idle minute"):
                    idle.append(_idle(agent, sum(counts[: counts.index(count) + 1])))
            return made, idle, empty
        finally:
            agent.stop()


def _create(client: Client, agent: _Agent, count: int) -> Made:
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
    cpu, sent = agent.cpu, agent.requests_sent()
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
    taken = sorted(arrived[name] - begun for name, begun in started.items() if name in arrived)
    time.sleep(5.0)
    used, asked = agent.cpu - cpu, agent.requests_sent() - sent
    cache.stop()
    if len(taken) < count:
        print(f"{count - len(taken)} of {count} have no Deployment after {_DEADLINE:.0f} s")
    return Made(count, statistics.median(taken), taken[int(0.95 * (count - 1))], taken[-1], used, asked)


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
    print("\n| FlinkDeployments at once | median s | p95 s | worst s | CPU s each | requests each |")
    print("|---|---|---|---|---|---|")
    for one in made:
        each = f"{one.cpu / one.count:.3f} | {one.requests / one.count:.1f}"
        print(f"| {one.count} | {one.median:.2f} | {one.p95:.2f} | {one.worst:.2f} | {each} |")
    print("\n| idle minute with jobs that are not ready | CPU s | resident MB | requests |\n|---|---|---|---|")
    print(f"| 0 | | {empty:.0f} | |")
    for at_rest in idle:
        print(f"| {at_rest.count} | {at_rest.cpu_seconds:.2f} | {at_rest.resident_mb:.0f} | {at_rest.requests} |")
