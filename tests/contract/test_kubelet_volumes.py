"""Volumes of a real pod: they wait for what they show, and follow it."""

from __future__ import annotations

import subprocess

from kubeletnode import Node, shell

from gitsync.sandbox.layout import Layout
from operator_core.kube import requests


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
