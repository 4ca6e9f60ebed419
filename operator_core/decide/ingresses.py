"""When a cluster's Ingress is made, changed or removed, and when the record says so.

It never touches the job: the Java operator deploys a job again for it, which is why the change enters the record of
what is deployed here, so that a hand-over finds no difference. Looks at no live object.
"""

from typing import Final

from operator_core.decide import deploymentrecords, remarks, steps
from operator_core.decide.decisions import ApplyIngress, RemoveIngress, Step
from operator_core.decide.facts import Facts, IngressState
from operator_core.decide.wanted import Wanted

SETTLED: Final = IngressState()


def step(facts: Facts, want: Wanted) -> Step | None:
    """What a standing cluster's Ingress asks for; None: nothing."""
    if facts.ingress.due:
        return Step(ApplyIngress(), facts.status)
    if facts.ingress.superfluous is not None:
        return Step(RemoveIngress(facts.ingress.superfluous), facts.status)
    status = deploymentrecords.with_ingress(facts, want.spec.get("ingress"))
    if status == facts.status:
        return None
    return steps.record(facts, status, None, events=remarks.asked_in_vain(facts, want))
