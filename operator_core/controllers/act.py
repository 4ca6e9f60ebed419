"""Carries out one decision: the only place where the world is changed.

Exhaustive over the union of decisions. A side effect follows its record at once; after a crash the next
pass finds the record and repeats or skips the effect, which is idempotent in every case (uid preconditions,
our own trigger and job ids, deterministic manifests). Decides nothing.
"""

import logging

from operator_core.controllers import clusteracts, observe, publish, snapshotresources
from operator_core.controllers.passes import Pass
from operator_core.controllers.world import World
from operator_core.decide import decisions, deploymentrecords, leftcheckpoints, snapshotrecords
from operator_core.decide.decisions import Step
from operator_core.decide.facts import Facts
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.flink import errors as flink_errors
from operator_core.flink import requests as flink_requests

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
                snapshotresources.create(world, run.resource, kept)
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
    if isinstance(effect, decisions.SubmitJob):
        raise TypeError("only session jobs are submitted")
    return effect


def _effect(world: World, run: Pass, facts: Facts, effect: decisions.SideEffect) -> None:
    match effect:
        case decisions.TriggerStop():
            trigger_stop(world, facts, effect)
        case decisions.CancelJob(job_id, required):
            cancel(world, facts, job_id, required=required)
        case decisions.RescaleJob():
            rescale(world, run, facts, effect)
        case decisions.DeleteCluster(cancel=str(job_id)):
            cancel(world, facts, job_id, required=False)
            clusteracts.perform(world, run, facts, effect)
        case (
            decisions.TriggerSavepoint()
            | decisions.TriggerCheckpoint()
            | decisions.NewSnapshot()
            | decisions.DeleteSnapshots()
            | decisions.DisposeSavepoint()
        ):
            snapshotresources.perform(world, run.resource, observe.address_of(facts), effect)
            if isinstance(effect, decisions.DisposeSavepoint):
                run.status = leftcheckpoints.disposed(snapshotrecords.disposed(run.status, effect.path), effect.path)
        case _:
            clusteracts.perform(world, run, facts, effect)


def rescale(world: World, run: Pass[S], facts: JobFacts[S], wanted: decisions.RescaleJob) -> None:
    """A refusal is no error: the next step upgrades the job instead."""
    try:
        world.flink.send(observe.address_of(facts), flink_requests.require(wanted))
    except flink_errors.FlinkError as error:
        log.info("%s/%s is not rescaled in place: %s", run.namespace, run.name, error.message)
        run.status = deploymentrecords.scaling_refused(run.status, wanted.generation)


def trigger_stop(world: World, facts: JobFacts[S], stop: decisions.TriggerStop) -> None:
    """Ask Flink to stop with a savepoint. Raises flink errors."""
    world.flink.send(observe.address_of(facts), flink_requests.stop(stop))
    world.reach("savepoint-triggered")


def cancel(world: World, facts: JobFacts[S], job_id: str, *, required: bool) -> None:
    """Ask Flink to cancel; a job that is not there is cancelled. Raises flink errors where `required`."""
    try:
        world.flink.send(observe.address_of(facts), flink_requests.cancel(job_id))
    except (flink_errors.JobNotFound, flink_errors.AlreadyEnded):
        return
    except (flink_errors.FlinkUnreachable, flink_errors.FlinkError):
        if required:
            raise
