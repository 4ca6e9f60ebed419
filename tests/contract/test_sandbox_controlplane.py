"""The sandbox's control plane as its users meet it: the command line, a kubeconfig, and what a kill leaves."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitsync.sandbox.access import Access, Unanswered

DEADLINE_S = 90.0
BUILD_DEADLINE_S = 1500.0  # the first `up` of a machine builds the control plane
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "api", "labels": {"app": "api"}},
    "spec": {"containers": [{"name": "c", "image": "none", "ports": [{"name": "https", "containerPort": 6443}]}]},
}


def gitsync(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gitsync.cli.main", "sandbox", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=BUILD_DEADLINE_S)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Sandbox:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"

    def call(self, verb: str, *arguments: str, text: str | None = None) -> str:
        done = gitsync(verb, "--dir", str(self.folder), *arguments, text=text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def up(self) -> None:
        self.call("up", "--no-kubelet")

    def status(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.call("status", "-o", "json"))
        return document

    def pid(self, name: str) -> int:
        state = json.loads((self.folder / "state.json").read_text())
        number: int = state["pids"][name]
        return number

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        return self.call("kubectl", *arguments, text=text)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("sandbox"))
    made.up()
    yield made
    made.call("reset")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path / "sandbox")
    yield made
    if made.folder.exists():
        made.call("reset")


def namespaces_of(pid: int) -> set[str]:
    return {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("net", "mnt", "pid")}


def inhabitants(namespaces: set[str]) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if namespaces & {os.readlink(folder / "ns" / kind) for kind in ("net", "mnt", "pid")}:
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def processes_naming(folder: Path) -> list[int]:
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in cmdline.read_bytes():
                found.append(int(cmdline.parent.name))
        except OSError:
            continue
    return found


def assert_nothing_left(folder: Path, namespaces: set[str]) -> None:
    until(lambda: not inhabitants(namespaces), "processes stayed in the sandbox's namespaces")
    until(lambda: not processes_naming(folder), "processes of the sandbox stayed")
    assert str(folder) not in Path("/proc/self/mountinfo").read_text()


def test_any_client_reaches_the_server_with_the_kubeconfig(sandbox: Sandbox) -> None:
    document = sandbox.status()
    assert document["state"] == "running"
    assert document["kubeconfig"] == str(sandbox.kubeconfig)
    assert sandbox.kubeconfig.stat().st_mode & 0o077 == 0
    access = Access(sandbox.kubeconfig)
    assert access.is_ready()
    assert access.json("/version")["gitVersion"] == document["version"]
    environment = os.environ | {"KUBECONFIG": str(sandbox.kubeconfig)}
    kubectl = [str(sandbox.folder / "bin/kubectl"), "get", "namespace", "default", "-o", "name"]
    assert subprocess.check_output(kubectl, env=environment, text=True) == "namespace/default\n"


@pytest.mark.parametrize(
    "name", ["localhost", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "10.96.0.1", "10.244.0.1"]
)
def test_serving_certificate_is_verified_with_what_pods_get(sandbox: Sandbox, name: str) -> None:
    bundle = Access(sandbox.kubeconfig).json("/api/v1/namespaces/default/configmaps/kube-root-ca.crt")
    context = ssl.create_default_context(cadata=bundle["data"]["ca.crt"])
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    ports = sandbox.status()["ports"]
    assert isinstance(ports, dict)
    with (
        socket.create_connection(("127.0.0.1", ports["api"])) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        assert secure.version() is not None


def test_rights_are_enforced(sandbox: Sandbox) -> None:
    service_account = "--as=system:serviceaccount:default:default"
    done = gitsync("kubectl", "--dir", str(sandbox.folder), "auth", "can-i", "list", "secrets", service_account)
    assert (done.returncode, done.stdout.strip()) == (1, "no")
    sandbox.kubectl("create", "role", "reader", "--verb=list", "--resource=secrets")
    sandbox.kubectl("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:default")
    assert sandbox.kubectl("auth", "can-i", "list", "secrets", service_account).strip() == "yes"
    anonymous = ssl.create_default_context(cafile=str(sandbox.folder / "certs/apiserver.crt"))
    ports = sandbox.status()["ports"]
    assert isinstance(ports, dict)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"https://localhost:{ports['api']}/api/v1/secrets", context=anonymous)
    assert refused.value.code == 403
    refused.value.close()


def test_admission_gives_pods_their_token(sandbox: Sandbox) -> None:
    manifest = POD | {"metadata": {"name": "token"}}
    pod = json.loads(sandbox.kubectl("create", "-f", "-", "-o", "json", text=json.dumps(manifest)))
    assert pod["spec"]["serviceAccountName"] == "default"
    assert any(volume["name"].startswith("kube-api-access-") for volume in pod["spec"]["volumes"])
    summary = {"namespace": "default", "name": "token", "phase": "Pending", "ready": False}
    pods = sandbox.status()["pods"]
    assert isinstance(pods, list)
    assert summary in pods


def test_controllers_work(sandbox: Sandbox) -> None:
    sandbox.kubectl("create", "deployment", "two", "--image=none", "--replicas=2")
    access = Access(sandbox.kubeconfig)
    path = "/api/v1/namespaces/default/pods?labelSelector=app%3Dtwo"
    until(lambda: len(access.json(path)["items"]) == 2, "the Deployment got no pods")
    sandbox.kubectl("delete", "deployment", "two", "--cascade=foreground")
    until(lambda: not access.json(path)["items"], "the pods were not collected")


def test_forward_reaches_a_pod_through_a_headless_service(sandbox: Sandbox) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "api"},
        "spec": {"clusterIP": "None", "selector": {"app": "api"}, "ports": [{"port": 443, "targetPort": "https"}]},
    }
    sandbox.kubectl("create", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": [POD, service]}))
    status = {
        "podIP": "10.244.0.1",
        "podIPs": [{"ip": "10.244.0.1"}],
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    patch = json.dumps({"status": status})
    sandbox.kubectl("patch", "pod", "api", "--subresource=status", "--type=merge", "-p", patch)
    command = [sys.executable, "-m", "gitsync.cli.main", "sandbox", "forward", "--dir", str(sandbox.folder)]
    with subprocess.Popen([*command, "svc/api", ":443"], stdout=subprocess.PIPE, text=True) as forward:
        assert forward.stdout is not None
        port = forward.stdout.readline().split()[0].rpartition(":")[2]
        context = ssl.create_default_context(cafile=str(sandbox.folder / "certs/apiserver.crt"))
        with urllib.request.urlopen(f"https://localhost:{port}/readyz", context=context) as answer:
            assert answer.read() == b"ok"
        forward.kill()
    until(lambda: not [pid for pid in processes_naming(sandbox.folder) if is_relay(pid)], "the relay stayed")


def is_relay(pid: int) -> bool:
    try:
        return b"gitsync.sandbox.relay" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize("part", ["kube-apiserver", "etcd", "kube-controller-manager"])
def test_a_part_that_dies_is_started_again(sandbox: Sandbox, part: str) -> None:
    before = sandbox.pid(part)
    os.kill(before, signal.SIGKILL)
    state = sandbox.folder / "state.json"
    until(lambda: json.loads(state.read_text())["pids"].get(part, before) != before, f"{part} did not come back")
    access = Access(sandbox.kubeconfig)

    def serves() -> bool:
        try:
            return bool(access.json("/api/v1/namespaces/default"))
        except Unanswered:
            return False

    until(serves, "the API server did not answer again")
    assert sandbox.status()["state"] == "running"


def test_second_up_joins_the_first(sandbox: Sandbox) -> None:
    before = sandbox.pid("supervisor")
    sandbox.up()
    assert sandbox.pid("supervisor") == before
    other = gitsync("up", "--dir", str(sandbox.folder))
    assert other.returncode == 3
    assert "runs without a kubelet" in other.stderr
    assert "Traceback" not in other.stderr


def test_sandboxes_run_side_by_side_and_down_keeps_the_data(sandbox: Sandbox, fresh: Sandbox) -> None:
    fresh.up()
    assert fresh.status()["ports"] != sandbox.status()["ports"]
    fresh.kubectl("create", "namespace", "kept")
    listed = sandbox.kubectl("get", "namespaces", "-o", "name").split()
    assert "namespace/kept" not in listed
    kubeconfig, inside = fresh.kubeconfig.read_text(), namespaces_of(fresh.pid("child"))
    fresh.call("down")
    assert fresh.status()["state"] == "stopped"
    assert_nothing_left(fresh.folder, inside)
    fresh.up()
    assert fresh.kubeconfig.read_text() == kubeconfig
    assert fresh.kubectl("get", "namespace", "kept", "-o", "name") == "namespace/kept\n"


@pytest.mark.parametrize("victim", ["supervisor", "unshare", "child"])
def test_kill_9_leaves_nothing(fresh: Sandbox, victim: str) -> None:
    fresh.up()
    inside = namespaces_of(fresh.pid("child"))
    assert len(inhabitants(inside)) > 3
    os.kill(fresh.pid(victim), signal.SIGKILL)
    assert_nothing_left(fresh.folder, inside)
    assert fresh.status()["state"] == "stopped"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_foreground_ends_with_its_command(fresh: Sandbox, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "gitsync.cli.main", "sandbox", "up", "--no-kubelet", "--foreground"]
    with subprocess.Popen([*command, "--dir", str(fresh.folder)], stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        assert up.stdout.readline() == f"export KUBECONFIG={fresh.kubeconfig}\n"
        inside = namespaces_of(fresh.pid("child"))
        up.send_signal(number)
        code = up.wait(DEADLINE_S)
    assert code == (0 if number == signal.SIGINT else -signal.SIGKILL)
    assert_nothing_left(fresh.folder, inside)


def test_interrupted_start_leaves_nothing(fresh: Sandbox) -> None:
    command = [sys.executable, "-m", "gitsync.cli.main", "sandbox", "up", "--no-kubelet", "--dir", str(fresh.folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as up:
        state = fresh.folder / "state.json"
        until(lambda: state.exists() and json.loads(state.read_text())["stage"] == "API server", "no such stage")
        inside = namespaces_of(fresh.pid("child"))
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=DEADLINE_S)
    assert up.returncode != 0
    assert_nothing_left(fresh.folder, inside)


def test_start_that_fails_names_the_part_and_its_log(fresh: Sandbox) -> None:
    (fresh.folder / "etcd").mkdir(parents=True)
    (fresh.folder / "etcd/member").write_text("in the way")
    done = gitsync("up", "--no-kubelet", "--dir", str(fresh.folder))
    assert done.returncode == 3
    assert "etcd ends again and again" in done.stderr
    assert str(fresh.folder / "logs/etcd.log") in done.stderr
    assert "Traceback" not in done.stderr
    until(lambda: not processes_naming(fresh.folder), "processes of the failed start stayed")


def test_commands_for_a_sandbox_that_does_not_run(tmp_path: Path) -> None:
    for verb in (["kubectl", "get", "pods"], ["forward", "svc/x", "1"], ["shell"]):
        done = gitsync(verb[0], "--dir", str(tmp_path), *verb[1:])
        assert done.returncode == 3
        assert f"start it with `gitsync sandbox up --dir {tmp_path}`" in done.stderr
    assert gitsync("down", "--dir", str(tmp_path)).returncode == 0
