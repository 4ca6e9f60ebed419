"""Many apps in one repository: what the agent asks of the API server and what it computes, by kind of work.

A root app whose directory holds the SyncApps, each with a directory of four ConfigMaps. Control plane only: no kubelet,
no Flink. Requests are those the agent counts itself, watches included, without those that renew its leases, which it
sends every few seconds whatever happens; CPU is that of its process and of the Git processes it ended.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from gitsync import telemetry
from gitsync.model import syncapps
from gitsync.sandbox import launching
from gitsync.sandbox.demo import commands, waiting
from gitsync.sandbox.demo.repositories import Repository
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client

from . import worlds

OBJECTS = 4
SPACE = "many"
HOME = "gitsync-system"
QUIET_SECONDS = 3.0
IDLE_SECONDS = 60.0
REPAIRS = 10
_COUNTED = {
    "requests": re.compile(rf"^{telemetry.REQUESTS.name}_total (\S+)$", re.MULTILINE),
    "renders": re.compile(rf"^{telemetry.RENDERS.name}_total (\S+)$", re.MULTILINE),
    "passes": re.compile(rf"^{telemetry.PASSES.name}_count{{.*loop=\"sync\".*}} (\S+)$", re.MULTILINE),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work cost until it was done and the agent at rest again."""

    what: str
    seconds: float
    """Until it was done."""
    requests: int
    """But for renewals of leases."""
    cpu_s: float
    passes: int
    renders: int
    resident_mb: float
    """Afterwards."""


@dataclass(slots=True)
class Fleet:
    """An agent, its repository, and the apps it should have."""

    process: subprocess.Popen[bytes]
    repository: Repository
    client: Client
    port: int
    secret: str
    log: Path
    apps: Cache = field(init=False)
    maps: Cache = field(init=False)
    leases: Cache = field(init=False)
    renewals: int = 0

    def __post_init__(self) -> None:
        self.apps = Cache(self.client, requests.SYNC_APPS, namespaces=(HOME,))
        self.maps = Cache(self.client, requests.CONFIG_MAPS, namespaces=(SPACE,))
        self.leases = Cache(self.client, requests.LEASES, namespaces=(HOME,), on_change=self._renewed)
        for cache in (self.apps, self.maps, self.leases):
            cache.start()

    def _renewed(self, event: str, _lease: Object) -> None:
        self.renewals += event == "MODIFIED"

    def counts(self) -> dict[str, int]:
        """How many requests the agent sent so far, how many passes over apps and how many renders it made."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False, timeout=30)
        found = {name: sum(int(float(value)) for value in one.findall(answer.text)) for name, one in _COUNTED.items()}
        return {**found, "requests": found["requests"] - self.renewals}

    def cpu(self) -> float:
        """CPU seconds it used so far."""
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        return worlds.cpu_seconds(self.process.pid)

    def notify(self) -> None:
        """Tell it of a push."""
        body = json.dumps({"repository": self.repository.url, "ref": "refs/heads/main"}).encode()
        signature = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Signature": f"sha256={signature}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.port}/hooks/generic"
        httpx.post(url, content=body, headers=headers, trust_env=False, timeout=30).raise_for_status()

    def measured(self, what: str, files: dict[str, str], is_done: Callable[[str], bool]) -> Cost:
        """Commit `files`, wait until they are applied and until nothing happens any more."""
        before, used, began = self.counts(), self.cpu(), time.monotonic()
        sha = self.repository.commit(what, files) if files else ""
        self.notify()
        waiting.until(lambda: is_done(sha), what, seconds=900, pause=0.02)
        took = time.monotonic() - began
        self.rest()
        return self._cost(what, took, before, used)

    def repaired(self, times: int) -> Cost:
        """Change one object of each of so many apps as somebody else, one after another, and wait for each repair."""
        before, used = self.counts(), self.cpu()
        taken = [self._repair(f"app-{number}-map-1") for number in range(times)]
        self.rest()
        shown = f"median {statistics.median(taken):.3f} s, worst {max(taken):.3f} s"
        return self._cost(f"{times} drifted objects repaired, one after another: {shown}", sum(taken), before, used)

    def _repair(self, name: str) -> float:
        """Seconds from the answer to a foreign edit until the object is again as Git has it."""
        wanted = dig(self.maps.get(SPACE, name), "data", "value")
        edit = {"data": {"value": "drifted"}}
        request = requests.merge_patch(requests.CONFIG_MAPS, SPACE, name, edit, field_manager="somebody")
        theirs = self.client.send(request)["metadata"]["resourceVersion"]
        began = time.monotonic()

        def is_repaired() -> bool:
            live = self.maps.get(SPACE, name)
            later = int(dig(live, "metadata", "resourceVersion", default=0)) > int(theirs)
            return later and dig(live, "data", "value") == wanted

        waiting.until(is_repaired, f"the repair of {name}", seconds=60, pause=0.002)
        return time.monotonic() - began

    def _cost(self, what: str, took: float, before: dict[str, int], used: float) -> Cost:
        now = self.counts()
        more = {name: now[name] - before[name] for name in now}
        resident = worlds.resident_mb(self.process.pid)
        return Cost(what, took, more["requests"], self.cpu() - used, more["passes"], more["renders"], resident)

    def rest(self) -> None:
        """Until it uses less than a tenth of a CPU for a few seconds, records pushed."""
        used = self.cpu()
        for _ in range(100):
            _pass(QUIET_SECONDS)
            now = self.cpu()
            if now - used < QUIET_SECONDS / 10 and _are_told(self.apps.items()):
                return
            used = now

    def idle(self) -> Cost:
        """A minute in which nothing happens."""
        before, used = self.counts(), self.cpu()
        _pass(IDLE_SECONDS)
        return self._cost("idle minute", IDLE_SECONDS, before, used)

    def are_synced(self, count: int) -> bool:
        """Whether so many apps are applied and ready."""
        ready = [app for app in self.apps.items() if _is_ready(app)]
        return len(ready) == count + 1 and len(self.maps.items()) >= count * OBJECTS


def _is_ready(app: Object) -> bool:
    conditions = dig(app, "status", "conditions", default=[])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _are_told(apps: list[Object]) -> bool:
    """Whether write-back said of every app how it went."""
    return all(any(c["type"] == "WriteBack" for c in dig(app, "status", "conditions", default=[])) for app in apps)


def _pass(seconds: float) -> None:
    time.sleep(seconds)


def measure(count: int, progress: Progress) -> list[Cost]:
    """The cost of each piece of work with `count` apps."""
    with _fleet(progress) as fleet:
        found = []
        with progress.stage(f"first sync of {count} apps"):
            files = _files(count, fleet.repository.url)
            title = f"first sync of {count} apps × {OBJECTS} ConfigMaps"
            found.append(fleet.measured(title, files, lambda _: fleet.are_synced(count)))
        with progress.stage("one-line commit"):
            changed = _config_map(7, 0, value="changed")
            name = changed["metadata"]["name"]
            line = {"data/app-7/map-0.yaml": yaml.safe_dump(changed)}
            found.append(
                fleet.measured(
                    "one line of one app changed",
                    line,
                    lambda _: dig(fleet.maps.get(SPACE, name), "data", "value") == "changed",
                )
            )
        with progress.stage("unrelated commit"):
            found.append(fleet.measured("commit that touches no app", {"README.md": "hello\n"}, lambda _: True))
        with progress.stage("refresh of what has not changed"):
            found.append(fleet.measured("refresh, nothing changed", {}, lambda _: True))
        with progress.stage("drift"):
            found.append(fleet.repaired(REPAIRS))
        with progress.stage("idle minute"):
            found.append(fleet.idle())
        return found


@contextmanager
def _fleet(progress: Progress) -> Iterator[Fleet]:
    with tempfile.TemporaryDirectory(prefix="gitsync-bench-") as text:
        folder = Path(text)
        layout = Layout(folder / "sandbox")
        supervisor = launching.up(launching.Options(layout.dir, kubelet=False, lifeline=True), progress)
        try:
            commands.gitsync(layout, "install")
            with _agent(layout, folder) as fleet:
                yield fleet
        finally:
            launching.reset(layout, progress)
            if supervisor is not None and supervisor.stdin is not None:
                supervisor.stdin.close()
                supervisor.wait()


@contextmanager
def _agent(layout: Layout, folder: Path) -> Iterator[Fleet]:
    client = Client.connect(kubeconfig=layout.kubeconfig)
    for name in (SPACE, HOME):
        client.send(requests.create(requests.NAMESPACES, None, {"metadata": {"name": name}}))
    repository = Repository.create(folder / "git")
    repository.commit("Begin", {"apps/README.md": "the apps\n"})
    secret = folder / "secret"
    secret.write_text("of the webhook")
    port = worlds.free_port()
    environment = {
        "KUBECONFIG": str(layout.kubeconfig),
        "GITSYNC_REPO": repository.url,
        "GITSYNC_REVISION": "main",
        "GITSYNC_PATH": "apps",
        "GITSYNC_CLUSTER": "bench",
        "GITSYNC_POLL_SECONDS": "60",
        "GITSYNC_FLINK_REST": "proxy",
        "GITSYNC_WEBHOOK_PORT": str(port),
        "GITSYNC_WEBHOOK_SECRET_FILE": str(secret),
    }
    log = folder / "agent.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "gitsync.cli.main", "run"],
            env={**os.environ, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        fleet = Fleet(process, repository, client, port, secret.read_text(), log)
        waiting.until(lambda: fleet.are_synced(0), "the agent is ready", seconds=60, pause=0.1)
        fleet.rest()
        yield fleet
    finally:
        process.terminate()
        process.wait(60)


def _files(count: int, url: str) -> dict[str, str]:
    files: dict[str, str] = {}
    for number in range(count):
        files[f"apps/app-{number}.yaml"] = yaml.safe_dump(_app(number, url))
        for which in range(OBJECTS):
            files[f"data/app-{number}/map-{which}.yaml"] = yaml.safe_dump(_config_map(number, which))
    return files


def _app(number: int, url: str) -> Object:
    return {
        "apiVersion": syncapps.API_VERSION,
        "kind": syncapps.KIND,
        "metadata": {"name": f"app-{number}", "namespace": HOME},
        "spec": {
            "source": {"repoURL": url, "targetRevision": "main", "path": f"data/app-{number}"},
            "destination": {"namespace": SPACE},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }


def _config_map(number: int, which: int, *, value: str = "first") -> Object:
    name = f"app-{number}-map-{which}"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"value": value, "text": "x" * 200},
    }


def print_costs(costs: list[Cost]) -> None:
    """As Markdown."""
    columns = ("many apps in one repository", "s", "requests", "CPU s", "passes", "renders", "resident MB")
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for one in costs:
        work = f"{one.requests} | {one.cpu_s:.2f} | {one.passes} | {one.renders}"
        print(f"| {one.what} | {one.seconds:.2f} | {work} | {one.resident_mb:.0f} |")
