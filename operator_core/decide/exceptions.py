"""Which exceptions of a job become events, and that none is told twice.

The Java operator's rule (JobException events, newest first, so many per pass, so many lines each) with the memory in
the status instead of the process (`memories`), which keeps how far the history was told and when it was looked at last.
Flink is asked only after the state of some task changed, so that a job that runs well costs nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from operator_core.conf import options
from operator_core.decide import memories
from operator_core.decide.decisions import Event
from operator_core.decide.flinkfacts import Job, JobException
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Unread
from operator_core.model.statuses import CommonStatus

TOLD = "exceptions-told"
"""Key of what is remembered: "<ms of the newest exception told> <ms of the newest change of a task looked at>"."""
_RECENT_MS = 30 * 60 * 1000
_TELLING_STATES = frozenset(("RUNNING", "RESTARTING", "FAILING", "FAILED"))
_KEY_LIMIT = 63 - len("failure-label-")


@dataclass(frozen=True, slots=True)
class Memory:
    """How far the history was told (`told`) and looked at (`looked`), in epoch ms."""

    told: int
    looked: int


def memory(status: CommonStatus, now: datetime) -> Memory:
    """What the status remembers; a job nobody looked at yet is told about from half an hour ago on."""
    told, _, looked = memories.of(status).get(TOLD, "").partition(" ")
    if told.isdigit() and looked.isdigit():
        return Memory(int(told), int(looked))
    return Memory(int(now.timestamp() * 1000) - _RECENT_MS, 0)


def are_due(facts: JobFacts[S], job: Job) -> bool:
    """Whether something happened to a task since the last look, and Flink was not asked in this step."""
    if not isinstance(facts.flink.exceptions, Unread) or job.reported_state not in _TELLING_STATES:
        return False
    if options.get_int(facts.conf, options.EXCEPTION_EVENTS) <= 0 or not memories.are_kept(facts.status):
        return False
    return job.modified > memory(facts.status, facts.now).looked


def told(facts: JobFacts[S], status: S) -> tuple[S, tuple[Event, ...]]:
    """The status that remembers what is told now, and the events that tell it."""
    found, job = facts.flink.exceptions, facts.flink.job
    if not isinstance(found, tuple) or not isinstance(job, Job):
        return status, ()
    before = memory(facts.status, facts.now)
    limit = options.get_int(facts.conf, options.EXCEPTION_EVENTS)
    new = [each for each in found if each.timestamp > before.told][:limit]
    after = Memory(max((each.timestamp for each in new), default=before.told), job.modified)
    info = {**memories.of(status), TOLD: f"{after.told} {after.looked}"}
    lines = options.get_int(facts.conf, options.EXCEPTION_LINES)
    return memories.remembering(status, info), tuple(_event(each, lines) for each in new)


def _event(exception: JobException, lines: int) -> Event:
    message = shortened(exception.trace, lines)
    return Event(
        "Warning",
        "JobException",
        message,
        "Job",
        key=f"jobmanager-exception-{message}",
        annotations=_annotations(exception),
    )


def shortened(trace: str, lines: int) -> str:
    """The first lines of a stack trace and how many there are more."""
    kept = trace.splitlines()
    more = len(kept) - lines
    note = [f"... ({more} more lines)"] if more > 0 else []
    return "\n".join([*kept[:lines], *note]).strip()


def _annotations(exception: JobException) -> tuple[tuple[str, str], ...]:
    moment = datetime.fromtimestamp(exception.timestamp / 1000, UTC)
    stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    pairs = [("exception-timestamp", stamp)]
    named = (("task-name", exception.task), ("endpoint", exception.endpoint), ("tm-id", exception.task_manager))
    pairs += [(name, value) for name, value in named if value]
    pairs += [(f"failure-label-{_key(name)}", value) for name, value in exception.labels]
    return tuple(pairs)


def _key(name: str) -> str:
    """A label's name as a part of an annotation's name (Kubernetes: letters, digits, '-', '_', '.')."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "-" for char in name)
    return plain[:_KEY_LIMIT].rstrip("-_.") or "unnamed"
