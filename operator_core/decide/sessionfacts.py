"""Everything one step of a pass over a FlinkSessionJob knows, as one frozen value.

The job has no cluster of its own: what is seen of the session cluster that it names is part of the facts, and so
is what the lane that submits jobs says. Members that `jobfacts.JobFacts` names mean the same as for a
FlinkDeployment. Holds no rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from operator_core.decide.facts import Ids, Predecessor
from operator_core.decide.flinkfacts import Flink
from operator_core.decide.needs import NOT_READ, Unread
from operator_core.jsonvalues import Object
from operator_core.model.flinkdeployments import FlinkDeploymentSpec
from operator_core.model.flinksessionjobs import FlinkSessionJob, FlinkSessionJobStatus
from operator_core.model.lastspecs import LastSpec


@dataclass(frozen=True, slots=True)
class Session:
    """The session cluster: its FlinkDeployment from the cache and, where asked for, live; its JobManager."""

    name: str
    resource: Object | None
    deployment: Object | None
    pods: tuple[Object, ...]
    spec: FlinkDeploymentSpec | None = None
    live: Object | Unread | None = NOT_READ


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The lane fetches, uploads or runs the jar of this job id; `tries` failed before, `unsent`: all for certain."""

    job_id: str
    tries: int = 0
    unsent: bool = True


@dataclass(frozen=True, slots=True)
class SubmissionFailed:
    """The newest try for this job id failed; `certain` when Flink cannot have got it, `unsent` by none of the tries."""

    job_id: str
    cause: str
    certain: bool
    tries: int
    at: datetime
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """Flink accepted this job id and will list it."""

    job_id: str
    at: datetime


Submission = UnderWay | SubmissionFailed | Sent | None
"""None: this process knows of no try that failed or goes on."""


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """All a decision may look at. `conf` and `last_conf` are the session cluster's with the job's own above."""

    resource: Object
    parsed: FlinkSessionJob | None
    invalid: str | None
    status: FlinkSessionJobStatus
    last: LastSpec | None
    conf: Mapping[str, str]
    last_conf: Mapping[str, str]
    session: Session
    submission: Submission
    now: datetime
    ids: Ids
    flink: Flink = field(default_factory=Flink)
    snapshots: tuple[Object, ...] | None = None
    predecessor: Predecessor | None = None
    namespace_ends: bool | Unread = NOT_READ

    @property
    def name(self) -> str:
        """The resource's name."""
        return str(self.resource["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The resource's namespace, and its cluster's."""
        return str(self.resource["metadata"]["namespace"])

    @property
    def cluster_name(self) -> str:
        """The session cluster's id."""
        return self.session.name

    @property
    def cluster_spec(self) -> FlinkDeploymentSpec | None:
        """The spec that the session cluster was deployed with, or is to be."""
        return self.session.spec

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
        """The session cluster's JobManager Deployment."""
        return self.session.deployment

    @property
    def pods(self) -> tuple[Object, ...]:
        """The session cluster's JobManager pods."""
        return self.session.pods
