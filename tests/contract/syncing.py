"""A real repository and a real sync half for contract tests, and waiting on conditions with a deadline."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gitsync.apply import rootapps
from gitsync.model.syncapps import SyncApp, parse
from gitsync.settings import Settings
from gitsync.synchalf import SyncHalf
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Resource
from operator_core.runtime.clock import SystemClock

T = TypeVar("T")
DEADLINE = 60.0
ONE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {a: "1", b: "2"}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80}
  - {name: admin, port: 8081}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        env:
        - {name: A, value: "1"}
        resources: {requests: {cpu: 0.1, memory: 1024Mi}, limits: {memory: "1.0Gi"}}
        ports: [{containerPort: 80}]
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {token: s3cr3t}
"""


def wait_for(what: str, probe: Callable[[], T | None], *, seconds: float = DEADLINE) -> T:
    """The first answer of `probe` that is not None or False."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = probe()
        if found is not None and found is not False:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen in {seconds:.0f} s")


class Repository:
    """A bare repository with a working copy beside it."""

    def __init__(self, directory: Path) -> None:
        self.bare, self.work = directory / "bare.git", directory / "work"
        self._run(directory, "init", "-q", "--bare", "-b", "main", str(self.bare))
        self._run(directory, "init", "-q", "-b", "main", str(self.work))
        self._git("config", "user.email", "dev@example.org")
        self._git("config", "user.name", "Dev")

    def commit(self, message: str, files: dict[str, str | None]) -> str:
        """Write (None: remove) files, commit, push; the commit id."""
        for name, text in files.items():
            file = self.work / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
        self._git("add", "-A")
        self._git("commit", "-q", "-m", message)
        self._git("push", "-q", str(self.bare), "main")
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        return self._run(self.work, *arguments)

    @staticmethod
    def _run(directory: Path, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=directory, capture_output=True, text=True, check=True)
        return done.stdout


class Cluster:
    """Short ways to look at the API server."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client, self.namespace = client, namespace

    def get(self, resource: Resource, name: str) -> Object | None:
        """A live object, or None."""
        try:
            return self.client.send(requests.get(resource, self.namespace, name))
        except errors.NotFound:
            return None

    def app(self, name: str = rootapps.ROOT) -> SyncApp:
        """A SyncApp as it is now."""
        return parse(self.client.send(requests.get(requests.SYNC_APPS, self.namespace, name)))

    def condition(self, kind: str) -> tuple[str, str, str]:
        """Status, reason and message of one of the root app's conditions."""
        found = next((c for c in self.app().status.conditions if c.type == kind), None)
        return (found.status, found.reason, found.message) if found is not None else ("Unknown", "", "")

    def wait_synced(self, revision: str) -> SyncApp:
        """The root app once it is Synced to `revision` and Ready."""

        def probe() -> SyncApp | None:
            app = self.app()
            ready = any(c.type == "Ready" and c.status == "True" for c in app.status.conditions)
            done = app.status.sync is not None and app.status.sync.revision == revision
            return app if done and ready and app.status.sync and app.status.sync.status == "Synced" else None

        try:
            return wait_for(f"sync to {revision[:7]}", probe)
        except AssertionError as error:
            error.add_note(f"the app says: {self.app().status.to_json()}")
            raise

    def wait_not_ready(self, reason: str) -> str:
        """The message of Ready=False once its reason is `reason`."""

        def probe() -> str | None:
            status, found, message = self.condition("Ready")
            return message if status == "False" and found == reason else None

        return wait_for(f"Ready=False with reason {reason}", probe)


def following(cluster: Cluster, repository: Repository, /, **changes: object) -> Settings:
    """Settings of an agent whose app and objects share the test's namespace."""
    return Settings.model_validate(
        {
            "repo": str(repository.bare),
            "revision": "main",
            "path": "apps",
            "cluster": "test",
            "namespace": cluster.namespace,
            "destination_namespace": cluster.namespace,
            "poll_seconds": 0.2,
            **changes,
        }
    )


class Agent:
    """A sync half for one test: one namespace for its app and its objects."""

    def __init__(self, client: Client, settings: Settings, directory: Path) -> None:
        self.settings = settings
        rootapps.ensure(client, settings)
        self.half = SyncHalf(settings, client, SystemClock(), directory)
        self.half.start()
        assert self.half.wait_synced(DEADLINE)

    def stop(self) -> None:
        """End it."""
        self.half.stop(5.0)


Start = Callable[..., Agent]
Run = Callable[..., tuple[int, str]]
"""Runs a command line; its exit code and everything it printed."""
