"""Whether Argo CD Applications and ApplicationSets are within what gitsync follows.

Pure. A set is taken apart as far as its own text allows; what its git generators would find is in
repositories nobody looks into here, so templates are judged only where all parameters are known.
"""

from collections.abc import Iterator

from gitsync.render import applications, applicationsets, parametersets
from gitsync.render.applications import Refused
from gitsync.validate.findings import Severity, Trouble, steps_of
from operator_core.jsonvalues import Object

_ELSEWHERE = "(elsewhere)"


def troubles(body: Object) -> Iterator[Trouble]:
    """One warning per field that would keep the Application, or all of the set, from being followed."""
    if applications.is_application(body):
        answer: object = applications.translate(body, "validate")
    elif applicationsets.is_set(body):
        answer = applicationsets.expand(body, "validate", _look)
    else:
        return
    if isinstance(answer, Refused):
        for field, why in answer.reasons:
            if field != _ELSEWHERE:
                yield Trouble("application", Severity.warning, steps_of(field), f"{field} {why}; gitsync leaves it out")


def _look(url: str, revision: str) -> parametersets.Repository:
    raise parametersets.Refusal(_ELSEWHERE, f"{url} at {revision} is not looked into")
