"""Objects that are asked to go and are still there: what they wait for, and since when that is too long.

Pure. The API server keeps an object whose `metadata.finalizers` is not empty after its deletion was accepted
(Kubernetes, "Finalizers"); whoever set a finalizer must end it. Who never does is named after a while, with the way
out. Nothing is taken out by force: a finalizer may guard the state of a job.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gitsync.model.identities import Identity
from gitsync.model.plans import Deletion, Keep, Plan, Prune, Removal
from operator_core.jsonvalues import Object, dig

BLOCKED_AFTER = timedelta(minutes=5)
_WAYS_OUT = {
    "flink.apache.org": "the Flink operator ends it when the job has ended; the object's conditions say what is left",
    "foregroundDeletion": "an object that it owns is still there",
    "kubernetes.io/pvc-protection": "a pod still uses it",
    "kubernetes.io/pv-protection": "a claim still holds it",
    "gitsync.io/cascade": "objects of that app are still there; the app's conditions say which",
}


def of(live: Object) -> Deletion | None:
    """The deletion of an object that was asked to go; None when nobody asked."""
    stamp = dig(live, "metadata", "deletionTimestamp")
    if stamp is None:
        return None
    finalizers = dig(live, "metadata", "finalizers", default=[]) or []
    return Deletion(datetime.fromisoformat(str(stamp)), tuple(map(str, finalizers)))


def keep(identity: Identity, version: str, deletion: Deletion, wave: int = 0) -> Keep:
    """The row of an object that is on its way out."""
    return Keep(identity, version, told(deletion), blocks=False, awaits="deletion", deletion=deletion, wave=wave)


def after(plan: Plan, answers: Mapping[Identity, Object]) -> Plan:
    """The plan once its deletions were accepted; `answers` are the objects that the API server still has."""
    return replace(plan, removals=tuple(_after(one, answers) for one in plan.removals))


def _after(one: Removal, answers: Mapping[Identity, Object]) -> Removal:
    deletion = of(answers.get(one.identity, {}))
    return keep(one.identity, one.resource.version, deletion, one.wave) if isinstance(one, Prune) and deletion else one


def pending(plan: Plan | None) -> tuple[Keep, ...]:
    """What is on its way out and still there, the longest first."""
    found = [one for one in plan.removals if isinstance(one, Keep) and one.deletion is not None] if plan else []
    return tuple(sorted(found, key=lambda one: _since(one)))


def is_blocked(one: Keep, now: datetime) -> bool:
    """Whether an object is on its way out for too long."""
    return one.deletion is not None and bool(one.deletion.finalizers) and now - one.deletion.since >= BLOCKED_AFTER


def next_look(found: Iterable[Keep], now: datetime) -> float | None:
    """Seconds until the first of them is blocked; None when none becomes so."""
    left = [(_since(one) + BLOCKED_AFTER - now).total_seconds() for one in found if not is_blocked(one, now)]
    return max(0.1, min(left)) if left else None


def told(deletion: Deletion) -> str:
    """What an object on its way out waits for."""
    waits = f"; waits for the finalizer {', '.join(deletion.finalizers)}" if deletion.finalizers else ""
    return f"being deleted{waits}"


def told_blocked(one: Keep, now: datetime) -> str:
    """Which finalizer holds an object back for too long, and the way out."""
    deletion = one.deletion
    if deletion is None:
        return f"{one.identity.shown} is kept: {one.reason}"
    minutes = int((now - deletion.since).total_seconds() // 60)
    names = ", ".join(deletion.finalizers)
    hints = dict.fromkeys(hint for name in deletion.finalizers if (hint := _way_out(name)))
    what = (
        "; ".join(hints) or "whoever set it must end it, or take it out of metadata.finalizers if that is gone for good"
    )
    return f"{one.identity.shown} is being deleted for {minutes} minutes; the finalizer {names} blocks it: {what}"


def _way_out(finalizer: str) -> str:
    return next((hint for part, hint in _WAYS_OUT.items() if part in finalizer), "")


def _since(one: Keep) -> datetime:
    return one.deletion.since if one.deletion is not None else datetime.max
