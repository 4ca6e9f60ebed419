"""Carries out one decision about a session job: the only place where its world is changed.

As `act` for FlinkDeployments; a session job never touches its cluster's objects, but for taking a deleted job out of HA
metadata that no JobManager reads any more. Decides nothing.
"""

import logging

from operator_core.controllers import act, observe, publish, snapshotresources, submissionlane
from operator_core.controllers.sessionpasses import SessionPass
from operator_core.controllers.sessionworld import SessionWorld
from operator_core.controllers.submissionlane import Work
from operator_core.decide import decisions, snapshotrecords
from operator_core.decide.sessionfacts import SessionFacts
from operator_core.decide.sessionstops import SessionStep
from operator_core.kube import errors, requests

log = logging.getLogger(__name__)

_GRAPHS = ("jobGraph-{}", "executionPlan-{}")


def perform(session: SessionWorld, run: SessionPass, facts: SessionFacts, step: SessionStep) -> None:
    """Do what the step decided; `Look` and `Rest` belong to the pass. Raises kube and flink errors."""
    match step.decision:
        case decisions.Look() | decisions.Rest():
            raise TypeError("the pass itself looks and rests")
        case decisions.AddFinalizer():
            publish.finalizer(session.world, run, present=True)
        case decisions.Release(kept, forget):
            if kept is not None:
                snapshotresources.create(session.world, run.resource, kept)
            if forget is not None:
                _forget(session, facts, forget)
            publish.finalizer(session.world, run, present=False)
            session.lane.forget(run.namespace, run.name)
        case decisions.Record(failpoint, then):
            publish.status(session.world, run)
            if failpoint:
                session.world.reach(failpoint)
            if then is not None:
                _effect(session, run, facts, _of_a_job(then))
        case effect:
            _effect(session, run, facts, _of_a_job(effect))


def _of_a_job(effect: decisions.SideEffect | decisions.SessionEffect) -> decisions.SessionEffect:
    if not isinstance(effect, decisions.SessionEffect):
        raise TypeError("a session job does not touch its cluster")
    return effect


def _effect(session: SessionWorld, run: SessionPass, facts: SessionFacts, effect: decisions.SessionEffect) -> None:
    world = session.world
    match effect:
        case decisions.TriggerStop():
            act.trigger_stop(world, facts, effect)
        case decisions.CancelJob(job_id, required):
            act.cancel(world, facts, job_id, required=required)
        case decisions.RescaleJob():
            act.rescale(world, run, facts, effect)
        case decisions.SubmitJob():
            policy = submissionlane.policy(facts.conf, world.defaults)
            work = Work(observe.address_of(facts), effect, policy, policy.seconds)
            session.lane.submit(run.namespace, run.name, work)
        case _:
            snapshotresources.perform(world, run.resource, observe.address_of(facts), effect)
            if isinstance(effect, decisions.DisposeSavepoint):
                run.status = snapshotrecords.disposed(run.status, effect.path)


def _forget(session: SessionWorld, facts: SessionFacts, job_id: str) -> None:
    """Without its graph a JobManager that comes back does not recover the job (Flink: KubernetesJobGraphStore)."""
    name = f"{facts.session.name}-cluster-config-map"
    try:
        live = session.world.api.send(requests.get(requests.CONFIG_MAPS, facts.namespace, name))
        keys = [form.format(job_id) for form in _GRAPHS if form.format(job_id) in (live.get("data") or {})]
        if keys:
            body = {"metadata": {"uid": live["metadata"]["uid"]}, "data": dict.fromkeys(keys)}
            session.world.api.send(requests.merge_patch(requests.CONFIG_MAPS, facts.namespace, name, body))
    except errors.NotFound:
        log.info("%s/%s has no HA metadata of %s", facts.namespace, facts.session.name, job_id)
