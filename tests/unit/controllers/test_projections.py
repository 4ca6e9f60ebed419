"""What caches keep of Deployments: what passes read, and nothing that a rollout writes again and again."""

import json

from operator_core.controllers import projections


def rollout(updated: str, **counts: int) -> dict:
    condition = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "lastTransitionTime": "t0"}
    meta = {"name": "app", "uid": "u", "managedFields": [{"manager": "x"}], "annotations": {"a": "b"}}
    return {
        "metadata": meta,
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "c"}]}}},
        "status": {"conditions": [{**condition, "lastUpdateTime": updated}], **counts},
    }


def test_the_steps_of_a_rollout_look_alike() -> None:
    first = projections.deployment(rollout("t1", observedGeneration=1, unavailableReplicas=2))
    assert first == projections.deployment(rollout("t2", observedGeneration=2, updatedReplicas=1))
    assert first["spec"] == {"replicas": 2} and first["metadata"]["annotations"] == {"a": "b"}
    assert first["status"]["conditions"][0]["lastTransitionTime"] == "t0"
    assert "managedFields" not in json.dumps(first)


def test_a_deployment_without_status_has_no_conditions() -> None:
    assert projections.deployment({"metadata": {"name": "app"}, "spec": {}})["status"] == {"conditions": []}
