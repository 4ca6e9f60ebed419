"""What kind of work each field's change is (the Java operator's spec diff table)."""

import copy

import pytest

from operator_core.decide import specdiff
from operator_core.decide.specdiff import DiffType

SPEC = {
    "image": "flink:1.20",
    "flinkVersion": "v1_20",
    "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "2", "kubernetes.operator.savepoint.format.type": "NATIVE"},
    "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
    "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}, "replicas": 1},
    "job": {"jarURI": "local:///a.jar", "parallelism": 1, "upgradeMode": "savepoint", "args": ["a"]},
}


def _changed(path: str, value: object, mode: str | None = None) -> tuple[dict, dict]:
    old, new = copy.deepcopy(SPEC), copy.deepcopy(SPEC)
    if mode:
        old["mode"] = new["mode"] = mode
    target = new
    *parents, last = path.split("/")
    for parent in parents:
        target = target[parent]
    target[last] = value
    return old, new


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("image", "flink:1.20.1", DiffType.UPGRADE),
        ("flinkVersion", "v2_0", DiffType.UPGRADE),
        ("restartNonce", 1, DiffType.UPGRADE),
        ("restartNonce", None, DiffType.IGNORE),
        ("mode", "native", DiffType.IGNORE),
        ("podTemplate", {"spec": {}}, DiffType.UPGRADE),
        ("logConfiguration", {"log4j-console.properties": "x"}, DiffType.UPGRADE),
        ("job/parallelism", 2, DiffType.UPGRADE),
        ("job/args", ["b"], DiffType.UPGRADE),
        ("job/state", "suspended", DiffType.UPGRADE),
        ("job/state", "running", DiffType.IGNORE),
        ("job/upgradeMode", "stateless", DiffType.IGNORE),
        ("job/allowNonRestoredState", True, DiffType.IGNORE),
        ("job/initialSavepointPath", "file:/x", DiffType.IGNORE),
        ("job/savepointTriggerNonce", 1, DiffType.IGNORE),
        ("job/savepointRedeployNonce", 1, DiffType.SAVEPOINT_REDEPLOY),
        ("taskManager/replicas", 2, DiffType.UPGRADE),
        ("jobManager/replicas", 1, DiffType.IGNORE),
        ("jobManager/resource", {"cpu": 1.0, "memory": "1024m"}, DiffType.IGNORE),
        ("jobManager/resource", {"cpu": 2, "memory": "1024m"}, DiffType.UPGRADE),
        ("flinkConfiguration/some.key", "1", DiffType.UPGRADE),
        ("flinkConfiguration/kubernetes.operator.savepoint.format.type", "CANONICAL", DiffType.IGNORE),
        ("flinkConfiguration/job.autoscaler.enabled", "true", DiffType.IGNORE),
        ("flinkConfiguration/parallelism.default", "3", DiffType.IGNORE),
        ("flinkConfiguration/pipeline.jobvertex-parallelism-overrides", "a:2", DiffType.SCALE),
        ("flinkConfiguration", {"taskmanager": {"numberOfTaskSlots": 2}}, DiffType.IGNORE),
    ],
)
def test_kind_of_a_change_in_native_mode(path: str, value: object, expected: DiffType) -> None:
    """One field at a time."""
    assert specdiff.classify(*_changed(path, value)).type is expected


@pytest.mark.parametrize("path", ["job/parallelism", "taskManager/replicas"])
def test_standalone_scales_by_parallelism_and_replicas(path: str) -> None:
    """Where TaskManagers are a Deployment, their number is scale."""
    assert specdiff.classify(*_changed(path, 5, "standalone")).type is DiffType.SCALE


def test_clearing_the_restart_nonce_does_nothing() -> None:
    """A nonce that goes away asks for nothing."""
    old, new = _changed("restartNonce", 3)
    assert specdiff.classify(new, old).type is DiffType.IGNORE


def test_the_highest_kind_wins_and_paths_are_told_without_values() -> None:
    """Diff texts go into events: they hold paths, never values."""
    old, new = _changed("flinkConfiguration/secret.key", "hunter2")
    new["job"]["upgradeMode"] = "last-state"
    new["jobManager"]["resource"]["memory"] = "2048m"
    diff = specdiff.classify(old, new)
    assert diff.type is DiffType.UPGRADE
    assert diff.paths == ("job.upgradeMode", "flinkConfiguration.secret.key", "jobManager.resource.memory")
    assert "hunter2" not in diff.text
    assert diff.text.startswith("UPGRADE change(s) detected (Diff: FlinkDeploymentSpec[job.upgradeMode, ")
