"""Validation rules about JobManager and TaskManager: replicas, CPU, memory, Kubernetes resources.

Memory is checked with Flink's own arithmetic (`conf.memory`), so a size that Flink would refuse at start is
refused here.
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Final

from operator_core.conf import memory, options
from operator_core.decide.candidates import Candidate
from operator_core.model import processes, units
from operator_core.model.flinkdeployments import JobManagerSpec, ResourceRequirements, TaskManagerSpec

_COMPARED: Final = ("cpu", "memory")


def job_manager_fits(candidate: Candidate) -> Iterator[str]:
    role = candidate.spec.job_manager
    replicas = role.replicas if role else 1
    if replicas < 1:
        yield f"spec.jobManager.replicas must be at least 1 (it is {replicas}); to stop the job use spec.job.state"
    if replicas > 1 and not options.has_high_availability(candidate.conf):
        yield (
            f"spec.jobManager.replicas: {replicas} JobManagers need high availability; set "
            "high-availability.type: kubernetes and high-availability.storageDir, or 1 replica"
        )
    yield from _process(candidate, "jobManager", role, memory.job_manager_process_bytes)


def task_manager_fits(candidate: Candidate) -> Iterator[str]:
    role = candidate.spec.task_manager
    if role is not None and role.replicas is not None and role.replicas < 1:
        yield (
            f"spec.taskManager.replicas must be at least 1 (it is {role.replicas}); remove it to have it derived "
            "from the parallelism"
        )
    yield from _process(candidate, "taskManager", role, memory.task_manager_process_bytes)


def _process(
    candidate: Candidate,
    name: str,
    role: JobManagerSpec | TaskManagerSpec | None,
    needed: Callable[[Mapping[str, str]], int],
) -> Iterator[str]:
    findings = list(_amounts(f"spec.{name}", role)) if role else []
    yield from findings
    if findings:
        return
    size = processes.size_of(role.resource, role.resources) if role else processes.ProcessSize()
    key = f"{name.lower()}.memory.process.size"
    needed(dict(candidate.conf) | ({key: size.memory_text} if size.memory_text else {}))


def _amounts(path: str, role: JobManagerSpec | TaskManagerSpec) -> Iterator[str]:
    resource = role.resource
    if resource is not None:
        if resource.cpu is not None and resource.cpu <= 0:
            yield f"{path}.resource.cpu: {resource.cpu:g} is no CPU at all; write for instance 0.5 or 1"
        if resource.memory is not None:
            yield from _unreadable(f"{path}.resource.memory", units.memory_bytes, resource.memory)
        if resource.ephemeral_storage is not None:
            yield from _unreadable(f"{path}.resource.ephemeralStorage", units.quantity, resource.ephemeral_storage)
    if role.resources is not None:
        yield from _requirements(f"{path}.resources", role.resources)


def _requirements(path: str, requirements: ResourceRequirements) -> Iterator[str]:
    values: dict[tuple[str, str], Fraction] = {}
    for kind, amounts in (("requests", requirements.requests), ("limits", requirements.limits)):
        for name, amount in amounts.items():
            field = f"{path}.{kind}[{name}]"
            problems = list(_unreadable(field, _reader(name), str(amount)))
            yield from problems
            if problems:
                continue
            values[kind, name] = Fraction(_reader(name)(str(amount)))
            if values[kind, name] < 0 or (name in _COMPARED and values[kind, name] == 0):
                yield f"{field}: {amount} is too little; write an amount above 0"
    for name in _COMPARED:
        asked, most = values.get(("requests", name)), values.get(("limits", name))
        if asked is not None and most is not None and asked > most:
            yield f"{path}.requests[{name}] is larger than its limit; lower it or raise {path}.limits[{name}]"


def _reader(name: str) -> Callable[[str], int | Fraction]:
    return units.memory_bytes if name == "memory" else units.quantity


def _unreadable(field: str, read: Callable[[str], object], text: str) -> Iterator[str]:
    try:
        read(text)
    except ValueError as error:
        yield f"{field}: {error}"
