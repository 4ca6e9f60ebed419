"""Options reach every Flink version under a name it reads."""

import pytest

from operator_core.build import spellings
from operator_core.model import flinkversions

CHECKPOINTS = {"execution.checkpointing.dir": "file:///cp"}
OLDER_CHECKPOINTS = {"state.checkpoints.dir": "file:///cp"}


@pytest.mark.parametrize(
    ("version", "given", "added"),
    [
        ("v1_19", CHECKPOINTS, OLDER_CHECKPOINTS),
        ("v1_20", CHECKPOINTS, {}),
        ("v2_0", CHECKPOINTS, {}),
        ("v1_19", CHECKPOINTS | {"state.checkpoints.dir": "file:///own"}, {}),
        ("v1_19", OLDER_CHECKPOINTS, {}),
        ("v1_16", {"high-availability.type": "kubernetes"}, {"high-availability": "kubernetes"}),
        ("v1_17", {"high-availability.type": "kubernetes"}, {}),
        ("v1_15", {"kubernetes.taskmanager.cpu.amount": "2"}, {"kubernetes.taskmanager.cpu": "2"}),
        ("v1_15", {"anything": "else"}, {}),
    ],
)
def test_an_older_flink_gets_the_older_name_too(version: str, given: dict[str, str], added: dict[str, str]) -> None:
    assert spellings.for_version(given, flinkversions.parse(version)) == given | added
