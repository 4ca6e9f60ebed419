"""Makes FlinkStateSnapshots and triggers snapshots, whichever kind of resource has the job.

The one place for manual, periodic, upgrade and deletion snapshots. The name tells a repeat from a new one, the
trigger id a repeated trigger. Decides nothing.
"""

import logging

from operator_core.build import snapshots
from operator_core.controllers.world import FIELD_MANAGER, World
from operator_core.decide.decisions import NewSnapshot, SnapshotEffect, TriggerCheckpoint, TriggerSavepoint
from operator_core.flink import requests as flink_requests
from operator_core.flink.rest import Address
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests

log = logging.getLogger(__name__)


def perform(world: World, job: Object, address: Address, effect: SnapshotEffect) -> None:
    """Do what was decided for a snapshot of a job's resource. Raises kube and flink errors."""
    match effect:
        case NewSnapshot():
            create(world, job, effect)
        case TriggerSavepoint():
            world.flink.send(address, flink_requests.take_savepoint(effect))
            world.reach("snapshot-triggered")
        case TriggerCheckpoint():
            world.flink.send(address, flink_requests.take_checkpoint(effect))
            world.reach("snapshot-triggered")


def create(world: World, job: Object, snapshot: NewSnapshot) -> None:
    """The snapshot of a job's resource exists afterwards, unless the cluster does not have the kind."""
    meta = job["metadata"]
    namespace = str(meta["namespace"])
    body = snapshots.build(str(job["kind"]), str(meta["name"]), namespace, snapshot)
    request = requests.create(requests.FLINK_STATE_SNAPSHOTS, namespace, body, field_manager=FIELD_MANAGER)
    try:
        made = world.api.send(request)
    except errors.AlreadyExists:
        made = world.api.send(requests.get(requests.FLINK_STATE_SNAPSHOTS, namespace, body["metadata"]["name"]))
    except errors.NotFound:
        log.warning("FlinkStateSnapshots are not installed: %s is not recorded", body["metadata"]["name"])
        return
    if world.snapshots is not None:
        world.snapshots.created(made)
    world.reach("snapshot-created")
