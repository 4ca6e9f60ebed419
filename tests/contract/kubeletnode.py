"""One sandbox with a kubelet for all tests of pods, and short ways to make and look at them."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gitsync.sandbox.layout import Layout
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Request

DEADLINE_S = 90.0
IMAGE = "gitsync:test"
NAMES = (f"p{number}" for number in itertools.count())
SERVER = "import http.server as h; h.ThreadingHTTPServer(('0.0.0.0', 8000), h.SimpleHTTPRequestHandler).serve_forever()"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


class Node:
    """One sandbox with a kubelet, and what tests do with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = Client.connect(kubeconfig=Layout(folder).kubeconfig)

    def run(self, *containers: Object, name: str = "", **fields: Any) -> str:
        """Create a pod; its name."""
        name = name or next(NAMES)
        labels = fields.pop("labels", {})
        spec = {"containers": list(containers), "terminationGracePeriodSeconds": 5, **fields}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
        self.until(lambda: self._accepted(body), "the default service account is there")
        return name

    def pod(self, name: str) -> Object | None:
        try:
            return self.client.send(requests.get(requests.PODS, "default", name))
        except errors.NotFound:
            return None

    def await_pod(self, name: str, condition: Callable[[Object], object], what: str) -> Object:
        found: list[Object] = []

        def holds() -> bool:
            found[:] = [self.pod(name) or {}]
            return bool(condition(found[0]))

        self.until(holds, what, lambda: json.dumps(dig(found[0], "status"), indent=1))
        return found[0]

    def ended(self, name: str) -> Object:
        return self.await_pod(name, lambda p: dig(p, "status", "phase") in ("Succeeded", "Failed"), f"{name} ends")

    def running(self, name: str) -> Object:
        return self.await_pod(name, lambda p: dig(p, "status", "phase") == "Running", f"{name} runs")

    def log(self, name: str, **query: str) -> str:
        path = requests.PODS.path("default", name, "log")
        return self.client.send_bytes(Request("GET", path, tuple(query.items()))).decode()

    def events(self, name: str) -> list[Object]:
        answer = self.client.send(requests.listing(requests.EVENTS, "default", fields=f"involvedObject.name={name}"))
        return list(answer["items"])

    def until(self, condition: Callable[[], bool], what: str, state: Callable[[], str] = str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"not in {DEADLINE_S:g} s: {what}\n{state()}"
            time.sleep(0.05)

    def _accepted(self, body: Object) -> bool:
        try:
            self.client.send(requests.create(requests.PODS, "default", body))
        except errors.Forbidden:
            return False
        return True


def shell(script: str, name: str = "c", **fields: Any) -> Object:
    return {"name": name, "image": IMAGE, "command": ["sh", "-c", script], **fields}


def python(script: str, name: str = "c", **fields: Any) -> Object:
    return {"name": name, "image": IMAGE, "command": ["python", "-c", script], **fields}


def container_status(pod: Object, name: str = "c") -> Object:
    statuses = dig(pod, "status", "containerStatuses", default=[])
    return next((item for item in statuses if item["name"] == name), {})


def programs(mark: str) -> list[str]:
    return subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True, check=False).stdout.split()


def uid_of(node: Node, name: str) -> str:
    return str((node.pod(name) or {})["metadata"]["uid"])
