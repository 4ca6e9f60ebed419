"""When periodic snapshots are due: an interval or a Quartz cron expression, counted from the status.

Intervals stay on a grid: the next time follows from the last due time, not from when the snapshot was taken, so
that nothing drifts. What was missed is made up for once. Time is an argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from operator_core.conf import options, quartz
from operator_core.errors import Reason, Stalled
from operator_core.model import units

if TYPE_CHECKING:
    # Checks before a merge read schedules and decide nothing: loading every decision would take half of their time.
    from operator_core.decide.decisions import SnapshotKind


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval in milliseconds."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Cron:
    """A Quartz expression in a time zone."""

    expression: quartz.Expression
    zone: tzinfo


Schedule = Every | Cron


def of(conf: Mapping[str, str], kind: "SnapshotKind") -> Schedule | None:
    """The schedule of a configuration that was accepted, perhaps by another operator: an unreadable one is none."""
    try:
        return read(conf, kind)
    except Stalled:
        return None


def read(conf: Mapping[str, str], kind: "SnapshotKind") -> Schedule | None:
    """The schedule that a configuration sets for a kind; None where it is switched off. Raises Stalled."""
    option = options.PERIODIC_SAVEPOINT_INTERVAL if kind == "savepoint" else options.PERIODIC_CHECKPOINT_INTERVAL
    text = options.get(conf, option)
    return _parsed(text.strip(), options.get(conf, options.PERIODIC_TIME_ZONE) or "UTC", option.key) if text else None


@lru_cache(maxsize=1024)
def _parsed(text: str, zone: str, key: str) -> Schedule | None:
    try:
        milliseconds = int(units.duration_seconds(text) * 1000)
    except ValueError:
        return Cron(_cron(text, key), _zone(zone))
    return Every(milliseconds) if milliseconds > 0 else None


def _cron(text: str, key: str) -> quartz.Expression:
    try:
        return quartz.parse(text)
    except ValueError as error:
        raise Stalled(
            Reason.ValidationError,
            f"spec.flinkConfiguration[{key}]: {text!r} is neither a duration nor a Quartz cron expression ({error}); "
            "write for instance 1 h or '0 0 * * * ?' (seconds come first)",
        ) from error


def _zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Stalled(
            Reason.ValidationError,
            f"spec.flinkConfiguration[{options.PERIODIC_TIME_ZONE.key}]: {name!r} is not a time zone known here; "
            "write for instance Europe/Berlin or UTC",
        ) from error


def next_due(schedule: Schedule, last: int) -> int | None:
    """The first due time after `last`, in epoch milliseconds; None when there is none any more."""
    match schedule:
        case Every(milliseconds):
            return last + milliseconds
        case Cron(expression, zone):
            return _next_cron(expression, zone, last)


@lru_cache(maxsize=1024)
def _next_cron(expression: quartz.Expression, zone: tzinfo, last: int) -> int | None:
    found = expression.after(datetime.fromtimestamp(last / 1000, UTC), zone)
    return None if found is None else int(found.timestamp() * 1000)


def newest_due(schedule: Schedule, due: int, now: int) -> int:
    """What to record as the last due time when `due` has passed: the newest one that has."""
    match schedule:
        case Every(milliseconds):
            return due + max(0, now - due) // milliseconds * milliseconds
        case Cron():
            return max(due, now)


def instant(text: str) -> datetime:
    """An ISO instant as Kubernetes and the Java operator write it."""
    return datetime.fromisoformat(text)
