"""Gathers what a decision asked for: live reads, Flink's answers (`flinkanswers`), a dry run, a crash log.

Every call is bounded; a Flink that does not answer is a fact, not an error, and so is a manifest that the API
server would refuse. Decides nothing.
"""

import contextlib
from collections.abc import Callable
from dataclasses import replace

from operator_core.build import names
from operator_core.controllers import addresses, flinkanswers, manifests, statelistings
from operator_core.controllers.world import World
from operator_core.decide import hametadata, mounts, podfailures
from operator_core.decide.facts import Facts
from operator_core.decide.jobfacts import JobFacts, S
from operator_core.decide.needs import Need
from operator_core.errors import Stalled
from operator_core.flink import crashlogs
from operator_core.flink.rest import Address
from operator_core.jsonvalues import dig
from operator_core.kube import errors as kube_errors
from operator_core.kube import requests as kube_requests


def look(world: World, facts: Facts, needs: tuple[Need, ...]) -> Facts:
    """The facts with what was asked for filled in. Raises kube.errors."""
    for need in needs:
        told = flinkanswers.ask(world.flink, address_of(facts), facts.status.job_status, facts.flink, need)
        facts = _LOOKS[need](world, facts) if told is None else replace(facts, flink=told)
    return facts


def address_of(facts: JobFacts[S]) -> Address:
    """Where the REST of the cluster is that the job runs on."""
    return addresses.of(facts.namespace, facts.cluster_name, facts.last_conf, facts.cluster_spec)


def namespace_ends(world: World, namespace: str) -> bool:
    """Whether nothing new can be made in the namespace. Asked by a dry run: no right to read namespaces is needed."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gitsync-dry-run"}}
    create = kube_requests.create(kube_requests.CONFIG_MAPS, namespace, body)
    try:
        world.api.send(replace(create, query=(*create.query, ("dryRun", "All"))))
    except kube_errors.NamespaceEnding:
        return True
    except kube_errors.KubeError:
        return False
    return False


def _namespace_ends(world: World, facts: Facts) -> Facts:
    return replace(facts, namespace_ends=namespace_ends(world, facts.namespace))


def _live_deployment(world: World, facts: Facts) -> Facts:
    try:
        live = world.api.send(kube_requests.get(kube_requests.DEPLOYMENTS, facts.namespace, facts.name))
    except kube_errors.NotFound:
        world.deployments.forget(facts.namespace, facts.name)
        return replace(facts, live_deployment=None)
    world.deployments.observed(live)
    return replace(facts, live_deployment=live)


def _live_workers(world: World, facts: Facts) -> Facts:
    name = names.task_manager(facts.name)
    try:
        live = world.api.send(kube_requests.get(kube_requests.DEPLOYMENTS, facts.namespace, name))
    except kube_errors.NotFound:
        world.deployments.forget(facts.namespace, name)
        return replace(facts, workers=None, live_workers=None)
    world.deployments.observed(live)
    return replace(facts, workers=live, live_workers=live)


def _state_listing(world: World, facts: Facts) -> Facts:
    return replace(facts, listing=statelistings.read(world, facts.namespace, facts.name))


def _store_listing(world: World, facts: Facts) -> Facts:
    return replace(facts, store_listing=statelistings.read_stores(world, facts))


def _ha_metadata(world: World, facts: Facts) -> Facts:
    request = kube_requests.listing(
        kube_requests.CONFIG_MAPS, facts.namespace, labels=hametadata.LABELS.format(facts.name), limit=500
    )
    return replace(facts, ha=hametadata.of(world.api.send(request).get("items") or []))


def _preflight(world: World, facts: Facts) -> Facts:
    """Would the API server take the new Deployment? The name is taken, so AlreadyExists means yes."""
    try:
        for body in manifests.preflight(world, facts):
            create = kube_requests.create(kube_requests.DEPLOYMENTS, facts.namespace, body)
            with contextlib.suppress(kube_errors.Conflict):
                world.api.send(replace(create, query=(*create.query, ("dryRun", "All"))))
    except (kube_errors.Invalid, Stalled) as error:
        return replace(facts, preflight=error.message)
    return replace(facts, preflight=None)


def _session_jobs(world: World, facts: Facts) -> Facts:
    """Who refers to the session cluster: a live list, for what a cache does not know yet would lose its cluster."""
    try:
        answer = world.api.send(kube_requests.listing(kube_requests.FLINK_SESSION_JOBS, facts.namespace))
    except kube_errors.NotFound:
        return replace(facts, session_jobs=())
    found = [job for job in answer.get("items") or [] if dig(job, "spec", "deploymentName") == facts.name]
    return replace(facts, session_jobs=tuple(sorted(found, key=lambda job: str(job["metadata"]["name"]))))


def _crash_log(world: World, facts: Facts) -> Facts:
    """The innermost exception in the log of a container that ended."""
    for pod in facts.pods:
        if podfailures.has_ever_started(pod):
            path = kube_requests.PODS.path(facts.namespace, str(pod["metadata"]["name"]), "log")
            query = (("container", "flink-main-container"), ("previous", "true"), ("tailLines", "300"))
            try:
                log = world.api.send_bytes(kube_requests.Request("GET", path, query))
            except kube_errors.KubeError:
                continue
            cause = crashlogs.root_cause(log.decode("utf-8", "replace"))
            if cause:
                return replace(facts, crash_log=cause)
    return replace(facts, crash_log=None)


def _mounts(world: World, facts: Facts) -> Facts:
    """The newest event about a volume that a waiting pod's kubelet could not mount."""
    for pod in mounts.waiting(facts.pods):
        about = f"involvedObject.uid={pod['metadata']['uid']},reason={mounts.REASON}"
        found = world.api.send(kube_requests.listing(kube_requests.EVENTS, facts.namespace, fields=about))["items"]
        if found:
            newest = max(found, key=lambda each: str(each.get("lastTimestamp") or each.get("eventTime") or ""))
            return replace(facts, unmounted=str(newest.get("message") or mounts.REASON))
    return replace(facts, unmounted=None)


_LOOKS: dict[Need, Callable[[World, Facts], Facts]] = {
    Need.LIVE_DEPLOYMENT: _live_deployment,
    Need.HA_METADATA: _ha_metadata,
    Need.PREFLIGHT: _preflight,
    Need.STATE_LISTING: _state_listing,
    Need.STORE_LISTING: _store_listing,
    Need.CRASH_LOG: _crash_log,
    Need.MOUNTS: _mounts,
    Need.SESSION_JOBS: _session_jobs,
    Need.LIVE_WORKERS: _live_workers,
    Need.NAMESPACE_ENDS: _namespace_ends,
}
