"""Health of one object, and of an app as the worst of its objects.

Statuses from best to worst: Healthy, Suspended, Progressing, Missing, Degraded, Unknown (Argo CD's
words and order). A kind without a rule has no health; an object that is not there does not count
while others are, because OutOfSync already says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitsync.model.identities import Identity
from gitsync.model.plans import Step, Unchanged
from gitsync.plan import annotations, flinkhealth, healthrules, identities
from gitsync.plan.healthrules import Verdict
from operator_core.jsonvalues import Object, dig

_RULES = {**healthrules.RULES, **flinkhealth.RULES}
_WORSE = {
    status: rank
    for rank, status in enumerate(("Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"))
}
_CULPRITS = 3


@dataclass(frozen=True, slots=True)
class Assessed:
    """One object of an app with its health; None where its kind has no rule."""

    identity: Identity
    verdict: Verdict | None
    place: str = ""
    """`file:line` in Git."""


def assess(obj: Object | None) -> Verdict | None:
    """The health of one live object; Missing when there is none."""
    if obj is None:
        return Verdict("Missing", "not in the cluster")
    rule = _RULES.get((identities.group_of(str(obj.get("apiVersion", ""))), str(obj.get("kind", ""))))
    if dig(obj, "metadata", "deletionTimestamp") is not None:
        return Verdict("Progressing", "being deleted")
    return rule(obj) if rule is not None else None


def of_step(step: Step, live: Mapping[Identity, Object]) -> Verdict | None:
    """The health that counts for going on after a step's object; none where it says so or where it is over."""
    if annotations.ignores_health(step.desired.body):
        return None
    if isinstance(step, Unchanged) and step.desired.identity not in live:
        return None
    return assess(live.get(step.desired.identity))


def is_settled(verdict: Verdict) -> bool:
    """Whether nothing has to happen any more for it to be what Git asked for."""
    return verdict.status in ("Healthy", "Suspended")


def aggregate(assessed: Iterable[Assessed]) -> Verdict:
    """The app's health: its worst object, and up to three objects that cause it."""
    known = [(one, one.verdict) for one in assessed if one.verdict is not None]
    present = [(one, verdict) for one, verdict in known if verdict.status != "Missing"]
    counted = present or known
    if not counted:
        return healthrules.HEALTHY
    worst = max((verdict.status for _, verdict in counted), key=lambda status: _WORSE[status])
    if worst in ("Healthy", "Suspended"):
        return Verdict(worst)
    culprits = [_culprit(one, verdict) for one, verdict in counted if verdict.status == worst]
    more = len(culprits) - _CULPRITS
    return Verdict(worst, "; ".join(culprits[:_CULPRITS]) + (f"; and {more} more" if more > 0 else ""))


def _culprit(one: Assessed, verdict: Verdict) -> str:
    """What is wrong with an object; where it is in Git only when somebody has to go there."""
    place = f"{one.place}: " if one.place and verdict.status == "Degraded" else ""
    return f"{place}{one.identity.shown}: {verdict.message}"
