"""Whether a FlinkDeployment can be deployed as it is written, before anything is touched.

The Java operator's rules in its order (its DefaultValidator), plus those it leaves to a crash later: every
finding is one sentence with the field, what is wrong and what to do. `advice` is what deploys but may
surprise. A resource that fails keeps its running job on the last good spec; that is the controller's part.
"""

from operator_core.conf.defaults import Defaults
from operator_core.decide import (
    autoscalerrules,
    candidates,
    optionrules,
    processrules,
    rulings,
    specrules,
    templaterules,
)
from operator_core.decide.candidates import Rule
from operator_core.model.flinkdeployments import FlinkDeployment
from operator_core.model.lastspecs import LastSpec

_RULES: tuple[Rule, ...] = (
    specrules.name_is_a_cluster_id,
    specrules.version_is_supported,
    optionrules.keys_are_allowed,
    optionrules.options_fit_together,
    specrules.ingress_is_usable,
    specrules.log_files_are_known,
    specrules.job_can_start,
    specrules.state_can_be_kept,
    processrules.job_manager_fits,
    processrules.task_manager_fits,
    specrules.change_is_possible,
    specrules.service_account_is_set,
    autoscalerrules.autoscaler_is_in_range,
    optionrules.values_are_readable,
    templaterules.templates_are_deployable,
)


def validate(deployment: FlinkDeployment, last: LastSpec | None, defaults: Defaults) -> tuple[str, ...]:
    """Every finding, the first failing rule first; empty: valid.

    `last` is the last reconciled spec, None before the first deployment; `defaults` what holds below
    every resource.
    """
    return rulings.findings(_RULES, candidates.candidate(deployment, last, defaults))


def advice(deployment: FlinkDeployment, defaults: Defaults) -> tuple[str, ...]:
    """What is valid but likely not meant; nothing is refused for it."""
    return rulings.findings((optionrules.advice,), candidates.candidate(deployment, None, defaults))
