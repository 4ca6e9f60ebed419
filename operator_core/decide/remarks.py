"""What is worth telling of a change and of the deployment that it begins, though nothing stands in its way.

Events, aggregated by reason or by generation. Decides nothing.
"""

from operator_core.conf import options
from operator_core.decide import observing, specdiff
from operator_core.decide.decisions import Event
from operator_core.decide.facts import Facts
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.wanted import Wanted
from operator_core.model import flinkversions

INGRESS = "IngressManagement"
_NOT_MANAGED = (
    "spec.ingress is set, but this operator does not manage Ingress objects (kubernetes.operator.ingress.manage)"
)


def changed(diff: specdiff.SpecDiff, generation: int) -> Event:
    """What a generation of the spec changes; one event of each."""
    return Event("Normal", "SpecChanged", diff.text, observing.JOB_MANAGER, key=f"SpecChange: {generation}")


def changed_while_suspended(facts: JobFacts[S], want: Wanted) -> tuple[Event, ...]:
    """What the spec of a suspended job changes, be it that it goes on."""
    diff = specdiff.classify(facts.last.spec if facts.last else {}, want.spec)
    return (changed(diff, want.generation),) if diff.type > specdiff.DiffType.IGNORE else ()


def at_deployment(facts: Facts, want: Wanted) -> tuple[Event, ...]:
    """All remarks about what is about to be deployed."""
    return (*asked_in_vain(facts, want), *_deprecated(want))


def asked_in_vain(facts: Facts, want: Wanted) -> tuple[Event, ...]:
    """An Ingress that is asked for and not made."""
    if want.spec.get("ingress") is None or options.get_bool(facts.conf, options.INGRESS_MANAGED):
        return ()
    return (Event("Warning", INGRESS, _NOT_MANAGED, observing.OPERATOR, key=INGRESS),)


def _deprecated(want: Wanted) -> tuple[Event, ...]:
    """The Java operator only logs it."""
    name = want.spec.get("flinkVersion")
    version = flinkversions.parse(name) if name else None
    if version is None or not version.is_deprecated:
        return ()
    reason = "DeprecatedFlinkVersion"
    return (Event("Warning", reason, flinkversions.deprecation(version), observing.OPERATOR, key=reason),)
