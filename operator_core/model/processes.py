"""CPU and memory of a JobManager or TaskManager as the spec states them, in Flink's terms.

`resources` (Kubernetes form: requests and limits) wins over the older `resource`; a missing request equals
its limit; a limit above the request becomes Flink's limit factor. Texts are what the Java operator writes.
Raises ValueError for a text that is not a quantity.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from operator_core.model import units
from operator_core.model.flinkdeployments import Resource, ResourceRequirements

_Amounts = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class ProcessSize:
    """Each None where the spec says nothing; factors only where a limit differs from its request."""

    memory_text: str | None = None
    cpu_text: str | None = None
    cpu_limit_factor: str | None = None
    memory_limit_factor: str | None = None


def size_of(resource: Resource | None, requirements: ResourceRequirements | None) -> ProcessSize:
    """The size that Flink's options should carry."""
    if requirements is not None and (requirements.requests or requirements.limits):
        return _from_requirements(requirements.requests, requirements.limits)
    if resource is None:
        return ProcessSize()
    return ProcessSize(
        memory_text=_memory_text(resource.memory) if resource.memory else None,
        cpu_text=units.java_double(resource.cpu) if resource.cpu is not None else None,
    )


def _memory_text(text: str) -> str:
    size = units.memory_bytes(text)
    return units.memory_text(size) if units.is_flink_memory(text) else str(size)


def _from_requirements(requests: _Amounts, limits: _Amounts) -> ProcessSize:
    memory = requests.get("memory", limits.get("memory"))
    cpu = requests.get("cpu", limits.get("cpu"))
    return ProcessSize(
        memory_text=_memory_text(str(memory)) if memory is not None else None,
        cpu_text=units.java_double(units.quantity(cpu)) if cpu is not None else None,
        cpu_limit_factor=_factor(cpu, limits.get("cpu"), units.quantity),
        memory_limit_factor=_factor(memory, limits.get("memory"), _memory),
    )


def _memory(amount: str | int) -> Fraction:
    return Fraction(units.memory_bytes(str(amount)))


def _factor(
    request: str | int | None,
    limit: str | int | None,
    read: Callable[[str | int], Fraction],
) -> str | None:
    if request is None or limit is None:
        return None
    asked, most = read(request), read(limit)
    return units.java_double(most / asked) if asked and most != asked else None
