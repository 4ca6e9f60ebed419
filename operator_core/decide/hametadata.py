"""Which ConfigMaps are a Flink cluster's HA metadata, and whether they point to a checkpoint.

Flink 1.x labels them `configmap-type: high-availability`, Flink 2.3 only as everything else it makes. What all
versions share is the names (Flink: KubernetesLeaderElectionHaServices), which is also how the Java operator tells
them apart.
"""

from collections.abc import Iterable

from operator_core.decide.facts import HaMetadata
from operator_core.jsonvalues import Object, dig

LABELS = "app={}"
"""Label selector of the ConfigMaps among which a cluster's HA metadata are; to be filled with its name."""
_MARKS = (("configmap-type", "high-availability"), ("type", "flink-native-kubernetes"))
_SUFFIX = "-config-map"
_POINTER = "checkpointID-"


def of(config_maps: Iterable[Object]) -> HaMetadata:
    """The HA metadata among a cluster's ConfigMaps; what is being deleted does not count."""
    found = [each for each in config_maps if _is_metadata(each)]
    pointed = any(key.startswith(_POINTER) for each in found for key in each.get("data") or {})
    return HaMetadata(tuple(sorted(str(each["metadata"]["name"]) for each in found)), pointed)


def _is_metadata(config_map: Object) -> bool:
    name = str(dig(config_map, "metadata", "name", default=""))
    labels = dig(config_map, "metadata", "labels", default={})
    marked = any(labels.get(key) == value for key, value in _MARKS)
    return marked and name.endswith(_SUFFIX) and not dig(config_map, "metadata", "deletionTimestamp")
