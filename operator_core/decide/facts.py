"""Everything one step of a pass over a FlinkDeployment knows, as one frozen value.

Facts are gathered by the shell: cheap ones (caches) always, dear ones (live reads, Flink's REST)
only after a decision asked for them with a `Need`. What Flink says is in `flinkfacts`. Holds no rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from operator_core.decide.flinkfacts import Flink
from operator_core.decide.needs import NOT_READ, Unread
from operator_core.jsonvalues import Object
from operator_core.model.flinkdeployments import FlinkDeployment, FlinkDeploymentSpec
from operator_core.model.lastspecs import LastSpec
from operator_core.model.statuses import FlinkDeploymentStatus


@dataclass(frozen=True, slots=True)
class Listing:
    """Complete checkpoints and savepoints below the job's directories: paths and when they were complete (epoch ms).

    `purpose` says what the listing is for, `state` how it fares; failed where the directories cannot be listed.
    Of a store's `cause` says why it failed, `ended` when (epoch ms).
    """

    purpose: str
    state: Literal["pending", "done", "failed"]
    found: tuple[tuple[str, int], ...] = ()
    cause: str = ""
    ended: int = 0


@dataclass(frozen=True, slots=True)
class HaMetadata:
    """Live list of the HA ConfigMaps of a cluster; `with_checkpoint` when one points to a checkpoint."""

    names: tuple[str, ...]
    with_checkpoint: bool


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The resource whose job this one says to go on with, and the FlinkStateSnapshots that name it."""

    name: str
    exists: bool
    deleting: bool
    snapshots: tuple[Object, ...] = ()


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
    `worker_pods` are the pods of TaskManagers with which something is wrong.
    `unmounted` is what events say of volumes that cannot be mounted.
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
    worker_pods: tuple[Object, ...] = ()
    live_workers: Object | Unread | None = NOT_READ
    ingress: IngressState = field(default_factory=IngressState)
    snapshots: tuple[Object, ...] | None = None
    listing: Listing | Unread | None = NOT_READ
    store_listing: Listing | Unread | None = NOT_READ
    unmounted: str | Unread | None = NOT_READ
    predecessor: Predecessor | None = None
    namespace_ends: bool | Unread = NOT_READ

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
