"""Trouble that comes and goes: its beginning is told at once, its end once it lasts.

Pure. The first end of a trouble is told at once too. When the trouble is back soon after, the app flaps, and each
further end is told only when the app was ready for a while, twice as long each time; a new commit begins anew. What
is known of it is in the status (`told`), so a restart counts on. The status itself always says what is.
"""

from datetime import datetime, timedelta

from gitsync.model import records
from gitsync.model.records import Phase, Record
from gitsync.model.syncstatuses import Condition, Status, Told

SOON = timedelta(minutes=5)
"""Trouble that is back sooner after its end was told makes the app flap."""
FIRST_HOLD = timedelta(minutes=1)
_MOST_DOUBLINGS = 4


def ready_of(status: Status) -> Condition | None:
    """The condition that people wait for."""
    return next((one for one in status.conditions if one.type == "Ready"), None)


def hold(turns: int) -> timedelta:
    """How long an app that flapped `turns` times has to be ready before that is told."""
    return FIRST_HOLD * 2 ** min(turns - 1, _MOST_DOUBLINGS) if turns > 0 else timedelta(0)


def left(told: Told | None, new: Status, now: datetime) -> float | None:
    """Seconds until the end of a trouble may be told; None where nothing is held back."""
    ready = ready_of(new)
    if told is None or not told.trouble or told.turns == 0 or ready is None or ready.status != "True":
        return None
    if new.attempted_revision != told.revision:
        return None
    rest = hold(told.turns) - (now - datetime.fromisoformat(ready.last_transition_time))
    return rest.total_seconds() if rest > timedelta(0) else None


def steadied(told: Told | None, record: Record | None, new: Status, now: datetime) -> Record | None:
    """The record, unless it only says that a commit which failed while the app flaps is well again."""
    if record is None or told is None or left(told, new, now) is None:
        return record
    recovers = told.revision == record.revision and told.phase == Phase.FAILED and record.phase is not Phase.FAILED
    return None if recovers else record


def turned(before: Told, trouble: str, revision: str, now: datetime) -> Told:
    """What is told, once the app's trouble is `trouble` (empty: there is none) at the commit `revision`."""
    if bool(before.trouble) == bool(trouble):
        return before.model_copy(update={"trouble": trouble})
    turns = before.turns if before.revision == revision else 0
    if trouble:
        soon = bool(before.turned) and now - datetime.fromisoformat(before.turned) < SOON
        turns = turns + 1 if soon and before.revision == revision else 0
    return before.model_copy(update={"trouble": trouble, "turns": turns, "turned": records.stamp(now)})
