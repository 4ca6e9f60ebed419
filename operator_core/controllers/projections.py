"""What caches keep of the objects that Kubernetes makes of a cluster: what passes read, and no more.

A cluster has many pods and templates are long: memory of an agent is what these leave. Holds no rule.
"""

from typing import Final

from operator_core.controllers import podindex
from operator_core.decide import podfailures
from operator_core.jsonvalues import Object, dig


def deployment(obj: Object) -> Object:
    """A Deployment without its pod template and the counts of its pods, which nobody reads.

    Of the conditions the times at which nothing changed are left out too: a rollout writes them again and again.
    """
    meta, spec = obj["metadata"], obj.get("spec") or {}
    conditions = dig(obj, "status", "conditions", default=[])
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {key: value for key, value in meta.items() if key != "managedFields"},
        "spec": {"replicas": spec.get("replicas", 1)},
        "status": {
            "conditions": [
                {key: value for key, value in condition.items() if key != "lastUpdateTime"} for condition in conditions
            ]
        },
    }


def ingress(obj: Object) -> Object:
    """An Ingress as its users see it."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": meta, "spec": obj.get("spec") or {}}


_POD_STATES: Final[tuple[str, ...]] = (
    "phase",
    "conditions",
    "containerStatuses",
    "initContainerStatuses",
    "startTime",
)


def pod(obj: Object) -> Object:
    """A pod's identity and state; a TaskManager's state only while something is wrong with it."""
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "labels", "creationTimestamp", "deletionTimestamp")
    is_well = podindex.is_worker(obj) and podfailures.of_worker(obj) is None
    states = () if is_well else _POD_STATES
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"nodeName": dig(obj, "spec", "nodeName")},
        "status": {key: value for key, value in (obj.get("status") or {}).items() if key in states},
    }
