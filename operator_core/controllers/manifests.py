"""Manifests for what a decision wants created, from the recorded spec alone.

The same record gives the same manifests before and after a crash. Sends nothing.
"""

from operator_core.build import clusters
from operator_core.build.clusters import ClusterManifests
from operator_core.controllers.world import World
from operator_core.decide import wanted
from operator_core.decide.decisions import CreateCluster
from operator_core.decide.facts import Facts
from operator_core.jsonvalues import Object
from operator_core.model import flinkdeployments


def of(world: World, facts: Facts, cluster: CreateCluster) -> ClusterManifests:
    """The cluster's manifests. Raises Stalled(ValidationError) when they cannot be built."""
    deployment = flinkdeployments.parse({**_head(facts), "spec": _continued(facts, cluster.spec)})
    job = deployment.spec.job
    return clusters.build(
        clusters.BuildRequest(
            deployment=deployment,
            defaults=world.defaults,
            job_id=cluster.job_id,
            savepoint_path=cluster.savepoint_path,
            allow_non_restored=bool(job and job.allow_non_restored_state),
            generation=cluster.generation,
        )
    )


def preflight(world: World, facts: Facts) -> tuple[Object, ...]:
    """The Deployments that the wanted spec would give, for a dry run."""
    want = wanted.wanted(facts)
    path = facts.status.job_status.upgrade_savepoint_path
    cluster = CreateCluster(want.spec, want.generation, facts.ids.job, path, last_state=False)
    made = of(world, facts, cluster)
    return (made.jobmanager, *made.workers)


def _continued(facts: Facts, spec: Object) -> Object:
    """The recorded spec as a cluster for last-state, where the resource asks for that.

    The record of a first deployment says stateless whatever the resource says (as the Java operator's does), and a job
    that is to continue from its checkpoints must take some from its first deployment on.
    """
    wanted_job = facts.parsed.spec.job if facts.parsed is not None and facts.invalid is None else None
    if not spec.get("job") or wanted_job is None or wanted_job.upgrade_mode != "last-state":
        return spec
    return {**spec, "job": {**spec["job"], "upgradeMode": "last-state"}}


def _head(facts: Facts) -> Object:
    return {
        "apiVersion": facts.resource["apiVersion"],
        "kind": facts.resource["kind"],
        "metadata": facts.resource["metadata"],
    }
