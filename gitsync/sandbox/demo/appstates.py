"""Reads a SyncApp the way a person does: is it done with a commit, and if not, what does it say?

Pure functions over the object as the API server gives it.
"""

from __future__ import annotations

from operator_core.jsonvalues import Object, dig

UNDER_WAY = ("Applying", "Progressing", "Missing", "WaitingForKind")


def condition(app: Object, type_: str) -> Object | None:
    """One condition of the status."""
    conditions = dig(app, "status", "conditions", default=[])
    return next((each for each in conditions if each.get("type") == type_), None)


def is_ready_at(app: Object | None, sha: str) -> bool:
    """Whether everything of the commit `sha` is applied and healthy."""
    ready = condition(app, "Ready") if app else None
    return (
        ready is not None
        and ready.get("status") == "True"
        and dig(app, "status", "attemptedRevision") == sha
        and dig(app, "status", "sync", "revision") == sha
    )


def complaint_at(app: Object | None, sha: str) -> str | None:
    """What the app says against the commit `sha`; None while it says nothing or still works on it."""
    if app is None or dig(app, "status", "attemptedRevision") != sha:
        return None
    return complaint(app)


def complaint(app: Object | None) -> str | None:
    """Why the app is not ready, where that is more than being under way."""
    ready = condition(app, "Ready") if app else None
    if ready is None or ready.get("status") != "False" or ready.get("reason") in UNDER_WAY:
        return None
    return str(ready.get("message", "")) or None
