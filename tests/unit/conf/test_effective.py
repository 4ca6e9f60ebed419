"""Which layer wins, and how options are read under old and new names."""

from typing import Any

import pytest

from operator_core import errors
from operator_core.conf import builtin, effective, options
from operator_core.conf.defaults import Defaults
from operator_core.model import flinkdeployments


def conf(configuration: dict[str, Any] | None = None, *, version: str = "v1_20", **defaults: str) -> dict[str, str]:
    spec = flinkdeployments.parse_spec({"flinkVersion": version, "flinkConfiguration": configuration or {}})
    return dict(effective.effective(spec, name="app", namespace="jobs", defaults=Defaults(defaults)))


PREFIX = "kubernetes.operator.default-configuration."


def test_built_in_defaults_are_below_everything() -> None:
    assert conf()["taskmanager.numberOfTaskSlots"] == "1"
    assert conf(**{"taskmanager.numberOfTaskSlots": "3"})["taskmanager.numberOfTaskSlots"] == "3"
    assert conf({"taskmanager": {"numberOfTaskSlots": 4}}, **{"taskmanager.numberOfTaskSlots": "3"})[
        "taskmanager.numberOfTaskSlots"
    ] == ("4")


@pytest.mark.parametrize(
    ("version", "key"),
    [
        ("v1_17", None),
        ("v1_18", "env.java.opts.all"),
        ("v1_19", "env.java.default-opts.all"),
        ("v1_20", "env.java.default-opts.all"),
        ("v2_4", "env.java.default-opts.all"),
    ],
)
def test_java_17_flags_go_where_the_version_reads_them(version: str, key: str | None) -> None:
    found = {name for name, value in conf(version=version).items() if value == builtin.MODULE_FLAGS}
    assert found == ({key} if key else set())


def test_namespace_then_version_defaults_then_resource() -> None:
    layers = {
        "k": "plain",
        f"{PREFIX}namespace.jobs.k": "namespace",
        f"{PREFIX}namespace.other.k": "elsewhere",
        f"{PREFIX}flink-version.v1_19+.k": "from 1.19",
        f"{PREFIX}flink-version.v1_20+.k": "from 1.20",
        f"{PREFIX}flink-version.v2_0+.k": "from 2.0",
        f"{PREFIX}flink-version.v1_20.k": "exactly 1.20",
    }
    for expected in ("exactly 1.20", "from 1.20", "from 1.19", "namespace", "plain"):
        assert conf(**layers)["k"] == expected
        assert conf({"k": "own"}, **layers)["k"] == "own"
        layers.pop(next(key for key, value in layers.items() if value == expected))


def test_special_defaults_never_show_as_options() -> None:
    assert not [key for key in conf(**{f"{PREFIX}namespace.other.k": "v"}) if key.startswith(PREFIX)]


def test_identity_is_always_the_resource_s() -> None:
    made = conf({"kubernetes.cluster-id": "x", "kubernetes.namespace": "y", "high-availability.type": "kubernetes"})
    assert (made["kubernetes.cluster-id"], made["kubernetes.namespace"]) == ("app", "jobs")
    assert made["high-availability.cluster-id"] == "app"
    assert "high-availability.cluster-id" not in conf()


@pytest.mark.parametrize("name", options.SAVEPOINT_DIR.keys)
def test_directories_are_found_under_every_name(name: str) -> None:
    assert options.get(conf({name: "s3://sp"}), options.SAVEPOINT_DIR) == "s3://sp"
    assert options.name_set(conf({name: "s3://sp"}), options.SAVEPOINT_DIR) == name


def test_the_newest_name_wins_and_a_resource_s_old_name_beats_a_default_s_new_one() -> None:
    both = {"state.savepoints.dir": "old", "execution.checkpointing.savepoint-dir": "new"}
    assert options.get(both, options.SAVEPOINT_DIR) == "new"
    mixed = conf({"state.savepoints.dir": "mine"}, **{"execution.checkpointing.savepoint-dir": "default"})
    assert options.get(mixed, options.SAVEPOINT_DIR) == "mine"


def test_an_empty_value_is_not_set() -> None:
    assert not options.is_set({"state.savepoints.dir": ""}, options.SAVEPOINT_DIR)
    assert options.get({"rest.port": ""}, options.REST_PORT) == "8081"


def test_the_bind_port_follows_the_rest_port() -> None:
    assert options.get_int({"rest.port": "8099"}, options.REST_BIND_PORT) == 8099
    assert options.get_int({"rest.port": "8099", "rest.bind-port": "9000"}, options.REST_BIND_PORT) == 9000


@pytest.mark.parametrize(
    ("value", "on"),
    [("kubernetes", True), ("KUBERNETES", True), ("NONE", False), ("none", False), ("", False), ("my.Factory", True)],
)
def test_high_availability_is_anything_but_none(value: str, on: bool) -> None:
    assert options.has_high_availability({"high-availability.type": value}) is on
    assert options.has_high_availability({"high-availability": value}) is on


def test_values_are_typed() -> None:
    assert options.get_seconds({}, options.CHECKPOINT_TIMEOUT) == 600
    assert options.get_seconds({}, options.CHECKPOINT_INTERVAL) is None
    assert options.get_bool({options.ROLLBACK_ENABLED.key: "TRUE"}, options.ROLLBACK_ENABLED) is True
    assert options.get_bool({}, options.RECOVERY_ENABLED) is True


@pytest.mark.parametrize(
    ("read", "option", "remedy"),
    [
        (options.get_bool, options.ROLLBACK_ENABLED, "neither true nor false"),
        (options.get_int, options.REST_PORT, "not a whole number"),
        (options.get_seconds, options.CHECKPOINT_INTERVAL, "not a duration"),
        (options.get_number, options.JOB_MANAGER_CPU, "not a number"),
        (options.get_bytes, options.Option("jobmanager.memory.heap.size"), "not a memory size"),
    ],
)
def test_an_unreadable_value_names_its_key(read: Any, option: options.Option, remedy: str) -> None:
    with pytest.raises(errors.Stalled, match=remedy) as caught:
        read({option.key: "soon"}, option)
    assert f"spec.flinkConfiguration[{option.key}]: 'soon'" in caught.value.message


def test_removing_an_option_removes_all_its_names() -> None:
    left = options.without(
        {"execution.savepoint.path": "a", "execution.state-recovery.path": "b", "k": "v"}, options.RESTORE_PATH
    )
    assert left == {"k": "v"}


def test_a_layer_hides_what_a_lower_one_says_under_another_name() -> None:
    layers = {
        "state.savepoints.dir": "plain",
        f"{PREFIX}namespace.jobs.execution.checkpointing.savepoint-dir": "namespace",
        f"{PREFIX}flink-version.v1_20.state.savepoints.dir": "version",
    }
    assert options.get(conf(**layers), options.SAVEPOINT_DIR) == "version"
    layers.popitem()
    assert options.get(conf(**layers), options.SAVEPOINT_DIR) == "namespace"


def test_defaults_without_a_version_leave_out_what_is_for_versions() -> None:
    given = Defaults({"k": "plain", f"{PREFIX}flink-version.v1_15+.k": "version"})
    assert given.of("jobs", None)["k"] == "plain"
    assert given.of("jobs", "v1_20")["k"] == "version"
