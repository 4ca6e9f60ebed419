"""Makes and removes what a cluster consists of: Deployments, Services, ConfigMaps, HA metadata.

Every effect is idempotent: names are fixed, deletions and patches carry the uid of what the decision saw, manifests
come from the record alone. Decides nothing; what belongs to the job is asked of Flink in `act`.
"""

from dataclasses import replace
from typing import assert_never

from operator_core.build import clusters, names
from operator_core.controllers import ingresses, manifests, statelistings
from operator_core.controllers.passes import Pass
from operator_core.controllers.world import FIELD_MANAGER, World
from operator_core.decide import decisions, deploymentrecords, standalone, statestores
from operator_core.decide.facts import Facts
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests

_KINDS = {"Service": requests.SERVICES, "ConfigMap": requests.CONFIG_MAPS}
_JOB_GRAPHS = ("jobGraph-", "executionPlan-")


def perform(world: World, run: Pass, facts: Facts, effect: decisions.ClusterEffect) -> None:
    """Do what was decided. Raises kube errors, Stalled where a manifest is refused."""
    match effect:
        case decisions.ScaleToZero():
            _scale_to_zero(world, run, effect)
        case decisions.DeleteCluster(uid, _, workers):
            if workers is not None:
                _delete_workers(world, run, workers)
            _delete_cluster(world, run, uid)
        case decisions.DeleteHaMetadata(config_maps):
            _delete_config_maps(world, run, config_maps)
        case decisions.CreateCluster():
            _create(world, run, facts, effect)
        case decisions.FinishCluster(cluster, uid):
            _finish(world, run, facts, manifests.of(world, facts, cluster), uid, expected=True)
        case decisions.StartListing():
            statelistings.start(world, run, facts, effect)
        case statestores.ListStores():
            statelistings.ask_stores(world, facts, effect)
        case decisions.EndListing():
            statelistings.end(world, run)
        case _:
            _beside(world, run, facts, effect)


def _beside(world: World, run: Pass, facts: Facts, effect: decisions.BesideEffect) -> None:
    """What stands beside the JobManager: TaskManagers of a standalone cluster, the Ingress."""
    match effect:
        case decisions.DeleteWorkers(uid):
            _delete_workers(world, run, uid)
        case decisions.ScaleWorkers(uid, replicas):
            _scale_workers(world, run, uid, replicas)
        case decisions.CreateWorkers(spec):
            cluster = decisions.CreateCluster(spec, facts.generation, facts.ids.job, None, last_state=False)
            _create_workers(world, run, manifests.of(world, facts, cluster))
        case decisions.ApplyIngress():
            if facts.parsed is not None:
                ingresses.apply(world, run, facts.parsed, facts.conf)
        case decisions.RemoveIngress(uid):
            ingresses.remove(world, run, uid)
        case _:
            assert_never(effect)


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
    _delete_deployment(world, run.namespace, run.name, uid)
    world.reach("deployment-deleted")


def _delete_workers(world: World, run: Pass, uid: str) -> None:
    _delete_deployment(world, run.namespace, names.task_manager(run.name), uid)
    world.reach("workers-deleted")


def _delete_deployment(world: World, namespace: str, name: str, uid: str) -> None:
    """Foreground: the name is free only when ReplicaSet and pods are gone, so nothing of the old runs on."""
    try:
        answer = world.api.send(
            requests.delete(requests.DEPLOYMENTS, namespace, name, uid=uid, propagation="Foreground")
        )
    except errors.NotFound:
        world.deployments.forget(namespace, name)
    else:
        if answer.get("kind") == "Deployment":
            world.deployments.observed(answer)


def _scale_workers(world: World, run: Pass, uid: str, replicas: int) -> None:
    mark = {standalone.SCALED_TO: str(replicas)}
    patch: Object = {"metadata": {"uid": uid, "annotations": mark}, "spec": {"replicas": replicas}}
    name = names.task_manager(run.name)
    request = requests.merge_patch(requests.DEPLOYMENTS, run.namespace, name, patch, field_manager=FIELD_MANAGER)
    world.deployments.observed(world.api.send(request))


def _create_workers(world: World, run: Pass, made: clusters.ClusterManifests) -> None:
    """The TaskManagers of a standalone cluster; those that are there are ours, or a person must decide."""
    for body in made.workers:
        try:
            world.deployments.observed(_create_deployment(world, run, body))
        except errors.AlreadyExists as error:
            live = world.api.send(requests.get(requests.DEPLOYMENTS, run.namespace, body["metadata"]["name"]))
            owners = dig(live, "metadata", "ownerReferences", default=[])
            if all(owner.get("uid") != run.resource["metadata"]["uid"] for owner in owners):
                name = body["metadata"]["name"]
                message = f"A Deployment {name} exists already and is not ours; delete it or rename this resource"
                raise Stalled(Reason.DeploymentExists, message) from error
            world.deployments.observed(live)


def _create_deployment(world: World, run: Pass, body: Object) -> Object:
    """The Deployment that was made. Raises AlreadyExists, Stalled where the API server refuses the manifest."""
    request = requests.create(requests.DEPLOYMENTS, run.namespace, body, field_manager=FIELD_MANAGER)
    try:
        return world.api.send(request)
    except errors.Invalid as error:
        message = f"the API server refuses the Deployment {body['metadata']['name']}: {error.message}"
        raise Stalled(Reason.ValidationError, message) from error


def _delete_config_maps(world: World, run: Pass, config_maps: tuple[str, ...]) -> None:
    for name in config_maps:
        try:
            world.api.send(requests.delete(requests.CONFIG_MAPS, run.namespace, name))
        except errors.NotFound:
            continue


def _create(world: World, run: Pass, facts: Facts, cluster: decisions.CreateCluster) -> None:
    made = manifests.of(world, facts, cluster)
    if cluster.last_state:
        _drop_job_graphs(world, run)
    try:
        created = _create_deployment(world, run, made.jobmanager)
    except errors.AlreadyExists:
        return
    world.deployments.observed(created)
    world.reach("deployment-created")
    _finish(world, run, facts, made, str(dig(created, "metadata", "uid")), expected=False)


def _finish(
    world: World, run: Pass, facts: Facts, made: clusters.ClusterManifests, uid: str, *, expected: bool
) -> None:
    """What the Deployment owns; `expected`: some of it may be there from a pass that did not end."""
    for body in clusters.owned_by(made.owned, uid):
        if expected or not _is_created(world, body):
            world.api.send(requests.apply(_KINDS[body["kind"]], body, field_manager=FIELD_MANAGER))
    _create_workers(world, run, made)
    world.reach("owned-created")
    world.flink.reset(run.namespace, run.name)
    run.status = deploymentrecords.deployed(replace(facts, status=run.status))


def _is_created(world: World, body: Object) -> bool:
    """Whether a new object was made; creating costs the API server about half of what applying does."""
    namespace = body["metadata"]["namespace"]
    try:
        world.api.send(requests.create(_KINDS[body["kind"]], namespace, body, field_manager=FIELD_MANAGER))
    except errors.AlreadyExists:
        return False
    return True


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
