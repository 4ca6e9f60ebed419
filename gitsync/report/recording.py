"""The record a pass leaves of a commit, from what it found and the status it wrote. Pure."""

from collections.abc import Mapping
from datetime import datetime

from gitsync.model.identities import AppName, Identity
from gitsync.model.records import Record
from gitsync.model.syncstatuses import Status
from gitsync.plan import health, phases
from gitsync.report import conditions, status
from gitsync.report.findings import Findings, is_whole
from operator_core.decide.plans import Effect
from operator_core.errors import Reason
from operator_core.jsonvalues import Object


def record(
    cluster: str, name: AppName, findings: Findings, new: Status, live: Mapping[Identity, Object], now: datetime
) -> Record | None:
    """The record of the commit that was attempted; None while there is nothing to tell of it.

    A commit is broken when it cannot be applied, not when its repository or the API server cannot be
    reached for a while.
    """
    why = _why_broken(findings)
    plan = findings.plan
    revision = findings.attempted if why is not None or plan is None else plan.revision
    if revision is None or not (findings.is_newest or why is not None):
        return None
    kept = _effects(findings, new, live)
    verdict = health.aggregate(findings.assessed)
    progress = phases.Progress(revision, why, is_whole(findings), verdict, live, kept, findings.held_back)
    return phases.record(cluster, name, progress, now)


def _effects(findings: Findings, new: Status, live: Mapping[Identity, Object]) -> dict[Identity, str]:
    """What the commit did to each job: nothing when it did not change it or was not applied, or it was rejected.

    The inventory says which commit changed an object last; what a former one did is that one's to tell.
    """
    if findings.is_newest and findings.plan is not None:
        changed = {entry.id for entry in new.inventory if entry.revision == findings.plan.revision}
        told = {status.identity_of(row): row.effect for row in new.resources}
        return {one: (effect if str(one) in changed else None) or Effect.NONE.value for one, effect in told.items()}
    rejected = {p.object for p in findings.problems if p.reason == Reason.ValidationError}
    return {one: (Effect.REJECTED if one.shown in rejected else Effect.NONE).value for one in live}


def _why_broken(findings: Findings) -> tuple[str, str] | None:
    if findings.attempted is None or not (findings.stalled or findings.refused):
        return None
    if not findings.problems:
        return None
    return findings.problems[0].reason, conditions.problems_text(findings)
