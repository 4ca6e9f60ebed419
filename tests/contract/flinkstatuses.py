"""What an operator would write into the status of Flink resources, for tests in which none runs."""

from typing import Any

from syncing import Cluster

from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.requests import FLINK_DEPLOYMENTS, Resource
from operator_core.model import lastspecs

RUNS: Object = {"lifecycleState": "STABLE", "jobManagerDeploymentStatus": "READY", "jobStatus": {"state": "RUNNING"}}
UPGRADES: Object = {
    "lifecycleState": "UPGRADING",
    "jobManagerDeploymentStatus": "MISSING",
    "jobStatus": {"state": "RECONCILING"},
}


def say(cluster: Cluster, name: str, status: Object, *, of: Resource = FLINK_DEPLOYMENTS, **more: Any) -> None:
    """Write a status that has seen the newest spec; `more` wins over that."""
    live = cluster.get(of, name) or {}
    deployed = lastspecs.encode(live["spec"], first_deployment=False)
    state = "DEPLOYED" if status.get("lifecycleState") == "STABLE" else "UPGRADING"
    whole: Object = {
        "observedGeneration": live["metadata"]["generation"],
        "reconciliationStatus": {"lastReconciledSpec": deployed, "lastStableSpec": deployed, "state": state},
        **status,
        **more,
    }
    write(cluster, name, whole, of=of)


def write(cluster: Cluster, name: str, status: Object, *, of: Resource = FLINK_DEPLOYMENTS) -> None:
    """Merge this into the status."""
    request = requests.merge_patch(of, cluster.namespace, name, {"status": status}, subresource="status")
    cluster.client.send(request)
