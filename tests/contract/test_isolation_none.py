"""Pods as plain processes (`--isolation none`): what they can do, what is refused and in which words, what is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubeletnode import SERVER, Node, container_status, python, shell, uid_of
from sandboxes import gitsync

from gitsync.sandbox import isolation, launching, marks, processes, states
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import dig
from operator_core.kube import requests
from operator_core.kube.requests import Request

pytestmark = pytest.mark.full
API_CALL = """
import json, os, ssl, urllib.request

config = json.load(open(os.environ["KUBECONFIG"]))
server, token = config["clusters"][0]["cluster"], config["users"][0]["user"]["token"]
context = ssl.create_default_context(cafile=server["certificate-authority"])
def call(path):
    request = urllib.request.Request(server["server"] + path, headers={"Authorization": "Bearer " + token})
    try:
        return urllib.request.urlopen(request, context=context).status
    except urllib.error.HTTPError as error:
        return error.code
print(call("/api"), call("/api/v1/secrets"))
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("plain")
    supervisor = launching.up(launching.Options(folder, lifeline=True, isolation=isolation.NONE), Progress())
    assert supervisor is not None and supervisor.stdin is not None
    yield Node(folder)
    launching.down(Layout(folder), Progress())
    supervisor.stdin.close()
    supervisor.wait(60)
    assert not list(marks.marked(str(folder))), "down leaves no process"


def refused(node: Node, name: str) -> str:
    pod = node.await_pod(
        name, lambda found: dig(container_status(found), "state", "waiting", "message"), f"{name} is refused"
    )
    waiting = container_status(pod)["state"]["waiting"]
    assert waiting["reason"] == "CreateContainerConfigError" and dig(pod, "status", "phase") == "Pending"
    return str(waiting["message"])


def test_pod_sees_its_volumes_at_rewritten_paths(plain: Node, tmp_path: Path) -> None:
    values = {"metadata": {"name": "values"}, "data": {"where": "dir: file:///own/x\nat: 10.96.0.1\n"}}
    plain.client.send(requests.create(requests.CONFIG_MAPS, "default", values))
    name = plain.run(
        shell(
            "cat /config/where; echo $PLACE > $PLACE; echo x > /own/x; cat /own/x; "
            "echo bye > /dev/termination-log; exit 7",
            env=[{"name": "PLACE", "value": f"{tmp_path}/x"}],
            volumeMounts=[
                {"name": "c", "mountPath": "/config"},
                {"name": "d", "mountPath": str(tmp_path)},
                {"name": "e", "mountPath": "/own"},
            ],
        ),
        volumes=[
            {"name": "c", "configMap": {"name": "values"}},
            {"name": "d", "hostPath": {"path": str(tmp_path)}},
            {"name": "e", "emptyDir": {}},
        ],
        restartPolicy="Never",
    )
    ended = container_status(plain.ended(name))["state"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (7, "bye\n")
    own = plain.folder / "pods" / uid_of(plain, name) / "volumes" / "e"
    assert plain.log(name) == f"dir: file://{own}/x\nat: 127.96.0.1\nx\n"
    assert (tmp_path / "x").read_text() == f"{tmp_path}/x\n"


def test_pod_speaks_to_the_api_server_as_itself(plain: Node) -> None:
    name = plain.run(python(API_CALL), restartPolicy="Never")
    plain.ended(name)
    assert plain.log(name) == "200 403\n"


def test_service_leads_to_a_pod_and_the_api_server_to_both(plain: Node) -> None:
    server = plain.run(
        python(SERVER, ports=[{"containerPort": 8000}], readinessProbe={"tcpSocket": {"port": 8000}}),
        labels={"app": "web"},
    )
    ports = [{"port": 8080, "targetPort": 8000}]
    service = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": ports}}
    plain.client.send(requests.create(requests.SERVICES, "default", service))
    plain.await_pod(server, lambda pod: container_status(pod).get("ready"), "the server is ready")

    def answers() -> bool:
        path = requests.SERVICES.path("default", "web:8080", "proxy")
        try:
            return b"Directory listing" in plain.client.send_bytes(Request("GET", f"{path}/"))
        except Exception:
            return False

    plain.until(answers, "the Service answers through the API server")
    address = dig(plain.client.send(requests.get(requests.SERVICES, "default", "web")), "spec", "clusterIP")
    caller = plain.run(
        python(f"import urllib.request as u; print(u.urlopen('http://{address}:8080').status)"),
        restartPolicy="OnFailure",
    )
    plain.ended(caller)
    assert plain.log(caller).endswith("200\n")
    taken = plain.run(shell("sleep 600", ports=[{"containerPort": 8000}]))
    assert refused(plain, taken).startswith(f"port 8000 is taken by pod default/{server}: ")
    plain.client.send(requests.delete(requests.PODS, "default", server))
    plain.running(taken)


def test_what_needs_a_namespace_is_refused(plain: Node, tmp_path: Path) -> None:
    moved = plain.run(
        shell("sleep 600", volumeMounts=[{"name": "v", "mountPath": "/data"}]),
        volumes=[{"name": "v", "hostPath": {"path": str(tmp_path)}}],
    )
    assert refused(plain, moved).startswith(f"{tmp_path} is mounted at /data, which needs a mount namespace")
    mounted = plain.run(
        shell("sleep 600", volumeMounts=[{"name": "v", "mountPath": "/etc/v"}]), volumes=[{"name": "v", "emptyDir": {}}]
    )
    assert refused(plain, mounted).startswith("the mount at /etc/v needs a mount namespace")
    assert refused(plain, plain.run(shell("sleep 600"), hostNetwork=True)).startswith("hostNetwork needs")


def test_exec_and_a_killed_kubelet(plain: Node) -> None:
    name = plain.run(
        shell("echo up; sleep 600", volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        volumes=[{"name": "v", "emptyDir": {}}],
    )
    plain.running(name)
    done = gitsync("kubectl", "--dir", str(plain.folder), "exec", name, "--", "sh", "-c", "touch /v/x; ls /v; exit 5")
    assert done.stdout == "x\n" and "exit code 5" in done.stderr
    layout = Layout(plain.folder)
    killed = states.read(layout).pids["kubelet"]
    os.kill(killed, signal.SIGKILL)
    plain.until(lambda: states.read(layout).pids.get("kubelet", killed) != killed, "another kubelet")
    other = plain.run(shell("exit 0"), restartPolicy="Never")
    plain.ended(other)
    assert container_status(plain.pod(name) or {})["restartCount"] == 0, "the container ran on"
    assert plain.log(name) == "up\n"


def test_limits_are_told(plain: Node) -> None:
    said = gitsync("status", "--dir", str(plain.folder)).stdout
    assert "isolation   none" in said and all(limit in said for limit in isolation.LIMITS)
    second = gitsync("up", "--isolation", "none", "--dir", str(plain.folder) + "-2")
    assert second.returncode != 0 and "room for one sandbox with --isolation none" in second.stderr


def test_nothing_outlives_a_killed_supervisor(plain: Node) -> None:
    """Last in this file: it ends the sandbox."""
    name = plain.run(shell("setsid sleep 600 & sleep 600"))
    plain.running(name)
    supervisor = states.read(Layout(plain.folder)).pids["supervisor"]
    os.kill(supervisor, signal.SIGKILL)
    plain.until(lambda: not list(marks.marked(str(plain.folder))), "every process of the sandbox ended")
    assert not processes.is_alive(supervisor)
