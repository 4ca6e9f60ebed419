"""What a deployed cluster takes: `total-cpu` and `total-memory` of `clusterInfo`, as the Java operator tells them.

JobManagers and the TaskManagers that the spec asks for, by the sizes of their processes; a native session cluster has
as many TaskManagers as its jobs need, and none of them is counted. A size that cannot be told is left out.
"""

from operator_core import errors
from operator_core.conf import memory, options
from operator_core.decide.facts import Facts
from operator_core.model import processes, units
from operator_core.model.flinkdeployments import JobManagerSpec, TaskManagerSpec

CPU, MEMORY = "total-cpu", "total-memory"
_ROLES = ("jobmanager", "taskmanager")


def of(facts: Facts) -> dict[str, str]:
    """The entries for what is recorded as deployed; empty where nothing can be said."""
    spec = facts.last_spec
    if spec is None:
        return {}
    conf = dict(facts.last_conf)
    try:
        for role, process in zip(_ROLES, (spec.job_manager, spec.task_manager), strict=True):
            conf |= _sizes(role, process)
        masters = spec.job_manager.replicas if spec.job_manager is not None else 1
        workers = facts.status.task_manager.replicas if facts.status.task_manager is not None else 0
        slots = str(options.get_int(conf, options.TASK_SLOTS))
        cpu = masters * units.quantity(options.get(conf, options.JOB_MANAGER_CPU) or "1")
        cpu += workers * units.quantity(options.get(conf, options.TASK_MANAGER_CPU) or slots)
        size = masters * memory.job_manager_process_bytes(conf)
        size += workers * memory.task_manager_process_bytes(conf) if workers else 0
    except (errors.Stalled, ValueError):
        return {}
    return {CPU: units.java_double(cpu), MEMORY: str(size)}


def _sizes(role: str, process: JobManagerSpec | TaskManagerSpec | None) -> dict[str, str]:
    if process is None:
        return {}
    size = processes.size_of(process.resource, process.resources)
    texts = {f"{role}.memory.process.size": size.memory_text, f"kubernetes.{role}.cpu.amount": size.cpu_text}
    return {key: text for key, text in texts.items() if text is not None}
