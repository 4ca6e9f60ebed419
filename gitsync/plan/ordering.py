"""The order in which objects are applied: what others refer to comes first.

Kinds in the order Helm installs them (Helm source, `InstallOrder`; Argo CD uses the same), unknown
kinds after them, Flink last: session clusters before the jobs that name them, snapshots after
everything they snapshot. Removal goes the other way round.
"""

from gitsync.model.identities import Identity

_KINDS = (
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
)
_RANKS = {kind: rank for rank, kind in enumerate(_KINDS)}
_FLINK_RANKS = {"FlinkDeployment": 1, "FlinkBlueGreenDeployment": 2, "FlinkSessionJob": 3, "FlinkStateSnapshot": 4}
_FLINK_GROUP = "flink.apache.org"


def rank(identity: Identity) -> tuple[int, int, Identity]:
    """Sort key: smaller is applied earlier."""
    if identity.group == _FLINK_GROUP:
        return (2, _FLINK_RANKS.get(identity.kind, 0), identity)
    if identity.group == "gitsync.io":
        return (1, 1, identity)
    built_in = identity.kind in _RANKS and ("." not in identity.group or identity.group.endswith(".k8s.io"))
    return (0, _RANKS[identity.kind], identity) if built_in else (1, 0, identity)


def stages(identities: tuple[Identity, ...]) -> tuple[tuple[Identity, ...], ...]:
    """The identities in order, grouped by equal rank of their kind: a group can be applied in parallel."""
    grouped: dict[tuple[int, int], list[Identity]] = {}
    for identity in sorted(identities, key=rank):
        grouped.setdefault(rank(identity)[:2], []).append(identity)
    return tuple(tuple(group) for group in grouped.values())
