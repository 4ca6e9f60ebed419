"""FlinkStateSnapshots for tables, as the API server would have them, and what a job records of its own snapshots."""

from __future__ import annotations

from operator_core.jsonvalues import Object
from operator_core.model import lastspecs

LEGACY = {"kubernetes.operator.snapshot.resource.enabled": "false"}


def snapshot(
    name: str,
    *,
    trigger: str = "PERIODIC",
    state: str | None = "COMPLETED",
    created: str = "2026-01-01T11:00:00Z",
    path: str | None = "",
    kind: str = "savepoint",
    annotations: Object | None = None,
    **spec: object,
) -> Object:
    """A snapshot of the job `app`; `path` "" is made of its name."""
    status: Object = {"failures": 0}
    if state is not None:
        status["state"] = state
    if path is not None and state == "COMPLETED":
        status["path"] = path or f"file:/sp/{name}"
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkStateSnapshot",
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": f"uid-{name}",
            "resourceVersion": "3",
            "creationTimestamp": created,
            "labels": {"snapshot.trigger-type": trigger},
            "annotations": annotations or {},
            "finalizers": ["flinkstatesnapshots.flink.apache.org/finalizer"],
        },
        "spec": {"backoffLimit": 0, "jobReference": {"kind": "FlinkDeployment", "name": "app"}, kind: dict(spec)},
        "status": status,
    }


def nonce_of(given, field: str = "savepointTriggerNonce") -> object:
    """The nonce that a step recorded as handled."""
    text = given.status.reconciliation_status.last_reconciled_spec
    return lastspecs.decode(text).spec["job"].get(field)
