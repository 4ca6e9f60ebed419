"""When the next snapshot of a running job is due, and why: a nonce, a request, a schedule.

Of a kind that is pending none is due; what a schedule missed is made up for once. How a snapshot is taken is decided
elsewhere.
"""

from operator_core.decide import schedules, snapshotrecords, verdicts
from operator_core.decide.decisions import SnapshotKind
from operator_core.decide.flinkfacts import Job
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.snapshotrecords import Due
from operator_core.jsonvalues import Object, dig

SNAPSHOT_REQUESTED = "gitsync.io/snapshot-requested"
"""Annotation that asks for a savepoint: an id, or an id and the word `checkpoint`."""
KINDS: tuple[SnapshotKind, ...] = ("savepoint", "checkpoint")
UNFINISHED = (None, "TRIGGER_PENDING", "IN_PROGRESS")
_PUNCTUAL = 0.01


def is_running(facts: JobFacts[S]) -> bool:
    """Whether Flink just said that all of the job runs."""
    return isinstance(facts.flink.job, Job) and facts.flink.job.reported_state == "RUNNING"


def pause(facts: JobFacts[S], seconds: float) -> float:
    """`seconds`, or less where a schedule asks for the next snapshot sooner."""
    if not is_running(facts):
        return seconds
    times = [due for kind in KINDS if (due := _next_scheduled(facts, kind)) is not None and not _is_busy(facts, kind)]
    return min([seconds, *(max(0.0, due / 1000 - facts.now.timestamp()) + _PUNCTUAL for due in times)])


def of(facts: JobFacts[S], spec: Object) -> Due | None:
    """A nonce before a request before a schedule; of a kind that is pending none."""
    free = [kind for kind in KINDS if snapshotrecords.pending(facts.status, kind) is None]
    for kind in free:
        nonce = dig(spec, "job", snapshotrecords.NONCES[kind])
        known = dig(facts.last.spec if facts.last else None, "job", snapshotrecords.NONCES[kind])
        if nonce is not None and nonce != known:
            return Due(kind, "MANUAL", nonce=int(nonce))
    asked = _request(facts)
    if asked is not None and asked.kind in free:
        return asked
    now = facts.now.timestamp() * 1000
    for kind in free:
        scheduled = _next_scheduled(facts, kind)
        if scheduled is not None and scheduled <= now and not _is_busy(facts, kind):
            return Due(kind, "PERIODIC", scheduled=_newest_missed(facts, kind, scheduled))
    return None


def _request(facts: JobFacts[S]) -> Due | None:
    """A status that keeps no conditions (older definitions of session jobs) cannot remember what was answered."""
    words = str(dig(facts.resource, "metadata", "annotations", SNAPSHOT_REQUESTED) or "").split()
    if not facts.status.conditions or not words or words[0] in verdicts.handled_requests(facts.status):
        return None
    return Due("checkpoint" if words[1:] == ["checkpoint"] else "savepoint", "MANUAL", request=words[0])


def _next_scheduled(facts: JobFacts[S], kind: SnapshotKind) -> int | None:
    """When the schedule asks for the next snapshot of a kind, in epoch milliseconds."""
    schedule = schedules.of(facts.conf, kind)
    return None if schedule is None else schedules.next_due(schedule, _last_scheduled(facts, kind))


def _newest_missed(facts: JobFacts[S], kind: SnapshotKind, scheduled: int) -> int:
    """The newest due time that has passed: what was missed is made up for once."""
    schedule = schedules.of(facts.conf, kind)
    now = int(facts.now.timestamp() * 1000)
    return scheduled if schedule is None else schedules.newest_due(schedule, scheduled, now)


def _last_scheduled(facts: JobFacts[S], kind: SnapshotKind) -> int:
    """What the next due time is counted from: the last one, else the creation of the resource."""
    born = schedules.instant(str(dig(facts.resource, "metadata", "creationTimestamp") or "1970-01-01T00:00:00Z"))
    made = [
        schedules.instant(str(resource["metadata"]["creationTimestamp"]))
        for resource in facts.snapshots or ()
        if _is_of(resource, kind, "PERIODIC") and resource["metadata"].get("creationTimestamp")
    ]
    recorded = snapshotrecords.last_periodic(facts.status, kind)
    if recorded:
        return recorded
    return int(max([born, *made]).timestamp() * 1000)


def _is_busy(facts: JobFacts[S], kind: SnapshotKind) -> bool:
    """Whether the schedule's snapshot before this one is still under way."""
    return any(
        _is_of(resource, kind, "PERIODIC") and dig(resource, "status", "state") in UNFINISHED
        for resource in facts.snapshots or ()
    )


def _is_of(resource: Object, kind: SnapshotKind, trigger: str) -> bool:
    labels = dig(resource, "metadata", "labels", default={})
    return labels.get("snapshot.trigger-type") == trigger and dig(resource, "spec", kind) is not None
