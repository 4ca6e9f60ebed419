"""Resources of the models as manifests: for programs that write Flink resources in Python.

A manifest has what was set and nothing else, so that defaults stay the operator's business. Whether it makes
sense is decided by validation, not here.
"""

import json

import yaml

from operator_core.jsonvalues import Object
from operator_core.model import resources
from operator_core.model.flinkdeployments import FlinkDeployment
from operator_core.model.flinksessionjobs import FlinkSessionJob
from operator_core.model.flinkstatesnapshots import FlinkStateSnapshot

_DROPPED = ("status",)


def manifest(resource: FlinkDeployment | FlinkSessionJob | FlinkStateSnapshot) -> Object:
    """The resource as the API server takes it."""
    body: Object = resource.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    kept = {key: value for key, value in body.items() if key not in _DROPPED}
    return {"apiVersion": resources.API_VERSION, "kind": type(resource).__name__, **kept}


def dump(*found: FlinkDeployment | FlinkSessionJob | FlinkStateSnapshot) -> str:
    """The resources as one YAML file."""
    bodies = [json.loads(json.dumps(manifest(one))) for one in found]
    return yaml.safe_dump_all(bodies, sort_keys=False, width=120)
