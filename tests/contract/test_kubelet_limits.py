"""What a node has no room for, and what takes more than it asked for."""

from __future__ import annotations

from kubeletnode import Node, container_status, python, shell

from gitsync.sandbox.kubelet import quantities
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests


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
