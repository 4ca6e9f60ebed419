"""Which ConfigMaps count as HA metadata, as Flink 1.20 and 2.3 really write them."""

import pytest

from operator_core.decide import hametadata
from operator_core.jsonvalues import Object

OWN = {"app": "ticks", "type": "flink-native-kubernetes"}
JOB = "8c800d7c1673bb9df39fb628ab794700"


def config_map(name: str, *keys: str, **metadata: object) -> Object:
    return {"metadata": {"name": name, "labels": OWN, **metadata}, "data": dict.fromkeys(keys, "value")}


CONFIGURATION = (
    config_map("flink-config-ticks", "config.yaml"),
    config_map("pod-template-ticks", "taskmanager-pod-template.yaml"),
)


@pytest.mark.parametrize("plan", ["jobGraph", "executionPlan"], ids=["1.20", "2.3"])
def test_names_tell_metadata_from_configuration(plan: str) -> None:
    cluster = config_map("ticks-cluster-config-map", f"{plan}-{JOB}", "org.apache.flink.k8s.leader.dispatcher")
    job = config_map(f"ticks-{JOB}-config-map", "checkpointID-0000000000000000013", "counter")
    found = hametadata.of((*CONFIGURATION, job, cluster))
    assert found.names == (f"ticks-{JOB}-config-map", "ticks-cluster-config-map")
    assert found.with_checkpoint


def test_metadata_without_a_checkpoint_are_not_a_state() -> None:
    found = hametadata.of((*CONFIGURATION, config_map(f"ticks-{JOB}-config-map", "counter")))
    assert found.names and not found.with_checkpoint


def test_what_is_being_deleted_does_not_count() -> None:
    going = config_map(f"ticks-{JOB}-config-map", "checkpointID-1", deletionTimestamp="2026-01-01T00:00:00Z")
    found = hametadata.of((going,))
    assert found.names == () and not found.with_checkpoint


def test_an_empty_config_map_has_no_data_at_all() -> None:
    found = hametadata.of(({"metadata": {"name": "ticks-cluster-config-map", "labels": OWN}},))
    assert found.names == ("ticks-cluster-config-map",) and not found.with_checkpoint


def test_somebody_elses_config_map_is_left_alone() -> None:
    theirs = config_map("ticks-settings-config-map", "checkpointID-1", labels={"app": "ticks"})
    assert hametadata.of((theirs,)).names == ()
