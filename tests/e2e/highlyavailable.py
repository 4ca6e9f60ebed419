"""A job with Kubernetes HA that is upgraded from its last state."""

from __future__ import annotations

from operator_core.jsonvalues import Object

_LEADER_ELECTION = "high-availability.kubernetes.leader-election"


def change(manifest: Object) -> None:
    """HA metadata in ConfigMaps, what they point to beside the checkpoints, a dead leader noticed soon."""
    manifest["spec"]["flinkConfiguration"] |= {
        "high-availability.type": "kubernetes",
        "high-availability.storageDir": "file:///flink-data/ha",
        f"{_LEADER_ELECTION}.lease-duration": "5s",
        f"{_LEADER_ELECTION}.renew-deadline": "5s",
        f"{_LEADER_ELECTION}.retry-period": "1s",
    }
    manifest["spec"]["job"]["upgradeMode"] = "last-state"
