"""Everything one step of a pass over a FlinkDeployment knows, as one frozen value.

Facts are gathered by the shell: cheap ones (caches) always, dear ones (live reads, Flink's REST)
only after a decision asked for them with a `Need`. `NOT_READ` therefore differs from None: the one
says nobody looked, the other says that a look found nothing. Holds no rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final, Literal

from operator_core.jsonvalues import Object
from operator_core.model.flinkdeployments import FlinkDeployment, FlinkDeploymentSpec
from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import FlinkDeploymentStatus


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
class Listing:
    """Complete checkpoints and savepoints below the job's directories: paths and when they were complete (epoch ms).

    `purpose` says what the listing is for, `state` how it fares; failed where the directories cannot be listed.
    """

    purpose: str
    state: Literal["pending", "done", "failed"]
    found: tuple[tuple[str, int], ...] = ()


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
class HaMetadata:
    """Live list of the HA ConfigMaps of a cluster; `with_checkpoint` when one points to a checkpoint."""

    names: tuple[str, ...]
    with_checkpoint: bool


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


@dataclass(frozen=True, slots=True)
class IngressState:
    """`due`: the Ingress is not as the spec asks for it; `superfluous`: uid of ours that it does not ask for."""

    due: bool = False
    superfluous: str | None = None


@dataclass(frozen=True, slots=True)
class Ids:
    """Fresh random ids a decision may use up (32 hexadecimal digits each)."""

    job: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All a decision may look at. `deployment` and `pods` come from caches unless `live` is set.

    `session_jobs` are the FlinkSessionJobs that refer to this resource, by a live list; `workers` is the
    TaskManagers' Deployment of a standalone cluster.
    `snapshots` are the FlinkStateSnapshots that name this job; None where the cluster does not serve the kind.
    """

    resource: Object
    parsed: FlinkDeployment | None
    invalid: str | None
    status: FlinkDeploymentStatus
    last: LastSpec | None
    last_spec: FlinkDeploymentSpec | None
    conf: Mapping[str, str]
    last_conf: Mapping[str, str]
    deployment: Object | None
    live_deployment: Object | Unread | None
    pods: tuple[Object, ...]
    ha: HaMetadata | Unread
    preflight: str | Unread | None
    crash_log: str | Unread | None
    now: datetime
    ids: Ids
    flink: Flink = field(default_factory=Flink)
    session_jobs: tuple[Object, ...] | Unread = NOT_READ
    workers: Object | None = None
    live_workers: Object | Unread | None = NOT_READ
    ingress: IngressState = field(default_factory=IngressState)
    snapshots: tuple[Object, ...] | None = None
    listing: Listing | Unread | None = NOT_READ

    @property
    def name(self) -> str:
        """The resource's name, which is the cluster's id too."""
        return str(self.resource["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The resource's namespace."""
        return str(self.resource["metadata"]["namespace"])

    @property
    def cluster_name(self) -> str:
        """The id of the Flink cluster the job runs on: an application has one of its own."""
        return self.name

    @property
    def cluster_spec(self) -> FlinkDeploymentSpec | None:
        """The spec that this cluster was deployed with."""
        return self.last_spec

    @property
    def generation(self) -> int:
        """metadata.generation of what was read."""
        return int(self.resource["metadata"].get("generation") or 0)

    @property
    def deleting(self) -> bool:
        """Whether somebody asked for the resource's deletion."""
        return bool(self.resource["metadata"].get("deletionTimestamp"))

    @property
    def cluster(self) -> Object | None:
        """The JobManager Deployment: the live read where there was one, else the cache's."""
        return self.deployment if isinstance(self.live_deployment, Unread) else self.live_deployment
