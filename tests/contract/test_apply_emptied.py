"""A map that a commit empties is applied as Git has it, whatever the definition's schema makes of a null (F43)."""

import copy
import json

import pytest
from syncing import Cluster, Repository, Start, wait_for

from operator_core.jsonvalues import Json, Object, dig
from operator_core.kube import requests
from operator_core.kube.requests import Resource

JOB: Object = {
    "apiVersion": "flink.apache.org/v1beta1",
    "kind": "FlinkDeployment",
    "metadata": {"name": "ticks", "labels": {"team": "a"}},
    "spec": {
        "image": "flink:1.20",
        "flinkVersion": "v1_20",
        "serviceAccount": "flink",
        "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "2"},
        "logConfiguration": {"log4j-console.properties": "rootLogger.level = INFO"},
        "podTemplate": {"metadata": {"labels": {"x": "y"}}, "spec": {"nodeSelector": {"disk": "ssd"}}},
        "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
        "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
        "job": {"jarURI": "local:///a.jar", "parallelism": 1, "upgradeMode": "stateless", "state": "suspended"},
    },
}
STORES = Resource("example.org", "v1", "stores", "Store", True)
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: stores.example.org}
spec:
  group: example.org
  names: {plural: stores, singular: store, kind: Store, listKind: StoreList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              memory: {type: object, properties: {limit: {type: string}}}
"""


@pytest.mark.parametrize(
    "path",
    ["spec.logConfiguration", "spec.podTemplate", "spec.podTemplate.metadata.labels", "spec.podTemplate.spec",
     "spec.flinkConfiguration", "metadata.labels"],
)  # fmt: skip
def test_emptied(cluster: Cluster, repository: Repository, start: Start, path: str) -> None:
    first = repository.commit("One", {"apps/job.json": json.dumps(JOB)})
    agent = start()
    cluster.wait_synced(first)
    emptied = with_empty(JOB, path)
    second = repository.commit("Without", {"apps/job.json": json.dumps(emptied)})
    cluster.wait_synced(second)
    live = cluster.get(requests.FLINK_DEPLOYMENTS, "ticks") or {}
    assert not dig(live, *path.split(".")), "nothing is left of it"
    assert live["spec"]["image"] == "flink:1.20"
    assert live["metadata"]["generation"] <= 2, "one change of the job, not two"
    agent.stop()
    # An agent that knows nothing of what was answered finds no difference either.
    version = live["metadata"]["resourceVersion"]
    third = repository.commit("Beside it", {"apps/map.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}}"})
    start()
    cluster.wait_synced(third)
    after = cluster.get(requests.FLINK_DEPLOYMENTS, "ticks") or {}
    assert after["metadata"]["resourceVersion"] == version


def test_an_empty_map_that_means_something_is_there(cluster: Cluster, repository: Repository, start: Start) -> None:
    store = "{apiVersion: example.org/v1, kind: Store, metadata: {name: s}, spec: {memory: %s}}"
    files = {"apps/definition.yaml": DEFINITION, "apps/store.yaml": store % "{limit: 1Gi}"}
    first = repository.commit("A store", files)  # type: ignore[arg-type]
    start()
    cluster.wait_synced(first)
    second = repository.commit("No limit", {"apps/store.yaml": store % "{}"})
    cluster.wait_synced(second)
    found = wait_for("the store", lambda: cluster.get(STORES, "s"))
    assert found["spec"] == {"memory": {}}


def with_empty(body: Object, path: str) -> Object:
    """A copy with the map at `path` emptied."""
    found = copy.deepcopy(body)
    *above, last = path.split(".")
    at: Json = found
    for step in above:
        at = at[step]
    at[last] = {}
    return found
