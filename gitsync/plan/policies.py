"""Whether a plan is carried out or only shown: automation, requests, suspension.

As Argo CD decides (documentation, "Automated Sync Policy"): a revision that was applied whole is
applied again only to heal, and healing is a switch of its own. A suspended app writes nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from gitsync.model import syncapps
from gitsync.model.plans import Plan
from gitsync.model.syncapps import SyncApp
from gitsync.plan import syncrequests
from gitsync.plan.preparing import Place
from gitsync.plan.pruning import Budget, PrunePolicy


@dataclass(frozen=True, slots=True)
class CarryOut:
    """Write the plan; `request` is the id of the request that is served with it."""

    request: str | None


@dataclass(frozen=True, slots=True)
class OnlyCompare:
    """Write nothing, and say why."""

    reason: str


Carry = CarryOut | OnlyCompare


def pending_request(app: SyncApp) -> str | None:
    """The id of a sync request nobody served yet."""
    asked = app.sync_requested
    return asked if asked is not None and asked != app.status.handled_sync_request else None


def served_request(app: SyncApp, revision: str, revisions: tuple[str, ...] | None) -> str | None:
    """The request for which these commits are synced: one nobody served yet, or that of the sync under way."""
    asked, operation = pending_request(app), app.status.operation
    if asked is not None or operation is None:
        return asked
    return operation.request if operation.is_of(revision, revisions) and operation.goes_on else None


def prunes_on_request(app: SyncApp, revision: str, revisions: tuple[str, ...] | None) -> bool:
    """Whether somebody asked to delete what these commits do not have."""
    return syncrequests.prunes(served_request(app, revision, revisions))


def is_approved(app: SyncApp, revision: str) -> bool:
    """Whether a person approved of what a commit (full id) does; seven digits of it are enough."""
    named = (app.approved or "").split(" ")[0].lower()
    return len(named) >= syncapps.SHORTEST_COMMIT and revision.startswith(named)


def prune_policy(
    app: SyncApp,
    revision: str,
    *,
    guards_state: bool,
    by_snapshot: bool = False,
    budget: Budget | None = None,
    deletes_app: bool = False,
    asked: bool = False,
) -> PrunePolicy:
    """What the app allows to be deleted at `revision`; `asked`: somebody asked for it, whatever the policy says."""
    automated = app.spec.sync_policy.automated
    prune = automated is not None and automated.enabled and automated.prune
    pairs = (one.partition("=") for one in app.spec.sync_policy.sync_options)
    return PrunePolicy(
        prune or deletes_app or asked,
        deletes_app or (automated is not None and automated.allow_empty),
        guards_state,
        by_snapshot,
        options={name: text for name, _, text in pairs},
        approved=is_approved(app, revision),
        budget=budget,
        deletes_app=deletes_app,
    )


def place(app: SyncApp) -> Place:
    """Where the app's objects go and how strictly they are read."""
    policy = app.spec.sync_policy
    return Place(
        app.spec.destination.namespace,
        waits_for_kinds=policy.option("SkipDryRunOnMissingResource") == "true",
        validates=policy.option("Validate") != "false",
    )


def told_pin(app: SyncApp, now: datetime) -> tuple[str, ...]:
    """That the app does not follow its branch, until when and why; nothing where it does."""
    pin = app.pin
    if pin is None or not syncapps.is_live(pin.until, now):
        return ()
    until = f" until {pin.until:%Y-%m-%dT%H:%M:%SZ}" if pin.until is not None else ""
    return (f"rolled back{until}{': ' + pin.reason if pin.reason else ''}",)


def is_suspended(app: SyncApp, now: datetime) -> bool:
    """Whether the app is left alone now."""
    return app.suspension is not None and syncapps.is_live(app.suspension.until, now)


def decide(app: SyncApp, plan: Plan, now: datetime) -> Carry:
    """What to do with `plan`."""
    if app.suspension is not None and is_suspended(app, now):
        return OnlyCompare(f"suspended{': ' + app.suspension.reason if app.suspension.reason else ''}")
    request = pending_request(app)
    automated = app.spec.sync_policy.automated
    if served_request(app, plan.revision, plan.revisions) is not None:
        return CarryOut(request)
    if automated is None or not automated.enabled:
        return OnlyCompare("automated sync is off; ask for it with the annotation gitsync.io/sync-requested")
    was_applied = app.status.has_applied(plan.revision, plan.revisions, plan.aim)
    if was_applied and not automated.self_heal:
        return OnlyCompare("the cluster was changed and self-heal is off")
    return CarryOut(None)
