"""Makes and deletes FlinkStateSnapshots, triggers and disposes of snapshots, whichever kind of resource has the job.

The one place for manual, periodic, upgrade and deletion snapshots. The name tells a repeat from a new one, the
trigger id a repeated trigger. Decides nothing.
"""

import logging

from operator_core.build import snapshots
from operator_core.controllers.world import FIELD_MANAGER, World
from operator_core.decide.decisions import (
    DeleteSnapshots,
    DisposeSavepoint,
    NewSnapshot,
    SnapshotEffect,
    TriggerCheckpoint,
    TriggerSavepoint,
)
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
        case TriggerSavepoint() | TriggerCheckpoint():
            trigger(world, address, effect)
        case DeleteSnapshots(names, dispose):
            for name in names:
                _delete(world, str(job["metadata"]["namespace"]), name, dispose=dispose)
        case DisposeSavepoint(path):
            world.flink.send(address, flink_requests.dispose(path))


def trigger(world: World, address: Address, effect: TriggerSavepoint | TriggerCheckpoint) -> None:
    """Ask Flink for a snapshot. Raises flink errors."""
    taking = (
        flink_requests.take_savepoint(effect)
        if isinstance(effect, TriggerSavepoint)
        else flink_requests.take_checkpoint(effect)
    )
    world.flink.send(address, taking)
    world.reach("snapshot-triggered")


def _delete(world: World, namespace: str, name: str, *, dispose: bool) -> None:
    """Its finalizer does the rest."""
    kind = requests.FLINK_STATE_SNAPSHOTS
    try:
        if dispose:
            patch: Object = {"spec": {"savepoint": {"disposeOnDelete": True}}}
            world.api.send(requests.merge_patch(kind, namespace, name, patch, field_manager=FIELD_MANAGER))
        answer = world.api.send(requests.delete(kind, namespace, name))
    except errors.NotFound:
        answer = {}
    if world.snapshots is None:
        return
    if answer.get("kind") == kind.kind:
        world.snapshots.changed(answer)
    else:
        world.snapshots.forget(namespace, name)


def create(world: World, job: Object, snapshot: NewSnapshot) -> None:
    """The snapshot of a job's resource exists afterwards, unless the cluster lacks the kind or its namespace ends."""
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
    except errors.NamespaceEnding:
        log.warning("%s is being deleted and cannot hold %s: %s", namespace, body["metadata"]["name"], snapshot.path)
        return
    if world.snapshots is not None:
        world.snapshots.changed(made)
    world.reach("snapshot-created")
