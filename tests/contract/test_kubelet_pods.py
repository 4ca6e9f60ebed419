"""The process kubelet beneath a real API server and controller manager: what a pod's author and its readers see."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gitsync.sandbox import launching, processes
from gitsync.sandbox.images import registry
from gitsync.sandbox.kubelet import quantities
from gitsync.sandbox.layout import Layout
from gitsync.sandbox.progress import Progress
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Request

DEADLINE_S = 90.0
IMAGE = "gitsync:test"
NAMES = (f"p{number}" for number in itertools.count())
API_CALL = """
import json, os, ssl, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
where = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
context = ssl.create_default_context(cafile=folder + "ca.crt")
def call(url):
    token = open(folder + "token").read()
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token})
    try:
        return urllib.request.urlopen(request, context=context).status
    except urllib.error.HTTPError as error:
        return error.code
print(call(where + "/api"), call(where + "/api/v1/secrets"), call("https://kubernetes.default.svc/version"))
print(open(folder + "namespace").read())
"""
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


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("node")
    progress = Progress()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITSYNC_SANDBOX_BACKOFF", "0.2")
        patch.setenv("GITSYNC_SANDBOX_REFRESH", "0.5")
        supervisor = launching.up(launching.Options(folder, kubelet=True, lifeline=True), progress)
    try:
        yield Node(folder)
    finally:
        launching.down(Layout(folder), progress)
        if supervisor is not None:
            if supervisor.stdin is not None:
                supervisor.stdin.close()
            supervisor.wait(60)
        left = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False).stdout.split()
        assert left == [], "down leaves no process"


def shell(script: str, name: str = "c", **fields: Any) -> Object:
    return {"name": name, "image": IMAGE, "command": ["sh", "-c", script], **fields}


def python(script: str, name: str = "c", **fields: Any) -> Object:
    return {"name": name, "image": IMAGE, "command": ["python", "-c", script], **fields}


def container_status(pod: Object, name: str = "c") -> Object:
    statuses = dig(pod, "status", "containerStatuses", default=[])
    return next((item for item in statuses if item["name"] == name), {})


def test_init_containers_share_volumes_and_see_what_the_api_gives_them(node: Node) -> None:
    name = node.run(
        shell(
            "cat /data/f /info/labels; echo $WHO $MEMORY; cat /data/f > /dev/termination-log; exit 7",
            env=[
                {"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
            ],
            resources={"limits": {"memory": "64Mi"}},
            volumeMounts=[{"name": "d", "mountPath": "/data"}, {"name": "i", "mountPath": "/info"}],
        ),
        initContainers=[
            shell(f"echo {n} >> /data/f", n, volumeMounts=[{"name": "d", "mountPath": "/data"}]) for n in ("one", "two")
        ],
        volumes=[
            {"name": "d", "emptyDir": {}},
            {"name": "i", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        ],
        labels={"k": "v"},
        restartPolicy="Never",
    )
    pod = node.ended(name)
    assert node.log(name) == f'one\ntwo\nk="v"{name} 64\n'
    ended = container_status(pod)["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (7, "Error", "one\ntwo\n")
    assert pod["status"]["phase"] == "Failed"
    assert [item["state"]["terminated"]["exitCode"] for item in pod["status"]["initContainerStatuses"]] == [0, 0]


def test_a_pod_speaks_to_the_api_server_by_its_own_token_with_verified_tls_and_rbac(node: Node) -> None:
    name = node.run(python(API_CALL), restartPolicy="Never")
    assert node.ended(name)["status"]["phase"] == "Succeeded", node.log(name)
    assert node.log(name) == "200 403 200\ndefault\n"


def test_this_installation_runs_as_an_image_with_git_and_writable_places(node: Node) -> None:
    script = "gitsync --version && git --version && id -u && touch $HOME/x /tmp/y && ! touch /usr/z 2>/dev/null"
    name = node.run(shell(script), restartPolicy="Never")
    assert node.ended(name)["status"]["phase"] == "Succeeded", node.log(name)
    assert "65532" in node.log(name)


def test_this_installations_image_builds_kustomize_directories_with_kubectl(node: Node) -> None:
    files = {
        "base.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {k: v}}",
        "kustomization.yaml": "{resources: [base.yaml], namePrefix: team-}",
    }
    writing = "; ".join(f"echo '{text}' > {name}" for name, text in files.items())
    name = node.run(shell(f"cd /tmp; {writing}; command -v kubectl; kubectl kustomize ."), restartPolicy="Never")
    assert node.ended(name)["status"]["phase"] == "Succeeded", node.log(name)
    assert node.log(name).startswith("/opt/gitsync/bin/kubectl\n")
    assert "name: team-settings" in node.log(name)


def test_a_crashing_container_backs_off_and_keeps_the_logs_of_its_last_run(node: Node) -> None:
    name = node.run(
        shell(
            "echo run $(cat /data/n 2>/dev/null | wc -l); echo x >> /data/n; sleep 0.1; exit 3",
            volumeMounts=[{"name": "d", "mountPath": "/data"}],
            terminationMessagePolicy="FallbackToLogsOnError",
        ),
        volumes=[{"name": "d", "emptyDir": {}}],
    )
    pod = node.await_pod(
        name,
        lambda p: (
            dig(container_status(p), "state", "waiting", "reason") == "CrashLoopBackOff"
            and container_status(p)["restartCount"] >= 2
        ),
        "it crashes three times",
    )
    last = container_status(pod)["lastState"]["terminated"]
    assert last["exitCode"] == 3
    assert last["message"].startswith("run ")
    assert pod["status"]["phase"] == "Running"
    previous = node.log(name, previous="true")
    assert previous.startswith("run ")
    node.client.send(requests.delete(requests.PODS, "default", name))
    node.until(lambda: node.pod(name) is None, "a crashing pod can be deleted")


def test_an_image_that_does_not_exist_is_told_and_appears_when_it_is_added(node: Node, tmp_path: Path) -> None:
    name = node.run({"name": "c", "image": "later:1", "command": ["cat", "/opt/app/file"]}, restartPolicy="Never")
    pod = node.await_pod(
        name, lambda p: dig(container_status(p), "state", "waiting", "reason") == "ImagePullBackOff", "it waits"
    )
    assert 'no image "later:1"' in container_status(pod)["state"]["waiting"]["message"]
    node.until(
        lambda: any(e["reason"] == "Failed" and "ErrImagePull" in e["message"] for e in node.events(name)), "an event"
    )
    (tmp_path / "opt" / "app").mkdir(parents=True)
    (tmp_path / "opt" / "app" / "file").write_text("laid over\n")
    registry.add(node.folder, "later:1", IMAGE, tmp_path)
    assert node.ended(name)["status"]["phase"] == "Succeeded"
    assert node.log(name) == "laid over\n"


def test_a_program_that_does_not_exist_is_a_start_error(node: Node) -> None:
    name = node.run({"name": "c", "image": IMAGE, "command": ["/no/such/program"]}, restartPolicy="Never")
    ended = container_status(node.ended(name))["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert "/no/such/program" in ended["message"]


def test_a_volume_waits_for_its_config_map(node: Node) -> None:
    name = node.run(
        shell("cat /conf/a/b; stat -L -c %a /conf/a/b", volumeMounts=[{"name": "c", "mountPath": "/conf"}]),
        volumes=[{"name": "c", "configMap": {"name": "late", "items": [{"key": "k", "path": "a/b", "mode": 0o555}]}}],
        restartPolicy="Never",
    )
    node.until(
        lambda: any(e["reason"] == "FailedMount" and "late" in e["message"] for e in node.events(name)), "an event"
    )
    assert node.pod(name)["status"]["phase"] == "Pending"  # type: ignore[index]
    body = {"metadata": {"name": "late"}, "data": {"k": "value\n"}}
    node.client.send(requests.create(requests.CONFIG_MAPS, "default", body))
    node.ended(name)
    assert node.log(name) == "value\n555\n"


def test_services_follow_readiness_and_refuse_at_once_without_endpoints(node: Node) -> None:
    service = {
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    }
    node.client.send(requests.create(requests.SERVICES, "default", service))
    refused = node.run(
        shell(
            "getent hosts web | tr -s ' ' | cut -d' ' -f2; "
            "python -c 'import urllib.request as u; u.urlopen(\"http://web\")' 2>&1 | tail -1; "
            "! getent hosts nobody.default.svc.cluster.local"
        ),
        restartPolicy="Never",
    )
    node.ended(refused)
    assert node.log(refused).startswith("web.default.svc.cluster.local\n")
    assert "Connection refused" in node.log(refused)
    server = node.run(
        python(
            SERVER,
            ports=[{"name": "http", "containerPort": 8000}],
            startupProbe={"tcpSocket": {"port": "http"}, "periodSeconds": 1, "failureThreshold": 60},
            readinessProbe={"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
            livenessProbe={
                "exec": {"command": ["sh", "-c", "! test -f /tmp/sick"]},
                "periodSeconds": 1,
                "failureThreshold": 1,
            },
            workingDir="/tmp",
        ),
        labels={"app": "web"},
    )
    node.await_pod(server, lambda p: container_status(p).get("ready"), "it becomes ready")
    asking = node.run(
        python("import urllib.request as u; print([u.urlopen('http://web.default').status for _ in range(3)])"),
        restartPolicy="Never",
    )
    assert node.ended(asking)["status"]["phase"] == "Succeeded", node.log(asking)
    assert node.log(asking) == "[200, 200, 200]\n"


def test_a_failing_liveness_probe_restarts_the_container(node: Node) -> None:
    name = node.run(
        shell(
            "touch /tmp/well; trap 'exit 0' TERM; (sleep 2; rm /tmp/well) & while :; do sleep 0.1; done",
            livenessProbe={
                "exec": {"command": ["test", "-f", "/tmp/well"]},
                "periodSeconds": 1,
                "failureThreshold": 1,
                "initialDelaySeconds": 1,
            },
        )
    )
    node.await_pod(name, lambda p: container_status(p).get("restartCount", 0) >= 1, "it is restarted")
    assert {"Unhealthy", "Killing"} <= {event["reason"] for event in node.events(name)}
    node.client.send(requests.delete(requests.PODS, "default", name, grace_seconds=0))


def test_deletion_is_polite_then_firm(node: Node) -> None:
    polite = node.run(shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"))
    stubborn = node.run(python(STUBBORN), terminationGracePeriodSeconds=1)
    for name in (polite, stubborn):
        node.running(name)
        node.until(lambda name=name: "up" in node.log(name), "it is up")  # type: ignore[misc]
    folders = [
        path for path in (node.folder / "logs" / "pods").iterdir() if polite in path.name or stubborn in path.name
    ]
    started = time.monotonic()
    for name in (polite, stubborn):
        node.client.send(requests.delete(requests.PODS, "default", name))
    node.until(lambda: node.pod(stubborn) is None, "the stubborn one is killed after its grace period")
    assert time.monotonic() - started >= 1
    node.until(lambda: node.pod(polite) is None, "the polite one is gone")
    assert any("bye" in log.read_text() for folder in folders for log in folder.rglob("*.log"))


def test_a_forced_deletion_kills_at_once(node: Node) -> None:
    name = node.run(python(STUBBORN + "  # forced"))
    node.running(name)
    node.until(lambda: "up" in node.log(name), "it is up")
    node.client.send(requests.delete(requests.PODS, "default", name, grace_seconds=0))
    node.until(lambda: not _programs("# forced"), "its process is gone")
    again = node.run(shell("echo second"), name=name, restartPolicy="Never")
    node.ended(again)
    assert node.log(again) == "second\n"


def _programs(mark: str) -> list[str]:
    return subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True, check=False).stdout.split()


def test_logs_are_followed_cut_and_kept_apart_by_container(node: Node) -> None:
    name = node.run(
        shell("for i in 1 2 3 4 5; do echo a$i; sleep 0.1; done", "a"), shell("echo b", "b"), restartPolicy="Never"
    )
    node.await_pod(name, lambda p: dig(container_status(p, "a"), "state", "running"), "a runs")
    assert node.log(name, container="a", follow="true") == "a1\na2\na3\na4\na5\n"
    node.ended(name)
    assert node.log(name, container="a", tailLines="2") == "a4\na5\n"
    assert node.log(name, container="b") == "b\n"
    with pytest.raises(errors.KubeError, match="previous terminated container"):
        node.log(name, container="b", previous="true")


def test_logs_have_times_and_are_cut_by_them(node: Node) -> None:
    name = node.run(shell("echo old; sleep 2.5; echo new; sleep 600"))
    node.running(name)
    node.until(lambda: "new" in node.log(name), "both lines are written")
    stamped = [line.split(" ") for line in node.log(name, timestamps="true").splitlines()]
    assert [text for _, text in stamped] == ["old", "new"]
    first, second = (datetime.fromisoformat(moment[:26] + "+00:00") for moment, _ in stamped)
    assert 2.0 < (second - first).total_seconds() < 3.5
    assert abs((datetime.now(UTC) - second).total_seconds()) < 60
    between = (first + (second - first) / 2).isoformat().replace("+00:00", "Z")
    assert node.log(name, sinceTime=between) == "new\n"
    assert node.log(name, sinceSeconds="3600") == "old\nnew\n"
    node.client.send(requests.delete(requests.PODS, "default", name, grace_seconds=0))


def test_a_startup_probe_holds_the_others_back_and_restarts_what_never_starts(node: Node) -> None:
    slow = node.run(
        shell(
            "sleep 2; touch /tmp/up; exec sleep 600",
            startupProbe={"exec": {"command": ["test", "-f", "/tmp/up"]}, "periodSeconds": 1, "failureThreshold": 30},
            livenessProbe={
                "exec": {"command": ["test", "-f", "/tmp/up"]},
                "periodSeconds": 1,
                "failureThreshold": 1,
            },
        )
    )
    never = node.run(
        shell(
            "trap 'exit 1' TERM; while :; do sleep 0.1; done",
            startupProbe={"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1},
        )
    )
    pod = node.await_pod(slow, lambda p: container_status(p).get("started"), "it has started")
    assert container_status(pod)["restartCount"] == 0, "the liveness probe waited"
    node.await_pod(never, lambda p: container_status(p).get("restartCount", 0) >= 1, "it is restarted")
    assert any("Startup probe failed" in event["message"] for event in node.events(never))
    for name in (slow, never):
        node.client.send(requests.delete(requests.PODS, "default", name, grace_seconds=0))


def test_hooks_run_after_the_start_and_before_the_end(node: Node, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    hooked = shell(
        "trap 'echo term >> /h/f; exit 0' TERM; while :; do sleep 0.05; done",
        volumeMounts=[{"name": "h", "mountPath": "/h"}],
        lifecycle={
            "postStart": {"exec": {"command": ["sh", "-c", "echo started >> /h/f"]}},
            "preStop": {"exec": {"command": ["sh", "-c", "sleep 0.3; echo stopping >> /h/f"]}},
        },
    )
    name = node.run(hooked, volumes=[{"name": "h", "hostPath": {"path": str(tmp_path)}}])
    node.running(name)
    node.until(lambda: (tmp_path / "f").exists(), "the first hook ran")
    node.client.send(requests.delete(requests.PODS, "default", name))
    node.until(lambda: node.pod(name) is None, "it is gone")
    assert (tmp_path / "f").read_text() == "started\nstopping\nterm\n"
    failing = node.run(
        shell("exec sleep 600", lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "echo no luck; exit 4"]}}}),
        restartPolicy="Never",
    )
    node.ended(failing)
    node.until(lambda: any("no luck" in e["message"] for e in node.events(failing)), "the hook's words are told")


def test_volumes_of_maps_and_secrets_follow_their_objects(node: Node) -> None:
    objects = {"turning": requests.CONFIG_MAPS, "hidden": requests.SECRETS}
    for made, resource in objects.items():
        body = {"metadata": {"name": made}, "data": {"k": "b25l"}}
        node.client.send(requests.create(resource, "default", body))
    name = node.run(
        shell("exec sleep 600", volumeMounts=[{"name": "c", "mountPath": "/c"}, {"name": "s", "mountPath": "/s"}]),
        volumes=[
            {"name": "c", "configMap": {"name": "turning"}},
            {"name": "s", "secret": {"secretName": "hidden"}},
        ],
    )
    node.running(name)
    kubectl = [str(Layout(node.folder).bin / "kubectl"), "--kubeconfig", str(Layout(node.folder).kubeconfig)]

    def seen() -> str:
        command = [*kubectl, "exec", name, "--", "sh", "-c", "cat /c/k; echo; cat /s/k; ls /c"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    assert seen() == "b25l\nonek\n"
    for made, resource in objects.items():
        node.client.send(requests.merge_patch(resource, "default", made, {"data": {"k": "dHdv", "n": "dHdv"}}))
    node.until(lambda: seen() == "dHdv\ntwok\nn\n", "both volumes are fresh", seen)
    node.client.send(requests.delete(requests.PODS, "default", name, grace_seconds=0))


def test_commands_run_inside_a_container_with_its_streams_and_exit_code(node: Node) -> None:
    name = node.run(shell("exec sleep 600", env=[{"name": "FOO", "value": "bar"}]))
    node.running(name)
    kubectl = [sys.executable, "-m", "gitsync.cli.main", "sandbox", "kubectl", "--dir", str(node.folder)]
    script = "cat | tr a-z A-Z; echo $FOO; echo problem >&2; exit 7"
    done = subprocess.run(
        [*kubectl, "exec", "-i", name, "--", "sh", "-c", script],
        input="abc\n" * 50_000,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "ABC\n" * 50_000 + "bar\n"
    assert "problem\n" in done.stderr
    assert done.returncode == 7
    node.client.send(requests.delete(requests.PODS, "default", name, grace_seconds=0))


def test_a_container_over_its_memory_limit_is_killed_and_says_so(node: Node) -> None:
    limits = {"limits": {"memory": "96Mi"}}
    eater = python("import time; eaten = bytearray(300 << 20); time.sleep(600)", "eater", resources=limits)
    modest = python("import time; time.sleep(4)", "modest", resources=limits)
    pod = node.ended(node.run(eater, modest, restartPolicy="Never"))
    ended = container_status(pod, "eater")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")
    assert container_status(pod, "modest")["state"]["terminated"]["exitCode"] == 0


def test_a_pod_that_asks_for_too_much_stays_pending_and_says_why(node: Node) -> None:
    name = node.run(shell("true", resources={"requests": {"memory": "900Ti"}}))
    pod = node.await_pod(
        name,
        lambda p: any(c.get("reason") == "Unschedulable" for c in dig(p, "status", "conditions", default=[])),
        "told",
    )
    assert pod["status"]["conditions"][0]["message"] == "0/1 nodes are available: 1 Insufficient memory."
    node.client.send(requests.delete(requests.PODS, "default", name))
    node.until(lambda: node.pod(name) is None, "an unbound pod can be deleted")


def test_a_pod_waits_until_another_leaves_it_room(node: Node) -> None:
    answer = node.client.send(requests.listing(requests.NODES))
    half = int(quantities.parse(dig(answer["items"][0], "status", "allocatable", "memory"))) * 6 // 10
    big = {"requests": {"memory": str(half)}}
    first = node.run(shell("exec sleep 600", resources=big))
    node.running(first)
    second = node.run(shell("exec sleep 600", resources=big))
    node.await_pod(second, lambda p: _unscheduled(p) == "0/1 nodes are available: 1 Insufficient memory.", "it waits")
    node.client.send(requests.delete(requests.PODS, "default", first, grace_seconds=0))
    pod = node.running(second)
    assert _unscheduled(pod) == ""
    node.client.send(requests.delete(requests.PODS, "default", second, grace_seconds=0))


def _unscheduled(pod: Object) -> str:
    found = (c for c in dig(pod, "status", "conditions", default=[]) if c.get("reason") == "Unschedulable")
    return str(next(found, {}).get("message", ""))


def _kill_kubelet(node: Node) -> None:
    (pid,) = _programs(f"gitsync.sandbox.kubelet --dir {node.folder}")
    os.kill(int(pid), 9)
    node.until(lambda: pid not in _programs(f"gitsync.sandbox.kubelet --dir {node.folder}"), "the kubelet is dead")


@contextlib.contextmanager
def _without_kubelet(node: Node) -> Iterator[None]:
    """Kill the kubelet, and hold back the supervisor that would start another until the block ends."""
    supervisor = json.loads((node.folder / "state.json").read_text())["pids"]["supervisor"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        (pid,) = _programs(f"gitsync.sandbox.kubelet --dir {node.folder}")
        os.kill(int(pid), signal.SIGKILL)
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


def test_pods_outlive_their_kubelet_and_are_gone_on_with(node: Node, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    volumes = [{"name": "g", "hostPath": {"path": str(tmp_path)}}, {"name": "d", "emptyDir": {}}]
    places = [{"name": "g", "mountPath": "/g"}, {"name": "d", "mountPath": "/d"}]
    counting = "n=0; while :; do n=$((n+1)); echo line $n; touch /d/f; sleep 0.1; done"
    name = node.run(
        shell(
            counting,
            env=[{"name": "FOO", "value": "bar"}],
            volumeMounts=places,
            readinessProbe={"exec": {"command": ["test", "-f", "/d/f"]}, "periodSeconds": 1},
        ),
        volumes=volumes,
        initContainers=[shell("true", "i")],
    )
    ending = node.run(
        shell("while test -e /g/gate; do sleep 0.02; done; echo bye; exit 7", volumeMounts=places),
        volumes=volumes,
        restartPolicy="Never",
    )
    vanishing = node.run(shell("exec sleep 600.5"))
    before = node.await_pod(name, lambda p: container_status(p).get("ready"), "it is ready")
    node.running(ending)
    node.running(vanishing)
    status_file = next((node.folder / "pods").glob(f"{uid_of(node, ending)}/containers/c/0/status"))
    with _without_kubelet(node):
        gate.unlink()
        node.client.send(requests.delete(requests.PODS, "default", vanishing, grace_seconds=0))
        node.until(lambda: "exit-code" in status_file.read_text(), "it ends")
        ended_at = status_file.stat().st_mtime
    ended = container_status(node.ended(ending))
    assert (ended["state"]["terminated"]["exitCode"], ended["restartCount"]) == (7, 0)
    assert ended["state"]["terminated"]["reason"] == "Error"
    assert node.log(ending) == "bye\n"
    (kubelet,) = _programs(f"gitsync.sandbox.kubelet --dir {node.folder}")
    assert _started_at(int(kubelet)) > ended_at, "it ended while no kubelet ran"
    node.until(lambda: not _programs("600.5"), "a pod that vanished meanwhile is ended")
    after = node.await_pod(name, lambda p: container_status(p).get("ready"), "it is still ready")
    same = ("containerID", "restartCount", "state", "lastState")
    assert [container_status(after)[key] for key in same] == [container_status(before)[key] for key in same]
    assert after["status"]["podIP"] == before["status"]["podIP"]
    seen = len(node.log(name).splitlines())
    node.until(lambda: len(node.log(name).splitlines()) > seen, "it goes on writing")
    kubectl = [str(Layout(node.folder).bin / "kubectl"), "--kubeconfig", str(Layout(node.folder).kubeconfig)]
    said = subprocess.run(
        [*kubectl, "exec", name, "--", "sh", "-c", "echo $FOO"], capture_output=True, text=True, check=False
    )
    assert said.stdout == "bar\n", said.stderr
    follower = subprocess.Popen([*kubectl, "logs", "-f", name], stdout=subprocess.PIPE, text=True)
    with follower:
        node.client.send(requests.delete(requests.PODS, "default", name))
        assert follower.stdout is not None
        lines = follower.stdout.read().splitlines()
    assert lines == [f"line {number}" for number in range(1, len(lines) + 1)], "one run, from its first line on"
    assert len(lines) > seen
    node.until(lambda: node.pod(name) is None, "an adopted pod can be deleted")


def _started_at(pid: int) -> float:
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + (processes.start_time(pid) or 0) / os.sysconf("SC_CLK_TCK")


def uid_of(node: Node, name: str) -> str:
    return str((node.pod(name) or {})["metadata"]["uid"])


def test_a_pod_whose_kubelet_left_no_record_runs_again_and_says_so(node: Node) -> None:
    name = node.run(shell("echo up; exec sleep 600"))
    once = node.run(shell("exec sleep 600"), restartPolicy="Never")
    for each in (name, once):
        node.running(each)
    records = [node.folder / "pods" / uid_of(node, each) / "pod.json" for each in (name, once)]
    for record in records:
        record.unlink()
    _kill_kubelet(node)
    pod = node.await_pod(
        name,
        lambda p: container_status(p).get("restartCount") == 1 and dig(container_status(p), "state", "running"),
        "again",
    )
    assert container_status(pod)["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"
    assert node.ended(once)["status"]["phase"] == "Failed"
    node.until(lambda: node.log(name) == "up\n", "a log of its own")


def test_a_job_completes(node: Node) -> None:
    template = {
        "spec": {
            "restartPolicy": "OnFailure",
            "containers": [
                shell(
                    "test -f /data/x || { touch /data/x; exit 1; }", volumeMounts=[{"name": "d", "mountPath": "/data"}]
                )
            ],
            "volumes": [{"name": "d", "emptyDir": {}}],
        }
    }
    body = {"metadata": {"name": "job"}, "spec": {"template": template}}
    jobs = requests.Resource("batch", "v1", "jobs", "Job")
    node.client.send(requests.create(jobs, "default", body))

    def complete() -> bool:
        job = node.client.send(requests.get(jobs, "default", "job"))
        return any(
            c["type"] == "Complete" and c["status"] == "True" for c in dig(job, "status", "conditions", default=[])
        )

    node.until(complete, "the Job is complete")
