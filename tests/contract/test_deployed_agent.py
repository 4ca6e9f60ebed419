"""The agent with the rights of deploy/kustomize/base alone does all its work and is refused nothing."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import deployed
import httpx
import pytest
import urllib3
import yaml
from operating import manifest
from syncing import Cluster, Repository, wait_for
from test_sync_rights import TEAM

from gitsync import app
from gitsync.sandbox import ports
from gitsync.settings import Settings
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.kube.requests import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    EVENTS,
    FLINK_DEPLOYMENTS,
    FLINK_SESSION_JOBS,
    FLINK_STATE_SNAPSHOTS,
    LEASES,
    SECRETS,
    SYNC_APPS,
)
from operator_core.runtime.clock import SystemClock
from operator_core.runtime.endings import Ending

HOME = "gitsync-system"
MUST = {
    ("", "namespaces", "create"),
    ("", "events", "create"),
    ("apps", "deployments", "create"),
    ("batch", "jobs", "patch"),
    ("coordination.k8s.io", "leases", "update"),
    ("flink.apache.org", "flinkdeployments/status", "update"),
    ("flink.apache.org", "flinksessionjobs/status", "update"),
    ("flink.apache.org", "flinkstatesnapshots/status", "update"),
    ("flink.apache.org", "flinkdeployments", "delete"),
    ("gitsync.io", "syncapps", "delete"),
    ("gitsync.io", "syncapps/status", "update"),
    ("rbac.authorization.k8s.io", "rolebindings", "patch"),
}
"""What this test has the agent do, so that nothing of it can be left out unseen."""
BESIDE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {a: "1"}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
"""
HOOK = """\
apiVersion: batch/v1
kind: Job
metadata: {name: before, annotations: {argocd.argoproj.io/hook: PreSync}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: one, image: one}]}}}
"""
SET = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: teams}
spec:
  goTemplate: true
  generators: [{list: {elements: [{name: orders}]}}]
  template:
    metadata: {name: 'team-{{ .name }}', finalizers: [resources-finalizer.argocd.argoproj.io]}
    spec:
      source: {repoURL: ORIGIN, path: child, targetRevision: main}
      destination: {namespace: SPACE-made}
      syncPolicy: {automated: {prune: true, selfHeal: true}, syncOptions: [CreateNamespace=true]}
"""
CHILD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: child}\ndata: {a: '1'}\n"


def flink(namespace: str) -> dict[str, str | None]:
    """An application, a session cluster, a job for another one, and a snapshot."""
    application = manifest(namespace)
    session = manifest(namespace)
    session["metadata"]["name"] = "session"
    del session["spec"]["job"]
    job: Object = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkSessionJob",
        "metadata": {"name": "clicks"},
        "spec": {
            "deploymentName": "elsewhere",
            "job": {"jarURI": "https://example.org/a.jar", "parallelism": 1, "upgradeMode": "stateless"},
        },
    }
    snapshot: Object = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkStateSnapshot",
        "metadata": {"name": "kept"},
        "spec": {"savepoint": {"path": "file:///sp/1", "alreadyExists": True}},
    }
    bodies = {"application": application, "session": session, "job": job, "snapshot": snapshot}
    return {f"apps/{name}.yaml": yaml.safe_dump(body) for name, body in bodies.items()}


class Asked:
    """What the agent asks of the API server: verbs on resources, and everything it is refused."""

    def __init__(self, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rights: set[tuple[str, str, str]] = set()
        self.refused: list[str] = []
        request = urllib3.PoolManager.request

        def seen(pool: urllib3.PoolManager, method: str, url: str, **more: Any) -> urllib3.BaseHTTPResponse:
            answer = request(pool, method, url, **more)
            if token in str((more.get("headers") or {}).get("authorization", "")):
                self.rights.add(right(method, url))
                if answer.status == 403:
                    self.refused.append(f"{method} {url}")
            return answer

        monkeypatch.setattr(urllib3.PoolManager, "request", seen)


def right(method: str, url: str) -> tuple[str, str, str]:
    """Group, resource and verb of a request (Kubernetes, "Authorization": request attributes)."""
    parts = urlsplit(url)
    _, root, *path = parts.path.split("/")
    group = path.pop(0) if root == "apis" and len(path) > 1 else ""
    path = path[1:]
    if len(path) > 2 and path[0] == "namespaces":
        path = path[2:]
    if not path:
        return ("", parts.path, "get")
    resource = "/".join([path[0], *path[2:]])
    named = len(path) > 1
    reading = "get" if named else "watch" if "watch" in parse_qs(parts.query) else "list"
    verbs = {"GET": reading, "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    return (group, resource, verbs[method])


@pytest.fixture
def asked(client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Asked, str]]:
    with deployed.token_of_the_agent(client) as token:
        yield Asked(token, monkeypatch), token


@contextlib.contextmanager
def running(settings: Settings, kubeconfig: Path, directory: Path) -> Iterator[None]:
    agent = app.Agent(settings, Client.connect(kubeconfig=kubeconfig), SystemClock(), directory)
    agent.start(Ending())
    try:
        yield
    finally:
        agent.stop()


def settings_of(repository: Repository, namespace: str, port: int) -> Settings:
    return Settings.model_validate(
        {
            "repo": str(repository.bare),
            "revision": "main",
            "path": "apps",
            "cluster": "deployed",
            "namespace": HOME,
            "destination_namespace": namespace,
            "poll_seconds": 0.2,
            "probe_port": port,
            "argocd_applications": "always",
            "prune": True,
        }
    )


def test_everything_the_agent_does_is_allowed(
    client: Client, namespace: str, kubeconfig: Path, tmp_path: Path, asked: tuple[Asked, str]
) -> None:
    seen, token = asked
    cluster, here = Cluster(client, HOME), Cluster(client, namespace)
    repository = Repository(tmp_path)
    children = SET.replace("ORIGIN", str(repository.bare)).replace("SPACE", namespace)
    files = {
        **flink(namespace),
        "apps/team.yaml": TEAM.partition("---\napiVersion: flink")[0],
        "apps/beside.yaml": BESIDE,
        "apps/set.yaml": children,
        "child/one.yaml": CHILD,
    }
    repository.commit("everything", files)
    restricted = deployed.kubeconfig_of(token, kubeconfig, tmp_path)
    with ports.listen_at(0) as taken:
        port = int(taken.getsockname()[1])
    with running(settings_of(repository, namespace, port), restricted, tmp_path / "agent"):
        probes = [httpx.get(f"http://127.0.0.1:{port}/{page}", trust_env=False) for page in ("healthz", "readyz")]
        assert [one.status_code for one in probes] == [200, 200]
        wait_for("the JobManager", lambda: here.get(DEPLOYMENTS, "app"))
        wait_for("the session cluster", lambda: here.get(DEPLOYMENTS, "session"))
        wait_for("the job's status", lambda: dig(here.get(FLINK_DEPLOYMENTS, "app"), "status", "jobStatus"))
        wait_for("the session job's status", lambda: (here.get(FLINK_SESSION_JOBS, "clicks") or {}).get("status"))
        wait_for("the child's object", lambda: Cluster(client, f"{namespace}-made").get(CONFIG_MAPS, "child"))
        wait_for("an event", lambda: client.send(requests.listing(EVENTS, namespace))["items"] or None)
        # Drift is undone, and a commit changes, adds a hook and takes away.
        body: Object = {"data": {"a": "theirs"}}
        client.send(requests.merge_patch(CONFIG_MAPS, namespace, "one", body, field_manager="somebody"))
        wait_for("the repair", lambda: dig(here.get(CONFIG_MAPS, "one"), "data", "a") == "1" or None)
        repository.commit("a hook", {"apps/hook.yaml": HOOK})
        wait_for("the hook", lambda: here.get(requests.Resource("batch", "v1", "jobs", "Job"), "before"))
        repository.commit("broken", {"apps/beside.yaml": BESIDE.replace("data: {", "data: [{")})
        cluster.wait_not_ready("RenderFailed")
        gone: dict[str, str | None] = {name: None for name in (*flink(namespace), "apps/hook.yaml", "apps/set.yaml")}
        repository.commit("all of Flink gone", {**gone, "apps/beside.yaml": BESIDE})
        for kind, name in (
            (FLINK_STATE_SNAPSHOTS, "kept"),
            (FLINK_SESSION_JOBS, "clicks"),
            (FLINK_DEPLOYMENTS, "session"),
            (FLINK_DEPLOYMENTS, "app"),
        ):
            wait_for(f"the end of {name}", lambda kind=kind, name=name: here.get(kind, name) is None)
        wait_for("the end of the child", lambda: cluster.get(SYNC_APPS, "team-orders") is None)
        wait_for("the events of the app", lambda: client.send(requests.listing(EVENTS, HOME))["items"] or None)
    assert cluster.get(LEASES, "gitsync-sync") is not None and here.get(SECRETS, "key") is not None
    client.send(requests.delete(SYNC_APPS, HOME, "root"))
    assert seen.refused == []
    assert {one for one in MUST if one not in seen.rights} == set()
