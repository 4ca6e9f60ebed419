"""Sync windows: times in which an app may or may not be synced.

Argo CD's rules ("Sync Windows"): an active deny window blocks; where allow windows exist, one must be active; a
request passes when every window in its way has `manualSync`; a sync that began while it was allowed goes on when
they have `syncOverrun`. Unlike there, a window's length is counted from its own start, so that a change of the
clocks moves nothing. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from gitsync.model import syncpolicies
from gitsync.model.projects import SyncWindow

_FOREVER = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class App:
    """What windows are matched against."""

    name: str
    namespace: str
    """The destination's."""
    clusters: tuple[str, ...] = ("https://kubernetes.default.svc", "in-cluster")


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why an app is not synced now, and when that may change."""

    reason: str
    until: datetime | None


def problem_of(window: SyncWindow) -> str:
    """What is wrong with a window; empty where nothing is."""
    try:
        CronSim(window.schedule, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        return f"the schedule {window.schedule!r} is no cron expression: {error}"
    try:
        syncpolicies.duration(window.duration)
    except ValueError as error:
        return str(error)
    try:
        ZoneInfo(window.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return f"the time zone {window.time_zone!r} is not known"
    return ""


def blocked(
    windows: Iterable[SyncWindow], app: App, now: datetime, *, requested: bool = False, begun: datetime | None = None
) -> Blocked | None:
    """Why `app` is not synced now; None when it may be. `begun`: when the sync under way began."""
    ours = [window for window in windows if matches(window, app)]
    for window in ours:
        problem = problem_of(window)
        if problem:
            return Blocked(f"a sync window cannot be read: {problem}", None)
    in_the_way = _in_the_way(ours, now)
    if not in_the_way:
        return None
    if requested and all(window.manual_sync for window in in_the_way):
        return None
    if begun is not None and all(window.sync_overrun for window in in_the_way) and not _in_the_way(ours, begun):
        return None
    until = min((moment for window in ours if (moment := _next_change(window, now))), default=None)
    return Blocked(_told(in_the_way[0], now), until)


def matches(window: SyncWindow, app: App) -> bool:
    """Whether a window is about an app: one of its lists, or with `andOperator` all that are given."""
    rows = (
        (window.applications, (app.name,)),
        (window.namespaces, (app.namespace,)),
        (window.clusters, app.clusters),
    )
    found = [any(fnmatchcase(value, glob) for glob in globs for value in values) for globs, values in rows if globs]
    return bool(found) and (all(found) if window.and_operator else any(found))


def _in_the_way(ours: list[SyncWindow], now: datetime) -> list[SyncWindow]:
    denying = [window for window in ours if window.kind == "deny" and _end(window, now) is not None]
    if denying:
        return denying
    allowing = [window for window in ours if window.kind == "allow"]
    return [] if any(_end(window, now) is not None for window in allowing) else allowing


def _end(window: SyncWindow, now: datetime) -> datetime | None:
    """When the window that is open now closes; None when it is not open."""
    length = syncpolicies.duration(window.duration)
    starts = CronSim(window.schedule, (now - length).astimezone(ZoneInfo(window.time_zone or "UTC")))
    last = None
    for start in starts:
        if start > now:
            break
        last = start
    return (last.astimezone(UTC) + length) if last is not None else None


def _next_change(window: SyncWindow, now: datetime) -> datetime | None:
    end = _end(window, now)
    if end is not None:
        return end
    start = next(CronSim(window.schedule, now.astimezone(ZoneInfo(window.time_zone or "UTC"))), None)
    return start.astimezone(UTC) if start is not None and start - now < _FOREVER else None


def _told(window: SyncWindow, now: datetime) -> str:
    end = _end(window, now)
    about = f" ({window.description})" if window.description else ""
    if window.kind == "deny" and end is not None:
        return f"a sync window denies it until {end:%Y-%m-%dT%H:%MZ}{about}"
    start = _next_change(window, now)
    when = f"; the next one opens at {start:%Y-%m-%dT%H:%MZ}" if start is not None else ""
    return f"no sync window that allows it is open{when}{about}"
