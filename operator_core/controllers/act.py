"""Carries out one decision: the only place where the world is changed.

Exhaustive over the union of decisions. A side effect follows its record at once; after a crash the next
pass finds the record and repeats or skips the effect, which is idempotent in every case (uid preconditions,
our own trigger and job ids, deterministic manifests). Decides nothing.
"""

import logging
from dataclasses import replace
from typing import assert_never

from operator_core.build import clusters
from operator_core.controllers import manifests, observe, publish
from operator_core.controllers.passes import Pass
from operator_core.controllers.world import FIELD_MANAGER, World
from operator_core.decide import decisions, records
from operator_core.decide.decisions import Step
from operator_core.decide.facts import Facts
from operator_core.errors import Reason, Stalled
from operator_core.flink import errors as flink_errors
from operator_core.flink import requests as flink_requests
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests

log = logging.getLogger(__name__)

_KINDS = {"Service": requests.SERVICES, "ConfigMap": requests.CONFIG_MAPS}
_JOB_GRAPHS = ("jobGraph-", "executionPlan-")


def perform(world: World, run: Pass, facts: Facts, step: Step) -> None:
    """Do what the step decided; `Look` and `Rest` belong to the pass. Raises kube and flink errors."""
    match step.decision:
        case decisions.Look() | decisions.Rest():
            raise TypeError("the pass itself looks and rests")
        case decisions.AddFinalizer():
            publish.finalizer(world, run, present=True)
        case decisions.Release(kept):
            if kept is not None:
                _keep(world, run, kept)
            publish.finalizer(world, run, present=False)
        case decisions.Record(failpoint, then):
            publish.status(world, run)
            if failpoint:
                world.reach(failpoint)
            if then is not None:
                _effect(world, run, facts, then)
        case effect:
            _effect(world, run, facts, effect)


def _keep(world: World, run: Pass, kept: decisions.KeptSavepoint) -> None:
    """Its name comes from the time of the savepoint, so that a repeat makes no second one."""
    body = manifests.kept_savepoint(run.name, run.namespace, kept)
    try:
        world.api.send(
            requests.create(requests.FLINK_STATE_SNAPSHOTS, run.namespace, body, field_manager=FIELD_MANAGER)
        )
    except errors.AlreadyExists:
        return
    except errors.NotFound:
        log.warning("FlinkStateSnapshots are not installed; the savepoint of %s is at %s", run.name, kept.path)


def _effect(world: World, run: Pass, facts: Facts, effect: decisions.SideEffect) -> None:
    match effect:
        case decisions.TriggerStop():
            world.flink.send(observe.address_of(facts), flink_requests.stop(effect))
            world.reach("savepoint-triggered")
        case decisions.CancelJob(job_id, required):
            _cancel(world, facts, job_id, required=required)
        case decisions.ScaleToZero():
            _scale_to_zero(world, run, effect)
        case decisions.DeleteCluster(uid, cancel):
            if cancel:
                _cancel(world, facts, cancel, required=False)
            _delete_cluster(world, run, uid)
        case decisions.DeleteHaMetadata(names):
            _delete_config_maps(world, run, names)
        case decisions.CreateCluster():
            _create(world, run, facts, effect)
        case decisions.FinishCluster(cluster, uid):
            _finish(world, run, facts, cluster, uid)
        case _:
            assert_never(effect)


def _cancel(world: World, facts: Facts, job_id: str, *, required: bool) -> None:
    try:
        world.flink.send(observe.address_of(facts), flink_requests.cancel(job_id))
    except (flink_errors.JobNotFound, flink_errors.AlreadyEnded):
        return
    except (flink_errors.FlinkUnreachable, flink_errors.FlinkError):
        if required:
            raise


def _scale_to_zero(world: World, run: Pass, wanted: decisions.ScaleToZero) -> None:
    meta: Object = {"uid": wanted.uid}
    if wanted.version:
        meta["resourceVersion"] = wanted.version
    if wanted.mark:
        meta["annotations"] = {wanted.mark: "true"}
    patch = {"metadata": meta, "spec": {"replicas": 0}}
    request = requests.merge_patch(requests.DEPLOYMENTS, run.namespace, run.name, patch, field_manager=FIELD_MANAGER)
    world.deployments.observed(world.api.send(request))


def _delete_cluster(world: World, run: Pass, uid: str) -> None:
    """Foreground: the name is free only when ReplicaSet and pods are gone, so nothing of the old runs on."""
    request = requests.delete(requests.DEPLOYMENTS, run.namespace, run.name, uid=uid, propagation="Foreground")
    try:
        answer = world.api.send(request)
    except errors.NotFound:
        world.deployments.forget(run.namespace, run.name)
    else:
        if answer.get("kind") == "Deployment":
            world.deployments.observed(answer)
    world.reach("deployment-deleted")


def _delete_config_maps(world: World, run: Pass, names: tuple[str, ...]) -> None:
    for name in names:
        try:
            world.api.send(requests.delete(requests.CONFIG_MAPS, run.namespace, name))
        except errors.NotFound:
            continue


def _create(world: World, run: Pass, facts: Facts, cluster: decisions.CreateCluster) -> None:
    made = manifests.of(world, facts, cluster)
    if cluster.last_state:
        _drop_job_graphs(world, run)
    request = requests.create(requests.DEPLOYMENTS, run.namespace, made.jobmanager, field_manager=FIELD_MANAGER)
    try:
        created = world.api.send(request)
    except errors.AlreadyExists:
        return
    except errors.Invalid as error:
        raise Stalled(
            Reason.ValidationError, f"the API server refuses the JobManager Deployment: {error.message}"
        ) from error
    world.deployments.observed(created)
    world.reach("deployment-created")
    _finish(world, run, facts, cluster, str(dig(created, "metadata", "uid")))


def _finish(world: World, run: Pass, facts: Facts, cluster: decisions.CreateCluster, uid: str) -> None:
    made = manifests.of(world, facts, cluster)
    for body in clusters.owned_by(made.owned, uid):
        world.api.send(requests.apply(_KINDS[body["kind"]], body, field_manager=FIELD_MANAGER))
    world.reach("owned-created")
    world.flink.reset(run.namespace, run.name)
    run.status = records.deployed(replace(facts, status=run.status))


def _drop_job_graphs(world: World, run: Pass) -> None:
    """Remove compiled job graphs, so that a last-state restart compiles the changed job anew."""
    name = f"{run.name}-cluster-config-map"
    try:
        live = world.api.send(requests.get(requests.CONFIG_MAPS, run.namespace, name))
    except errors.NotFound:
        return
    stale = [key for key in live.get("data") or {} if key.startswith(_JOB_GRAPHS)]
    if stale:
        patch: Object = {"data": dict.fromkeys(stale)}
        world.api.send(requests.merge_patch(requests.CONFIG_MAPS, run.namespace, name, patch))
