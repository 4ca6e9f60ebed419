"""What is worth telling when a deployment begins, though nothing stands in its way.

Warnings as events, aggregated by reason. Decides nothing.
"""

from operator_core.conf import options
from operator_core.decide import observing
from operator_core.decide.decisions import Event
from operator_core.decide.facts import Facts
from operator_core.decide.wanted import Wanted
from operator_core.model import flinkversions

INGRESS = "IngressManagement"
_NOT_MANAGED = (
    "spec.ingress is set, but this operator does not manage Ingress objects (kubernetes.operator.ingress.manage)"
)


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
