"""The sandbox's control plane as its users meet it: the command line, a kubeconfig, and what a kill leaves."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from sandboxes import Sandbox, gitsync, processes_naming, until

from gitsync.sandbox.access import Access

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "api", "labels": {"app": "api"}},
    "spec": {"containers": [{"name": "c", "image": "none", "ports": [{"name": "https", "containerPort": 6443}]}]},
}


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


def is_relay(pid: int) -> bool:
    try:
        return b"gitsync.sandbox.relay" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


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
