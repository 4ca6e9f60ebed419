"""What a decision may want to know before it is made, and the mark of what nobody has looked at.

A `Need` names a dear look (a live read, a question to Flink); `NOT_READ` differs from None: the one says nobody
looked, the other says that a look found nothing.
"""

from enum import Enum, StrEnum
from typing import Final


class Unread(Enum):
    """The type of `NOT_READ`."""

    NOT_READ = "not read"


NOT_READ: Final = Unread.NOT_READ


class Need(StrEnum):
    """Something a decision wants to know before it is made."""

    LIVE_DEPLOYMENT = "live-deployment"
    HA_METADATA = "ha-metadata"
    JOB = "job"
    TRIGGER = "trigger"
    CHECKPOINTS = "checkpoints"
    FAILURE = "failure"
    VERSION = "version"
    CRASH_LOG = "crash-log"
    MOUNTS = "mounts"
    PREFLIGHT = "preflight"
    SESSION_JOBS = "session-jobs"
    RUNNING_JOBS = "running-jobs"
    EXCEPTIONS = "exceptions"
    LIVE_WORKERS = "live-workers"
    LIVE_SESSION = "live-session"
    RETENTION = "retention"
    METRICS = "metrics"
    CHECKPOINT_TRIGGER = "checkpoint-trigger"
    REQUIREMENTS = "requirements"
    STATE_LISTING = "state-listing"
    STORE_LISTING = "store-listing"
    NAMESPACE_ENDS = "namespace-ends"
