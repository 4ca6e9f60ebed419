"""Small texts that a status remembers from one pass to the next, by key.

A FlinkDeployment has a field for them, `clusterInfo`, where the Java operator keeps some too. A FlinkSessionJob has
none: they are the message of one condition there, as JSON. Where the cluster's definition drops conditions nothing is
remembered, and whoever would repeat itself without memory has to ask `are_kept` first. Knows no key.
"""

import json
from collections.abc import Mapping

from operator_core.decide.jobfacts import S
from operator_core.jsonvalues import Object, dig
from operator_core.model.statuses import CommonStatus, Condition, FlinkDeploymentStatus

REMEMBERS = "Remembers"
"""Type of the condition."""


def of(status: CommonStatus) -> Mapping[str, str]:
    """What is remembered; a text nobody can read is no memory."""
    if isinstance(status, FlinkDeploymentStatus):
        return status.cluster_info
    return _read("".join(condition.message for condition in conditions(status)))


def of_resource(live: Object | None) -> Mapping[str, str]:
    """The same of a live resource of either kind."""
    texts = [each.get("message", "") for each in dig(live, "status", "conditions", default=[]) if _remembers(each)]
    return {**_read("".join(texts)), **dig(live, "status", "clusterInfo", default={})}


def _remembers(condition: Object) -> bool:
    return bool(condition.get("type") == REMEMBERS)


def _read(text: str) -> Mapping[str, str]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def remembering(status: S, info: Mapping[str, str]) -> S:
    """The status that remembers this and nothing else."""
    if isinstance(status, FlinkDeploymentStatus):
        return status.model_copy(update={"cluster_info": dict(info)})
    others = tuple(condition for condition in status.conditions if condition.type != REMEMBERS)
    text = json.dumps(dict(info), separators=(",", ":"), sort_keys=True)
    new = (Condition(type=REMEMBERS, status="True", reason="Noted", message=text),) if info else ()
    return status.model_copy(update={"conditions": (*others, *new)})


def are_kept(status: CommonStatus) -> bool:
    """Whether what is remembered now will be known to the next pass."""
    return isinstance(status, FlinkDeploymentStatus) or bool(status.conditions)


def conditions(status: CommonStatus) -> tuple[Condition, ...]:
    """The condition that remembers, where there is one."""
    return tuple(condition for condition in status.conditions if condition.type == REMEMBERS)
