"""One JobManager among many that does not answer: how long do the passes over the other jobs wait because of it?

Fifty session jobs on ten session clusters, on a real API server with real controllers and without a kubelet: pods are
made ready by hand and Flink is a function here that answers at once, or hangs for as long as the real transport would
wait. A pass begins when a change of a resource is written and has come when Flink is asked about its job.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from gitsync.apply import definitions
from gitsync.sandbox.progress import Progress
from operator_core.controllers.operator import Operator
from operator_core.flink import errors
from operator_core.flink.jars import Multipart
from operator_core.flink.requests import FlinkRequest
from operator_core.flink.rest import CONNECT_SECONDS, READ_SECONDS, Address
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors as kube_errors
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.model import lastspecs
from operator_core.runtime.clock import SystemClock

from .manyjobs import control_plane

CLUSTERS, JOBS_EACH, ROUNDS = 10, 5, 4
SILENT = "cluster-0"
_NAMESPACE = "bench-silent"
_DEADLINE = 120.0


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds from a change to the pass over it, for the jobs whose JobManager answers."""

    median: float
    p95: float
    worst: float


class _Flink:
    """Every cluster's REST; `silent` hangs."""

    def __init__(self) -> None:
        self.silent: str | None = None
        self.asked = threading.Condition()
        self.seen: dict[str, float] = {}

    def send(self, address: Address, request: FlinkRequest, *, seconds: float = READ_SECONDS) -> Object:
        if address.name == self.silent:
            time.sleep(CONNECT_SECONDS + READ_SECONDS)
            raise errors.FlinkUnreachable("no answer")
        if request.path == "/config":
            return {"flink-version": "1.20.5", "flink-revision": "x"}
        if request.path != "/jobs/overview":
            return {"latest": {"completed": {"id": 1, "external_path": "file:///c"}}, "counts": {"completed": 1}}
        with self.asked:
            self.seen[address.name] = time.monotonic()
            self.asked.notify_all()
        tasks = {"total": 1, "running": 1}
        jobs = [
            {"jid": _job_id(address.name, number), "name": "x", "state": "RUNNING", "start-time": 1, "tasks": tasks}
            for number in range(JOBS_EACH)
        ]
        return {"jobs": jobs}

    def upload(self, address: Address, path: str, body: Multipart, *, seconds: float) -> Object:
        raise errors.FlinkUnreachable("nothing is submitted here")

    def wait(self, cluster: str, since: float) -> float:
        """Seconds from `since` until the cluster was asked."""
        with self.asked:
            self.asked.wait_for(lambda: self.seen.get(cluster, 0.0) > since, timeout=60)
            return self.seen.get(cluster, since + 60) - since


def measure(progress: Progress) -> tuple[Delays, Delays]:
    """Without and with the silent JobManager."""
    with control_plane(progress) as layout:
        client = Client.connect(kubeconfig=layout.kubeconfig)
        definitions.install(client, definitions.all_definitions(), SystemClock(), timeout=60.0, told=lambda _: None)
        client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": _NAMESPACE}}))
        flink = _Flink()
        operator = Operator(client, clock=SystemClock(), namespaces=(_NAMESPACE,), rest=flink)
        operator.start()
        try:
            with progress.stage(f"{CLUSTERS * JOBS_EACH} session jobs on {CLUSTERS} clusters"):
                for number in range(CLUSTERS):
                    _create(client, f"cluster-{number}")
                _until(lambda: _are_running(client), "all jobs seen RUNNING")
            with progress.stage("changes, every JobManager answers"):
                before = _delays(client, flink)
            flink.silent = SILENT
            with progress.stage("changes, one JobManager hangs"):
                return before, _delays(client, flink)
        finally:
            operator.stop()


def print_delays(without: Delays, with_one: Delays) -> None:
    """As Markdown."""
    print(f"\n### One silent JobManager among {CLUSTERS * JOBS_EACH} session jobs: change → pass over another job\n")
    print("| | median | p95 | worst |\n|---|---|---|---|")
    for name, each in (("every JobManager answers", without), ("one does not answer", with_one)):
        print(f"| {name} | {each.median * 1000:.0f} ms | {each.p95 * 1000:.0f} ms | {each.worst * 1000:.0f} ms |")


def _delays(client: Client, flink: _Flink) -> Delays:
    """Every job is touched, the silent cluster's first; each answering cluster's delay is taken once per touch."""
    found: list[float] = []
    for number in range(ROUNDS):
        for job in range(JOBS_EACH):
            for cluster in range(CLUSTERS):
                name = f"cluster-{cluster}"
                patch = {"metadata": {"labels": {"touched": f"{number}-{job}"}}}
                since = time.monotonic()
                client.send(requests.merge_patch(requests.FLINK_SESSION_JOBS, _NAMESPACE, f"{name}-{job}", patch))
                if name != SILENT:
                    found.append(flink.wait(name, since))
    ordered = sorted(found)
    return Delays(statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[-1])


def _create(client: Client, name: str) -> None:
    spec = {
        "image": "flink:1.20",
        "flinkVersion": "v1_20",
        "serviceAccount": "default",
        "jobManager": {"resource": {"cpu": 0.1, "memory": "1024m"}},
        "taskManager": {"resource": {"cpu": 0.1, "memory": "1024m"}},
    }
    head: Object = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", "metadata": {"name": name}}
    client.send(requests.create(requests.FLINK_DEPLOYMENTS, _NAMESPACE, {**head, "spec": spec}))
    _until(lambda: _make_ready(client, name), f"a pod of {name}")
    for number in range(JOBS_EACH):
        _submit(client, name, number)


def _make_ready(client: Client, name: str) -> bool:
    found = client.send(requests.listing(requests.PODS, _NAMESPACE, labels=f"app={name}"))["items"]
    for pod in found:
        status: Object = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        patch = requests.merge_patch(
            requests.PODS, _NAMESPACE, pod["metadata"]["name"], {"status": status}, subresource="status"
        )
        client.send(patch)
    return bool(found)


def _submit(client: Client, cluster: str, number: int) -> None:
    """A job as it is once Flink has it."""
    job = {"entryClass": "x", "parallelism": 1, "upgradeMode": "stateless", "state": "running"}
    spec: Object = {"deploymentName": cluster, "job": job}
    name = f"{cluster}-{number}"
    meta = {"name": name, "finalizers": ["flinksessionjobs.flink.apache.org/finalizer"]}
    head: Object = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkSessionJob", "metadata": meta}
    record = {"state": "DEPLOYED", "lastReconciledSpec": lastspecs.encode(spec, first_deployment=True)}
    status: Object = {"jobStatus": {"jobId": _job_id(cluster, number)}, "reconciliationStatus": record}
    client.send(requests.create(requests.FLINK_SESSION_JOBS, _NAMESPACE, {**head, "spec": spec}))
    _until(lambda: _recorded(client, name, status), f"{name} recorded")


def _recorded(client: Client, name: str, status: Object) -> bool:
    live = client.send(requests.get(requests.FLINK_SESSION_JOBS, _NAMESPACE, name))
    try:
        client.send(requests.replace(requests.FLINK_SESSION_JOBS, {**live, "status": status}, subresource="status"))
    except kube_errors.Conflict:
        return False
    return True


def _are_running(client: Client) -> bool:
    items = client.send(requests.listing(requests.FLINK_SESSION_JOBS, _NAMESPACE))["items"]
    states = [dig(item, "status", "jobStatus", "state") for item in items]
    return len(states) == CLUSTERS * JOBS_EACH and set(states) == {"RUNNING"}


def _job_id(cluster: str, number: int) -> str:
    return f"{int(cluster.rpartition('-')[2]):016x}{number:016x}"


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.1)
