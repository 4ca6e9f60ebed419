"""What the job autoscaler wrote into a deployed spec, which no manifest has and no comparison may count.

It keeps its decisions in a ConfigMap and puts them into the spec in memory alone, so they show in what is recorded as
deployed: parallelism per vertex, and with memory tuning the TaskManagers' memory (Apache Flink Kubernetes Operator,
"Autoscaler", "Memory tuning").
"""

from collections.abc import Mapping

from operator_core.conf import flattening
from operator_core.jsonvalues import Object, dig

_OVERRIDES = "pipeline.jobvertex-parallelism-overrides"
_MEMORY = "taskmanager.memory."


def masked(spec: Object, deployed: Object, conf: Mapping[str, str]) -> Object:
    """The wanted `spec` with what the autoscaler decided as it is in `deployed`; `conf` is the effective configuration.

    The spec itself where the autoscaler is off: then its decisions are taken back by the next deployment.
    """
    if conf.get("job.autoscaler.enabled", "").lower() != "true":
        return spec
    tunes = conf.get("job.autoscaler.memory.tuning.enabled", "").lower() == "true"
    wanted = flattening.flatten(spec.get("flinkConfiguration") or {})
    had = flattening.flatten(deployed.get("flinkConfiguration") or {})
    kept = {key: text for key, text in wanted.items() if not _is_decided(key, tunes=tunes)}
    kept |= {key: text for key, text in had.items() if _is_decided(key, tunes=tunes)}
    result = {**spec, "flinkConfiguration": kept}
    memory = dig(deployed, "taskManager", "resource", "memory")
    if tunes and memory is not None:
        manager = spec.get("taskManager") or {}
        result["taskManager"] = {**manager, "resource": {**(manager.get("resource") or {}), "memory": memory}}
    return result


def _is_decided(key: str, *, tunes: bool) -> bool:
    return key.startswith(_OVERRIDES) or (tunes and key.startswith(_MEMORY))
