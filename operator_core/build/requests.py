"""What a build needs to know, as one frozen value.

`generation` is the resource's generation this cluster is made from; `savepoint_path` is what it restores
(None: starts empty); `job_id` is 32 hex digits and stays the same when the same deploy is repeated.
"""

from dataclasses import dataclass

from operator_core.conf.defaults import Defaults
from operator_core.model.flinkdeployments import FlinkDeployment


@dataclass(frozen=True, slots=True)
class BuildRequest:
    deployment: FlinkDeployment
    defaults: Defaults
    job_id: str
    savepoint_path: str | None
    allow_non_restored: bool
    generation: int
