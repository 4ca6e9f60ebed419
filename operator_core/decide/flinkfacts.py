"""What Flink's REST says of a job and its cluster, as frozen values.

Times are epoch milliseconds of the JobManager's clock. What nobody asked for is `NOT_READ`, what could not be had
`Unreachable`. Holds no rule, and knows neither requests nor JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from operator_core.decide.needs import NOT_READ, Unread


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Flink's REST did not answer; `why` is for people, `lasting` when it has not for a while."""

    why: str
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One entry of Flink's /jobs/overview; times in epoch milliseconds, `end` -1 while it runs.

    `modified` is when the state of any of its tasks changed last.
    """

    id: str
    name: str
    state: str
    start: int
    end: int
    tasks_total: int
    tasks_settled: int
    modified: int = 0

    @property
    def reported_state(self) -> str:
        """RUNNING only when every task runs or has finished; CREATED until then (as the Java operator)."""
        return "CREATED" if self.state == "RUNNING" and self.tasks_settled < self.tasks_total else self.state


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A completed checkpoint or savepoint; `trigger_timestamp` in epoch ms of the JobManager's clock."""

    id: int
    path: str
    trigger_timestamp: int
    is_savepoint: bool
    is_terminal: bool
    size: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What /jobs/:id/checkpoints says. `newest` and `restored` leave out what Flink discarded.

    `checkpoint` is the newest that is no savepoint, `pending_since` when the one under way was triggered (epoch ms).
    """

    enabled: bool
    completed: int
    newest: Snapshot | None
    restored: Snapshot | None
    checkpoint: Snapshot | None = None
    pending_since: int | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """What Flink says it is (/config)."""

    version: str
    revision: str


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a job FAILED: in one line, and as Flink's stack trace."""

    summary: str
    trace: str


@dataclass(frozen=True, slots=True)
class JobException:
    """One entry of a job's exception history; `timestamp` in epoch ms, `labels` of Flink's failure enrichers."""

    timestamp: int
    trace: str
    task: str | None = None
    endpoint: str | None = None
    task_manager: str | None = None
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The parallelism a vertex needs at least and uses at most."""

    lower: int
    upper: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counters of the run that goes on: restarts of the job, completed checkpoints; None: not told yet."""

    restarts: int | None
    completed: int | None


@dataclass(frozen=True, slots=True)
class TriggerPending:
    """The snapshot is being taken."""


@dataclass(frozen=True, slots=True)
class TriggerUnknown:
    """Flink does not know the trigger id."""


@dataclass(frozen=True, slots=True)
class TriggerCompleted:
    """The snapshot is complete at `location`."""

    location: str


@dataclass(frozen=True, slots=True)
class TriggerFailed:
    """The snapshot failed; `cause` is one line."""

    cause: str


Trigger = TriggerPending | TriggerUnknown | TriggerCompleted | TriggerFailed


@dataclass(frozen=True, slots=True)
class Flink:
    """What Flink's REST said during this step; `running` are the ids of all jobs that have not ended,
    `retains` whether cancelling the job would leave its newest checkpoint behind."""

    job: Job | Unreachable | Unread | None = NOT_READ
    trigger: Trigger | Unreachable | Unread = NOT_READ
    checkpoints: Checkpoints | Unreachable | Unread = NOT_READ
    failure: JobFailure | Unreachable | Unread | None = NOT_READ
    version: Version | Unreachable | Unread = NOT_READ
    running: tuple[str, ...] | Unreachable | Unread = NOT_READ
    exceptions: tuple[JobException, ...] | Unreachable | Unread = NOT_READ
    retains: bool | Unreachable | Unread = NOT_READ
    metrics: Metrics | Unreachable | Unread = NOT_READ
    checkpoint_trigger: Trigger | Unreachable | Unread = NOT_READ
    requirements: Mapping[str, Bounds] | Unreachable | Unread = NOT_READ
