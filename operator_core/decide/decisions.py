"""What a step of a pass may decide: a closed union, carried out by one exhaustive match (controllers.act).

A `Step` is the decision, the status as the step leaves it (in memory, written at the end of the pass
unless the decision is a write-ahead `Record`) and the events worth telling. Holds no rule.
"""

from dataclasses import dataclass
from typing import Generic, Literal

from operator_core.decide.flinkfacts import Bounds
from operator_core.decide.jobfacts import S
from operator_core.decide.needs import Need
from operator_core.decide.statestores import ListStores
from operator_core.jsonvalues import Object
from operator_core.model.statuses import TriggerType

SnapshotKind = Literal["savepoint", "checkpoint"]


@dataclass(frozen=True, slots=True)
class Look:
    """Gather more facts, then decide again."""

    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """End the pass; come back after `seconds` (None: only when something changes)."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Make sure that a deletion waits for us."""


@dataclass(frozen=True, slots=True)
class TriggerStop:
    """Ask Flink to stop the job with a savepoint under a recorded trigger id (idempotent)."""

    job_id: str
    trigger_id: str
    directory: str | None
    format_type: str
    drain: bool


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Ask Flink to cancel the job; `required` False: failures are as good as success."""

    job_id: str
    required: bool


@dataclass(frozen=True, slots=True)
class ScaleToZero:
    """Take the JobManager's pods away but keep the Deployment with this uid.

    `version` is a resourceVersion that must still hold, `mark` an annotation to leave on the Deployment.
    """

    uid: str
    version: str | None = None
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteCluster:
    """Delete the JobManager Deployment with this uid and all it owns; `cancel` names a job to cancel first.

    `workers` is the uid of a TaskManager Deployment to be deleted with it.
    """

    uid: str
    cancel: str | None
    workers: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteWorkers:
    """Delete the TaskManager Deployment with this uid."""

    uid: str


@dataclass(frozen=True, slots=True)
class ScaleWorkers:
    """Have this many TaskManagers in the Deployment with this uid."""

    uid: str
    replicas: int


@dataclass(frozen=True, slots=True)
class CreateWorkers:
    """Create the TaskManager Deployment of a deployed spec."""

    spec: Object


@dataclass(frozen=True, slots=True)
class ApplyIngress:
    """Make the Ingress what the resource's spec asks for."""


@dataclass(frozen=True, slots=True)
class RemoveIngress:
    """Delete the Ingress with this uid."""

    uid: str


@dataclass(frozen=True, slots=True)
class DeleteHaMetadata:
    """Delete these ConfigMaps of Flink's high availability."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateCluster:
    """Create the JobManager Deployment that the status records, and what it owns."""

    spec: Object
    generation: int
    job_id: str
    savepoint_path: str | None
    last_state: bool


@dataclass(frozen=True, slots=True)
class FinishCluster:
    """The Deployment with this uid exists: make sure of what it owns."""

    cluster: CreateCluster
    uid: str


@dataclass(frozen=True, slots=True)
class NewSnapshot:
    """A FlinkStateSnapshot of the job to create, without owner: it outlives the job.

    Its name is made of kind, trigger and `stamp` (epoch milliseconds), so that a repeat makes no second one.
    `path` is the savepoint that exists already, or the directory a new one goes to. `kept_by` says who must let go
    of it before retention may remove it.
    """

    kind: SnapshotKind
    trigger: TriggerType
    stamp: int
    path: str | None = None
    format_type: str = "CANONICAL"
    already_exists: bool = False
    dispose_on_delete: bool = False
    kept_by: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Record what state is left behind as an ownerless FlinkStateSnapshot, then remove the finalizer.

    `forget` names a job to take out of the HA metadata of its session cluster first, while no JobManager reads it.
    """

    kept: NewSnapshot | None = None
    forget: str | None = None


@dataclass(frozen=True, slots=True)
class TriggerSavepoint:
    """Ask Flink for a savepoint of a job that goes on running, under a recorded trigger id (idempotent)."""

    job_id: str
    trigger_id: str
    directory: str | None
    format_type: str


@dataclass(frozen=True, slots=True)
class TriggerCheckpoint:
    """Ask Flink for a checkpoint under a recorded trigger id (idempotent); `type` FULL, INCREMENTAL or CONFIGURED."""

    job_id: str
    trigger_id: str
    type: str


@dataclass(frozen=True, slots=True)
class DeleteSnapshots:
    """Delete FlinkStateSnapshots of the job that have outlived their use; `dispose`: their files too."""

    names: tuple[str, ...]
    dispose: bool


@dataclass(frozen=True, slots=True)
class DisposeSavepoint:
    """Have Flink delete a savepoint in the status' history, or a checkpoint left behind, then take it out of there."""

    path: str


SnapshotEffect = TriggerSavepoint | TriggerCheckpoint | NewSnapshot | DeleteSnapshots | DisposeSavepoint
"""What is done for a snapshot of a running job, whichever kind of resource has the job."""


@dataclass(frozen=True, slots=True)
class RescaleJob:
    """Set the bounds of the parallelism of a job's vertices; a refusal is remembered for `generation`."""

    job_id: str
    bounds: tuple[tuple[str, Bounds], ...]
    generation: int


BesideEffect = DeleteWorkers | ScaleWorkers | CreateWorkers | ApplyIngress | RemoveIngress


@dataclass(frozen=True, slots=True)
class StartListing:
    """Have a pod with the job's own volumes list the states below some directories; an older listing makes room."""

    spec: Object
    directories: tuple[str, ...]
    purpose: str


@dataclass(frozen=True, slots=True)
class EndListing:
    """Remove the pod that listed them, forget what stores said."""


ListingEffect = StartListing | ListStores | EndListing
ClusterEffect = (
    ScaleToZero | DeleteCluster | DeleteHaMetadata | CreateCluster | FinishCluster | BesideEffect | ListingEffect
)
SideEffect = TriggerStop | CancelJob | RescaleJob | ClusterEffect | SnapshotEffect


@dataclass(frozen=True, slots=True)
class SubmitJob:
    """Have the lane submit a session job under its recorded id: fetch its jar, upload it, run it, remove it.

    `configuration` is what the run sets beyond the cluster's own, by key; `parallelism` 0 leaves it to the cluster.
    """

    job_id: str
    jar_uri: str | None
    entry_class: str | None
    args: tuple[str, ...]
    parallelism: int
    savepoint_path: str | None
    allow_non_restored: bool
    configuration: tuple[tuple[str, str], ...]
    flink_version: str | None


SessionEffect = TriggerStop | CancelJob | SubmitJob | RescaleJob | SnapshotEffect
"""What a session job does: it never touches its cluster."""


@dataclass(frozen=True, slots=True)
class Record:
    """Write the step's status before anything else happens, then carry out `then`.

    `failpoint` names the record for tests that kill the process right after it.
    """

    failpoint: str | None
    then: SideEffect | SessionEffect | None


Decision = Look | Rest | AddFinalizer | Record | Release | SideEffect | SessionEffect


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes Event about the resource; `key` tells repeats apart instead of the message."""

    type: str
    reason: str
    message: str
    component: str
    key: str | None = None
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """One decision with what it leaves behind; `Step` alone is that of a FlinkDeployment."""

    decision: Decision
    status: S
    events: tuple[Event, ...] = ()
