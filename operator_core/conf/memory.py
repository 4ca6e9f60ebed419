"""Flink's process memory arithmetic: how large a JobManager or TaskManager container must be.

Follows Flink's documented memory model (docs: deployment/memory/mem_setup): a process is Flink memory plus
metaspace plus overhead; any one of process size, Flink size, or the fine-grained sizes fixes the rest.
Returns bytes; a configuration that cannot work is a Stalled(ValidationError) with the numbers and the remedy,
before Flink itself would refuse to start.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from operator_core import errors
from operator_core.conf import options
from operator_core.conf.options import Option
from operator_core.model import units


@dataclass(frozen=True, slots=True)
class _Role:
    name: str
    prefix: str
    spec_field: str

    def option(self, key: str, default: str | None = None) -> Option:
        return Option(f"{self.prefix}.memory.{key}", (), default)


_JOB_MANAGER = _Role("JobManager", "jobmanager", "spec.jobManager")
_TASK_MANAGER = _Role("TaskManager", "taskmanager", "spec.taskManager")


def job_manager_process_bytes(conf: Mapping[str, str]) -> int:
    """Total size of the JobManager process; Stalled where the sizes are missing or do not fit."""
    role = _JOB_MANAGER
    off_heap = _bytes(conf, role.option("off-heap.size", "128m"))
    heap = options.get_bytes(conf, Option("jobmanager.memory.heap.size"))
    if heap is not None:
        return _process_of(conf, role, heap + off_heap)
    flink = options.get_bytes(conf, role.option("flink.size"))
    process = options.get_bytes(conf, role.option("process.size"))
    if flink is None:
        flink = _flink_of(conf, role, process)
    if flink <= off_heap:
        raise _too_small(role, f"{units.memory_text(flink)} is left for Flink, all taken by off-heap memory")
    return process if process is not None else _process_of(conf, role, flink)


def task_manager_process_bytes(conf: Mapping[str, str]) -> int:
    """Total size of a TaskManager process; Stalled where the sizes are missing or do not fit."""
    role = _TASK_MANAGER
    frameworks = _bytes(conf, role.option("framework.heap.size", "128m")) + _bytes(
        conf, role.option("framework.off-heap.size", "128m")
    )
    fixed = frameworks + _bytes(conf, role.option("task.off-heap.size", "0"))
    task_heap = options.get_bytes(conf, role.option("task.heap.size"))
    managed = options.get_bytes(conf, role.option("managed.size"))
    if task_heap is not None and managed is not None:
        rest = fixed + task_heap + managed
        return _process_of(conf, role, rest + _network(conf, role, rest, inverse=True))
    flink = options.get_bytes(conf, role.option("flink.size"))
    process = options.get_bytes(conf, role.option("process.size"))
    if flink is None:
        flink = _flink_of(conf, role, process)
    if managed is None:
        managed = int(flink * options.get_number(conf, role.option("managed.fraction", "0.4")))
    used = fixed + managed + _network(conf, role, flink, inverse=False) + (task_heap or 0)
    if used > flink:
        raise _too_small(role, f"{units.memory_text(flink)} is left for Flink, {units.memory_text(used)} is needed")
    return process if process is not None else _process_of(conf, role, flink)


def _flink_of(conf: Mapping[str, str], role: _Role, process: int | None) -> int:
    if process is None:
        raise errors.Stalled(
            errors.Reason.ValidationError,
            f"{role.spec_field}.resource.memory: the {role.name} has no memory size; set it, for instance 2048m, "
            f"or set {role.prefix}.memory.process.size in spec.flinkConfiguration",
        )
    metaspace = _bytes(conf, role.option("jvm-metaspace.size", "256m"))
    overhead = _between(conf, role, process * _overhead_fraction(conf, role), "jvm-overhead", ("192m", "1g"))
    if metaspace + overhead > process:
        taken = units.memory_text(metaspace + overhead)
        raise _too_small(role, f"JVM metaspace and overhead take {taken} of {units.memory_text(process)}")
    return process - metaspace - overhead


def _process_of(conf: Mapping[str, str], role: _Role, flink: int) -> int:
    process = options.get_bytes(conf, role.option("process.size"))
    if process is not None:
        return process
    base = flink + _bytes(conf, role.option("jvm-metaspace.size", "256m"))
    fraction = _overhead_fraction(conf, role)
    return base + _between(conf, role, base * fraction / (1 - fraction), "jvm-overhead", ("192m", "1g"))


def _network(conf: Mapping[str, str], role: _Role, base: int, *, inverse: bool) -> int:
    fraction = _fraction(conf, role.option("network.fraction", "0.1"))
    amount = base * fraction / (1 - fraction) if inverse else base * fraction
    return _between(conf, role, amount, "network", ("64m", f"{2**63 - 1}"))


def _between(conf: Mapping[str, str], role: _Role, amount: float, part: str, bounds: tuple[str, str]) -> int:
    low = _bytes(conf, role.option(f"{part}.min", bounds[0]))
    high = _bytes(conf, role.option(f"{part}.max", bounds[1]))
    if low > high:
        raise errors.Stalled(
            errors.Reason.ValidationError,
            f"spec.flinkConfiguration[{role.prefix}.memory.{part}.min] is larger than its maximum; "
            f"lower it or raise {role.prefix}.memory.{part}.max",
        )
    return int(min(max(amount, low), high))


def _overhead_fraction(conf: Mapping[str, str], role: _Role) -> float:
    return _fraction(conf, role.option("jvm-overhead.fraction", "0.1"))


def _fraction(conf: Mapping[str, str], option: Option) -> float:
    fraction = options.get_number(conf, option)
    if not 0 <= fraction < 1:
        raise errors.Stalled(
            errors.Reason.ValidationError,
            f"spec.flinkConfiguration[{option.key}]: {fraction} is not a fraction; write a number from 0 to below 1",
        )
    return fraction


def _bytes(conf: Mapping[str, str], option: Option) -> int:
    return options.get_bytes(conf, option) or 0


def _too_small(role: _Role, why: str) -> errors.Stalled:
    return errors.Stalled(
        errors.Reason.ValidationError,
        f"{role.spec_field}.resource.memory is too small: {why}; raise it (1024m is a workable minimum)",
    )
