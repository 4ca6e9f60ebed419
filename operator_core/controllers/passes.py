"""The state of one pass over a resource: what was read, what is in memory, what was last written.

Facts are made anew for every step of the pass, so that a step never decides on what an earlier step
changed. Reading caches only; live reads and Flink are `observe.look`.
"""

from dataclasses import dataclass
from typing import Generic

from typing_extensions import TypeVar

from operator_core.build import names
from operator_core.controllers.world import ObjectCache, World
from operator_core.decide import renames
from operator_core.decide.facts import Facts, Ids, Predecessor
from operator_core.decide.needs import NOT_READ
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.model import flinkdeployments
from operator_core.model.resources import Wire
from operator_core.model.statuses import FlinkDeploymentStatus

StatusT = TypeVar("StatusT", bound=Wire, default=FlinkDeploymentStatus)


@dataclass(frozen=True, slots=True)
class Place:
    """Where resources of one kind are written, and what their finalizer is called."""

    kind: requests.Resource
    finalizer: str
    cache: ObjectCache


@dataclass(slots=True)
class Pass(Generic[StatusT]):
    """`status` is the working copy; `known` and `written` are what the API server has, parsed and raw."""

    resource: Object
    status: StatusT
    known: StatusT
    written: Object
    place: Place
    ingress_tried: bool = False

    @property
    def namespace(self) -> str:
        """The resource's namespace."""
        return str(self.resource["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """The resource's name."""
        return str(self.resource["metadata"]["name"])


def begin(world: World, resource: Object) -> Pass:
    """A pass over what the cache shows. A status nobody can read raises Stalled."""
    written = resource.get("status") or {}
    status = flinkdeployments.parse({"metadata": resource["metadata"], "status": written}).status
    place = Place(requests.FLINK_DEPLOYMENTS, flinkdeployments.FINALIZER, world.resources)
    return Pass(resource=resource, status=status, known=status, written=written, place=place)


def facts(world: World, run: Pass) -> Facts:
    """All that is known without asking anybody."""
    reading = world.readings.of(run.resource, run.status.reconciliation_status, world.defaults)
    return Facts(
        resource=run.resource,
        parsed=reading.parsed,
        invalid=reading.invalid,
        status=run.status,
        last=reading.last,
        last_spec=reading.last_spec,
        conf=reading.conf,
        last_conf=reading.last_conf,
        deployment=world.deployments.get(run.namespace, run.name),
        workers=world.deployments.get(run.namespace, names.task_manager(run.name)),
        live_deployment=NOT_READ,
        pods=world.pods(run.namespace, run.name),
        worker_pods=world.worker_pods(run.namespace, run.name),
        ha=NOT_READ,
        preflight=NOT_READ,
        crash_log=NOT_READ,
        now=world.clock.now(),
        ids=Ids(job=world.new_id(), trigger=world.new_id()),
        snapshots=snapshots_of(world, run),
        predecessor=predecessor_of(world, run),
    )


def snapshots_of(world: World, run: Pass[StatusT]) -> tuple[Object, ...] | None:
    """The FlinkStateSnapshots that name the job; None where the cluster does not have the kind."""
    if world.snapshots is None:
        return None
    return world.snapshots.of(str(run.resource["kind"]), run.namespace, run.name)


def predecessor_of(world: World, run: Pass[StatusT]) -> Predecessor | None:
    """What the job says it was before it was renamed."""
    name = renames.name_before(run.resource)
    if not name:
        return None
    there = run.place.cache.get(run.namespace, name)
    taken = world.snapshots.of(str(run.resource["kind"]), run.namespace, name) if world.snapshots is not None else None
    deleting = bool(dig(there, "metadata", "deletionTimestamp"))
    return Predecessor(name, exists=there is not None, deleting=deleting, snapshots=taken or ())
