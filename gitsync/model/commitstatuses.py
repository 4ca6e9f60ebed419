"""What a forge shows beside a commit: the record of a commit in the few words that forges have for it.

Pure. One context per app and cluster (`gitsync/<cluster>/<app>`), so that a commit shows one line per app. Neither
message nor jobs leave here but for what a person reads in one line; secrets are masked as in every record.
"""

from dataclasses import dataclass
from enum import StrEnum

from gitsync.model import records
from gitsync.model.records import Phase, Record

LONGEST_DESCRIPTION = 140
"""Characters, as GitHub cuts them off."""


class State(StrEnum):
    """How far a commit is, before a forge's own words for it."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"
    OVERTAKEN = "overtaken"


_STATES = {
    Phase.PENDING: State.PENDING,
    Phase.APPLIED: State.RUNNING,
    Phase.RUNNING: State.SUCCESS,
    Phase.STABLE: State.SUCCESS,
    Phase.FAILED: State.FAILURE,
    Phase.SUPERSEDED: State.OVERTAKEN,
}


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """One line beside one commit."""

    sha: str
    context: str
    state: State
    description: str


def context_of(cluster: str, app: str) -> str:
    """The name under which a forge keeps the line of an app."""
    return f"gitsync/{cluster}/{app}"


def of_record(record: Record) -> CommitStatus:
    """The line that says what `record` says."""
    words = f"{record.phase.value}: {records.masked(record.message)}" if record.message else record.phase.value
    text = " ".join(words.split())
    short = text if len(text) <= LONGEST_DESCRIPTION else text[: LONGEST_DESCRIPTION - 1] + "…"
    return CommitStatus(record.revision, context_of(record.cluster, record.app), _STATES[record.phase], short)
