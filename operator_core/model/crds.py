"""CustomResourceDefinitions of the Flink kinds, wire-compatible with the Java operator's.

`python -m operator_core.model.crds [DIRECTORY]` writes them (deploy/crds by default). Schemas come from the
models of this package, so that what the API server accepts is what the operator reads. Like the original they
have no `required` and no `default`: a GET returns what the user sent, rules are told by validation.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from operator_core.jsonvalues import Object
from operator_core.model import crdschemas
from operator_core.model.flinkdeployments import FlinkDeploymentSpec
from operator_core.model.flinksessionjobs import FlinkSessionJobSpec, FlinkSessionJobStatus
from operator_core.model.flinkstatesnapshots import FlinkStateSnapshotSpec, FlinkStateSnapshotStatus
from operator_core.model.resources import Wire
from operator_core.model.statuses import FlinkDeploymentStatus

GROUP = "flink.apache.org"
VERSION = "v1beta1"

_HEADER = "# Written by `python -m operator_core.model.crds`; edit the models, not this file.\n"


@dataclass(frozen=True, slots=True)
class _Kind:
    kind: str
    plural: str
    short: str
    spec: type[Wire]
    status: type[Wire]
    columns: tuple[tuple[str, str, str], ...]
    scalable: bool = False


_JOB_COLUMNS = (
    ("Job Status", ".status.jobStatus.state", "Last observed state of the job."),
    (
        "Lifecycle State",
        ".status.lifecycleState",
        "Lifecycle state of the Flink resource (including being rolled back, failed etc.).",
    ),
)
_KINDS = (
    _Kind(
        "FlinkDeployment",
        "flinkdeployments",
        "flinkdep",
        FlinkDeploymentSpec,
        FlinkDeploymentStatus,
        _JOB_COLUMNS,
        scalable=True,
    ),
    _Kind(
        "FlinkSessionJob", "flinksessionjobs", "sessionjob", FlinkSessionJobSpec, FlinkSessionJobStatus, _JOB_COLUMNS
    ),
    _Kind(
        "FlinkStateSnapshot",
        "flinkstatesnapshots",
        "flinksnp",
        FlinkStateSnapshotSpec,
        FlinkStateSnapshotStatus,
        (
            ("Path", ".status.path", "Final path of the snapshot."),
            ("Result Timestamp", ".status.resultTimestamp", "Timestamp when the snapshot was last created/failed."),
            ("Snapshot State", ".status.state", "Current state of the snapshot."),
        ),
    ),
)


def flink_crds() -> list[Object]:
    """The definitions, ready to apply."""
    return [_definition(kind) for kind in _KINDS]


def file_text(definition: Object) -> str:
    """A definition as its file under deploy/crds."""
    # Through JSON, so that equal parts are written out instead of as YAML anchors.
    return _HEADER + yaml.safe_dump(json.loads(json.dumps(definition)), sort_keys=False, width=120)


def file_name(definition: Object) -> str:
    return f"{definition['metadata']['name']}.yaml"


def _definition(kind: _Kind) -> Object:
    subresources: Object = {"status": {}}
    if kind.scalable:
        subresources["scale"] = {
            "specReplicasPath": ".spec.taskManager.replicas",
            "statusReplicasPath": ".status.taskManager.replicas",
            "labelSelectorPath": ".status.taskManager.labelSelector",
        }
    version: Object = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": crdschemas.resource_schema(kind.spec, kind.status)},
        "subresources": subresources,
        "additionalPrinterColumns": [
            {"name": name, "jsonPath": path, "type": "string", "description": description}
            for name, path, description in kind.columns
        ],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def main(arguments: list[str]) -> None:
    directory = Path(arguments[0]) if arguments else Path(__file__).parents[2] / "deploy" / "crds"
    directory.mkdir(parents=True, exist_ok=True)
    for definition in flink_crds():
        (directory / file_name(definition)).write_text(file_text(definition))


if __name__ == "__main__":
    main(sys.argv[1:])
