"""Carries out one decision: the only place where the world is changed.

Exhaustive over the union of decisions. A side effect follows its record at once; after a crash the next
pass finds the record and repeats or skips the effect, which is idempotent in every case (uid preconditions,
our own trigger and job ids, deterministic manifests). Decides nothing.
"""

import logging

from operator_core.controllers import clusteracts, manifests, observe, publish
from operator_core.controllers.passes import Pass
from operator_core.controllers.world import FIELD_MANAGER, World
from operator_core.decide import decisions
from operator_core.decide.decisions import Step
from operator_core.decide.facts import Facts
from operator_core.flink import errors as flink_errors
from operator_core.flink import requests as flink_requests
from operator_core.kube import errors, requests

log = logging.getLogger(__name__)


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
                _effect(world, run, facts, _of_a_cluster(then))
        case effect:
            _effect(world, run, facts, _of_a_cluster(effect))


def _of_a_cluster(effect: decisions.SideEffect | decisions.SessionEffect) -> decisions.SideEffect:
    if isinstance(effect, decisions.SubmitJob | decisions.ForgetJob):
        raise TypeError("only session jobs are submitted")
    return effect


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
        case decisions.DeleteCluster(cancel=str(job_id)):
            _cancel(world, facts, job_id, required=False)
            clusteracts.perform(world, run, facts, effect)
        case _:
            clusteracts.perform(world, run, facts, effect)


def _cancel(world: World, facts: Facts, job_id: str, *, required: bool) -> None:
    try:
        world.flink.send(observe.address_of(facts), flink_requests.cancel(job_id))
    except (flink_errors.JobNotFound, flink_errors.AlreadyEnded):
        return
    except (flink_errors.FlinkUnreachable, flink_errors.FlinkError):
        if required:
            raise
