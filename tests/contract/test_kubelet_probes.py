"""Probes and hooks of real pods, and the Services that follow readiness."""

from __future__ import annotations

from pathlib import Path

from kubeletnode import SERVER, Node, container_status, python, shell

from operator_core.kube import requests


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
