"""The definitions: files equal to the models, structural, wire-compatible with the Java operator's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from operator_core.jsonvalues import Object
from operator_core.model import crds, flinkversions

DIRECTORY = Path(__file__).parents[3] / "deploy" / "crds"
DEFINITIONS = {definition["metadata"]["name"]: definition for definition in crds.flink_crds()}
FIELDS = Path(__file__).with_name("crd-fields.txt")


def schema(name: str) -> Object:
    (version,) = DEFINITIONS[name]["spec"]["versions"]
    result: Object = version["schema"]["openAPIV3Schema"]
    return result


def fields(node: Object, path: str = "") -> Iterator[str]:
    kept = "preserve" if node.get("x-kubernetes-preserve-unknown-fields") else "int-or-string"
    enum = " " + ",".join(node["enum"]) if "enum" in node else ""
    yield f"{path or '.'} {node.get('type', kept)}{enum}"
    if path.endswith("podTemplate"):
        return
    for name in sorted(node.get("properties", {})):
        yield from fields(node["properties"][name], f"{path}.{name}")
    if isinstance(node.get("additionalProperties"), dict):
        yield from fields(node["additionalProperties"], f"{path}{{}}")
    if "items" in node:
        yield from fields(node["items"], f"{path}[]")


def nodes(node: Object) -> Iterator[Object]:
    yield node
    for child in node.get("properties", {}).values():
        yield from nodes(child)
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from nodes(node[key])


@pytest.mark.parametrize("name", DEFINITIONS)
def test_file_is_what_the_models_say(name: str) -> None:
    definition = DEFINITIONS[name]
    assert (DIRECTORY / crds.file_name(definition)).read_text() == crds.file_text(definition), (
        "run python -m operator_core.model.crds"
    )


def test_fields_types_and_enums_are_the_documented_ones() -> None:
    listed = "".join(f"# {name}\n" + "".join(f"{line}\n" for line in fields(schema(name))) for name in DEFINITIONS)
    assert listed == FIELDS.read_text()


@pytest.mark.parametrize("name", DEFINITIONS)
def test_schema_is_structural_without_required_or_defaults(name: str) -> None:
    for node in nodes(schema(name)):
        assert set(node) <= {
            "type",
            "enum",
            "properties",
            "items",
            "additionalProperties",
            "x-kubernetes-preserve-unknown-fields",
            "x-kubernetes-int-or-string",
        }
        assert "type" in node or any(key.startswith("x-kubernetes") for key in node)
        assert not ("properties" in node and "additionalProperties" in node)


def test_every_flink_version_up_to_the_newest_is_accepted() -> None:
    enum = schema("flinkdeployments.flink.apache.org")["properties"]["spec"]["properties"]["flinkVersion"]["enum"]
    assert enum == list(flinkversions.NAMES)
    assert {"v1_13", "v1_20", "v2_0", "v2_1", "v2_2", "v2_3", "v2_4"} <= set(enum)


def test_names_columns_and_subresources() -> None:
    summary = {
        name: (
            definition["spec"]["names"]["shortNames"],
            [
                (column["name"], column["jsonPath"])
                for column in definition["spec"]["versions"][0]["additionalPrinterColumns"]
            ],
            sorted(definition["spec"]["versions"][0]["subresources"]),
        )
        for name, definition in DEFINITIONS.items()
    }
    job = [("Job Status", ".status.jobStatus.state"), ("Lifecycle State", ".status.lifecycleState")]
    snapshot = [
        ("Path", ".status.path"),
        ("Result Timestamp", ".status.resultTimestamp"),
        ("Snapshot State", ".status.state"),
    ]
    assert summary == {
        "flinkdeployments.flink.apache.org": (["flinkdep"], job, ["scale", "status"]),
        "flinksessionjobs.flink.apache.org": (["sessionjob"], job, ["status"]),
        "flinkstatesnapshots.flink.apache.org": (["flinksnp"], snapshot, ["status"]),
    }
    scale = DEFINITIONS["flinkdeployments.flink.apache.org"]["spec"]["versions"][0]["subresources"]["scale"]
    assert scale == {
        "specReplicasPath": ".spec.taskManager.replicas",
        "statusReplicasPath": ".status.taskManager.replicas",
        "labelSelectorPath": ".status.taskManager.labelSelector",
    }


def test_the_command_writes_the_files(tmp_path: Path) -> None:
    crds.main([str(tmp_path / "crds")])
    assert sorted(path.name for path in (tmp_path / "crds").iterdir()) == [
        f"{name}.yaml" for name in sorted(DEFINITIONS)
    ]
