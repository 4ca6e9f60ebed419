"""Which snapshots of a job have outlived their use: by count and age, the Java operator's rules.

Only what the operator itself made goes: periodic and upgrade FlinkStateSnapshots, and the history in the status.
Never the newest complete one, one that is under way, one that somebody wants kept (`gitsync.io/kept-by`), or the one
that the job would be restored from. Files go with their record, unless the configuration says otherwise or Flink owns
them: nobody leaks a directory per upgrade.
"""

from datetime import datetime, timedelta

from operator_core.conf import options
from operator_core.decide import schedules, snapshotdeletions
from operator_core.decide.decisions import DeleteSnapshots, DisposeSavepoint, SnapshotKind, Step
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.snapshotrecords import KEPT_BY
from operator_core.jsonvalues import Object, dig
from operator_core.model.statuses import Savepoint

_MADE_BY_OPERATOR = ("PERIODIC", "UPGRADE")
_ENDED = ("COMPLETED", "ABANDONED", "FAILED")


def step(facts: JobFacts[S]) -> Step[S] | None:
    """Remove what has outlived its use; None when nothing has."""
    if not options.get_bool(facts.conf, options.SAVEPOINT_CLEANUP):
        return None
    for kind in ("savepoint", "checkpoint"):
        gone = outlived(facts, kind)
        if gone:
            names = tuple(str(each["metadata"]["name"]) for each in gone)
            return Step(DeleteSnapshots(names, dispose=_disposes(facts, kind)), facts.status)
    old = outlived_history(facts)
    return Step(DisposeSavepoint(str(old.location)), facts.status) if old is not None else None


def outlived(facts: JobFacts[S], kind: SnapshotKind) -> list[Object]:
    """The snapshot resources to remove, oldest first."""
    ours = sorted((each for each in facts.snapshots or () if _is_ours(each, kind)), key=_age_key)
    newest = next((each for each in reversed(ours) if _is_complete(each)), None)
    spare = [each for each in ours if each is not newest and not _is_needed(facts, each)]
    excess = len(ours) - _count(facts, kind)
    limit = _oldest(facts) if kind == "savepoint" else None
    return [
        each for number, each in enumerate(spare) if number < excess or (limit is not None and _created(each) < limit)
    ]


def outlived_history(facts: JobFacts[S]) -> Savepoint | None:
    """The oldest entry of the status' history that is to go; the newest entry never."""
    info = facts.status.job_status.savepoint_info
    complete = sum(
        1 for each in facts.snapshots or () if _is_complete(each) and dig(each, "spec", "savepoint") is not None
    )
    excess = len(info.savepoint_history) - max(1, _count(facts, "savepoint") - complete)
    limit = _oldest(facts).timestamp() * 1000
    for number, entry in enumerate(info.savepoint_history[:-1]):
        old = number < excess or entry.time_stamp < limit
        if old and entry.location and not snapshotdeletions.is_needed(facts, entry.location):
            return entry
    return None


def _is_ours(snapshot: Object, kind: SnapshotKind) -> bool:
    meta = snapshot["metadata"]
    made = (meta.get("labels") or {}).get("snapshot.trigger-type") in _MADE_BY_OPERATOR
    kept = bool((meta.get("annotations") or {}).get(KEPT_BY)) or bool(meta.get("deletionTimestamp"))
    ended = dig(snapshot, "status", "state") in _ENDED
    return made and ended and not kept and dig(snapshot, "spec", kind) is not None


def _is_complete(snapshot: Object) -> bool:
    return bool(dig(snapshot, "status", "state") == "COMPLETED")


def _is_needed(facts: JobFacts[S], snapshot: Object) -> bool:
    return snapshotdeletions.is_needed(facts, str(dig(snapshot, "status", "path") or ""))


def _age_key(snapshot: Object) -> tuple[datetime, int, str]:
    """Oldest first; names tell the order within one second."""
    name = str(snapshot["metadata"]["name"])
    stamp = name.rpartition("-")[2]
    return _created(snapshot), int(stamp) if stamp.isdigit() else 0, name


def _created(snapshot: Object) -> datetime:
    return schedules.instant(str(snapshot["metadata"]["creationTimestamp"]))


def _count(facts: JobFacts[S], kind: SnapshotKind) -> int:
    """How many are kept at most; at least one."""
    if kind == "checkpoint":
        return max(1, options.get_int(facts.last_conf, options.RETAINED_CHECKPOINTS))
    count = options.get_int(facts.conf, options.SAVEPOINT_HISTORY_COUNT)
    if options.is_set(facts.conf, options.SAVEPOINT_HISTORY_COUNT_LIMIT):
        count = min(count, options.get_int(facts.conf, options.SAVEPOINT_HISTORY_COUNT_LIMIT))
    return max(1, count)


def _oldest(facts: JobFacts[S]) -> datetime:
    """Savepoints from before this time go."""
    ages = [
        options.get_seconds(facts.conf, option)
        for option in (options.SAVEPOINT_HISTORY_AGE, options.SAVEPOINT_HISTORY_AGE_LIMIT)
    ]
    return facts.now - timedelta(seconds=min(age for age in ages if age is not None))


def _disposes(facts: JobFacts[S], kind: SnapshotKind) -> bool:
    """Whether files go with the resource although its own field does not say so.

    An explicit `savepoint.dispose-on-delete` is in the field already. Flink owns what it restored in claim mode.
    """
    if kind == "checkpoint" or options.is_set(facts.conf, options.SAVEPOINT_DISPOSE):
        return False
    return (options.get(facts.last_conf, options.CLAIM_MODE) or "NO_CLAIM").upper() == "NO_CLAIM"
