"""The process kubelet beneath a real API server and controller manager: what a pod's author and its readers see."""

from __future__ import annotations

import time
from pathlib import Path

from kubeletnode import IMAGE, STUBBORN, Node, container_status, programs, python, shell

from gitsync.sandbox.images import registry
from operator_core.jsonvalues import dig
from operator_core.kube import requests

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
    node.until(lambda: not programs("# forced"), "its process is gone")
    again = node.run(shell("echo second"), name=name, restartPolicy="Never")
    node.ended(again)
    assert node.log(again) == "second\n"


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
