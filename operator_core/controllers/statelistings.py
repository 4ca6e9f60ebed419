"""The listings of a job's states: the short pod that makes one, and the lane that asks stores; begun, read, removed.

Decides nothing; what a listing is for stands in an annotation of the pod, so that a new process goes on with it.
"""

from operator_core.build import statelistings
from operator_core.conf import s3options
from operator_core.controllers import manifests
from operator_core.controllers.passes import Pass
from operator_core.controllers.storework import Work
from operator_core.controllers.world import FIELD_MANAGER, World
from operator_core.decide.decisions import CreateCluster, StartListing
from operator_core.decide.facts import Facts, Listing
from operator_core.decide.statestores import ListStores
from operator_core.jsonvalues import dig
from operator_core.kube import errors, requests


def start(world: World, run: Pass, facts: Facts, wanted: StartListing) -> None:
    """Create the pod. One of an older purpose goes first; the next step finds its name free."""
    cluster = CreateCluster(wanted.spec, facts.generation, facts.ids.job, None, last_state=False)
    body = statelistings.pod(manifests.of(world, facts, cluster).jobmanager, wanted.directories, wanted.purpose)
    try:
        world.api.send(requests.create(requests.PODS, run.namespace, body, field_manager=FIELD_MANAGER))
    except errors.AlreadyExists:
        end(world, run)


def ask_stores(world: World, facts: Facts, wanted: ListStores) -> None:
    """Have the lane ask, with the credentials that a JobManager of the wanted spec would have."""
    if world.stores is None:
        return
    cluster = CreateCluster(wanted.spec, facts.generation, facts.ids.job, None, last_state=False)
    own = s3options.settings(world.defaults.given).endpoint
    work = Work(
        purpose=wanted.purpose,
        places=wanted.places,
        settings=s3options.settings(facts.conf),
        container=statelistings.main_container(manifests.of(world, facts, cluster).jobmanager),
        endpoints=(None, own) if own else (None,),
    )
    world.stores.begin(facts.namespace, facts.name, work)


def read_stores(world: World, facts: Facts) -> Listing | None:
    """What stores said so far."""
    return world.stores.known(facts.namespace, facts.name) if world.stores is not None else None


def end(world: World, run: Pass) -> None:
    """Delete the pod, forget what stores said."""
    if world.stores is not None:
        world.stores.forget(run.namespace, run.name)
    try:
        world.api.send(requests.delete(requests.PODS, run.namespace, statelistings.name_of(run.name)))
    except errors.NotFound:
        return


def read(world: World, namespace: str, cluster: str) -> Listing | None:
    """What the pod says; None where there is none. Raises kube.errors."""
    name = statelistings.name_of(cluster)
    try:
        pod = world.api.send(requests.get(requests.PODS, namespace, name))
    except errors.NotFound:
        return None
    purpose = str(dig(pod, "metadata", "annotations", statelistings.PURPOSE, default=""))
    phase = dig(pod, "status", "phase")
    if phase == "Failed":
        return Listing(purpose, "failed")
    if phase != "Succeeded":
        return Listing(purpose, "pending")
    log = world.api.send_bytes(requests.Request("GET", requests.PODS.path(namespace, name, "log")))
    return _listing(purpose, log.decode("utf-8", "replace"))


def _listing(purpose: str, log: str) -> Listing:
    lines = log.splitlines()
    if not lines or lines[-1] != statelistings.END:
        return Listing(purpose, "failed")
    entries = [line.partition(" ") for line in lines[:-1]]
    try:
        found = tuple((path.removesuffix("/_metadata"), int(float(seconds) * 1000)) for seconds, _, path in entries)
    except ValueError:
        return Listing(purpose, "failed")
    return Listing(purpose, "done", found)
