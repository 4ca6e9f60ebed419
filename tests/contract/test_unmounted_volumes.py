"""A JobManager whose volumes cannot be mounted: its kubelet's event becomes the resource's error."""

from operating import FlinkCluster, manifest, until

from operator_core.controllers.operator import Operator
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client

WHY = 'MountVolume.SetUp failed for volume "keys" : secret "keys" not found'


def test_why_a_volume_is_not_mounted_is_told(client: Client, namespace: str, operator: Operator) -> None:
    cluster = FlinkCluster(client, namespace)
    cluster.create(manifest(namespace))
    until(lambda: _pods(client, namespace))
    (pod,) = _pods(client, namespace)
    client.send(requests.create(requests.EVENTS, namespace, _event(pod)))
    waits = [{"type": "PodReadyToStartContainers", "status": "False"}, {"type": "PodScheduled", "status": "True"}]
    patch = {"status": {"startTime": "2026-01-01T00:00:00Z", "conditions": waits}}
    client.send(requests.merge_patch(requests.PODS, namespace, pod["metadata"]["name"], patch, subresource="status"))
    until(lambda: cluster.condition("Ready") == ("False", "FailedMount", WHY))
    assert cluster.status("jobManagerDeploymentStatus") == "ERROR"
    assert '"additionalMetadata":{"reason":"FailedMount"}' in str(cluster.status("error"))
    until(lambda: "FailedMount" in cluster.events())


def _pods(client: Client, namespace: str) -> list[Object]:
    found: list[Object] = client.send(requests.listing(requests.PODS, namespace, labels="component=jobmanager"))[
        "items"
    ]
    return found


def _event(pod: Object) -> Object:
    """What a kubelet says."""
    meta = pod["metadata"]
    about = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": meta["uid"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "unmounted", "namespace": meta["namespace"]},
        "involvedObject": about,
        "type": "Warning",
        "reason": "FailedMount",
        "message": WHY,
        "source": {"component": "kubelet"},
        "count": 1,
        "firstTimestamp": dig(meta, "creationTimestamp"),
        "lastTimestamp": dig(meta, "creationTimestamp"),
    }
