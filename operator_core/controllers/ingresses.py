"""The Ingress of a cluster: is it there as the spec asks for it, and making it so.

Unlike everything else that a spec names it can change beside a running job. It is compared by what the spec
says; what others add to it (a default class, annotations of a controller) stays. An Ingress of the same name that is
not the resource's own is left alone. Raises nothing for a refusal: a job does not suffer for its Ingress.
"""

import contextlib
from collections.abc import Mapping

from operator_core.build import clusters
from operator_core.conf import options
from operator_core.controllers.passes import Pass
from operator_core.controllers.world import FIELD_MANAGER, World
from operator_core.decide import ingresses, observing, remarks
from operator_core.decide.facts import IngressState
from operator_core.jsonvalues import Json, Object, dig
from operator_core.kube import errors, requests
from operator_core.model.flinkdeployments import FlinkDeployment


def state(world: World, run: Pass, deployment: FlinkDeployment, conf: Mapping[str, str]) -> IngressState:
    """How the cached Ingress compares with what a valid spec asks for; `conf` is effective."""
    if world.ingresses is None or run.ingress_tried or not options.get_bool(conf, options.INGRESS_MANAGED):
        return ingresses.SETTLED
    live = world.ingresses.get(run.namespace, run.name)
    wanted = clusters.ingress(deployment, options.get_int(conf, options.REST_PORT))
    if wanted is None:
        superfluous = dig(live, "metadata", "uid") if live is not None and _is_ours(run, live) else None
        return IngressState(due=False, superfluous=superfluous)
    return IngressState(due=live is None or not _is_as(wanted, live), superfluous=None)


def apply(world: World, run: Pass, deployment: FlinkDeployment, conf: Mapping[str, str]) -> None:
    """Make or change the Ingress. Raises kube errors that may pass."""
    run.ingress_tried = True
    body = clusters.ingress(deployment, options.get_int(conf, options.REST_PORT))
    if world.ingresses is None or body is None:
        return
    try:
        if world.ingresses.get(run.namespace, run.name) is None:
            world.ingresses.observed(_created(world, run, body))
        else:
            world.ingresses.observed(_changed(world, run, body))
    except (errors.Invalid, errors.Forbidden) as error:
        _tell(world, run, f"The Ingress cannot be made: {error.message}")


def remove(world: World, run: Pass, uid: str) -> None:
    """Delete the Ingress that the spec does not ask for any more."""
    run.ingress_tried = True
    with contextlib.suppress(errors.NotFound):
        world.api.send(requests.delete(requests.INGRESSES, run.namespace, run.name, uid=uid))
    if world.ingresses is not None:
        world.ingresses.forget(run.namespace, run.name)


def _created(world: World, run: Pass, body: Object) -> Object:
    try:
        return world.api.send(requests.create(requests.INGRESSES, run.namespace, body, field_manager=FIELD_MANAGER))
    except errors.AlreadyExists:
        return _changed(world, run, body)


def _changed(world: World, run: Pass, body: Object) -> Object:
    live = world.api.send(requests.get(requests.INGRESSES, run.namespace, run.name))
    if not _is_ours(run, live):
        _tell(world, run, f"An Ingress {run.name} exists already and is not ours; delete it or rename this resource")
        return live
    return world.api.send(requests.apply(requests.INGRESSES, body, field_manager=FIELD_MANAGER))


def _tell(world: World, run: Pass, message: str) -> None:
    world.events.event(
        run.resource, "Warning", remarks.INGRESS, message, key=remarks.INGRESS, component=observing.OPERATOR
    )


def _is_ours(run: Pass, live: Object) -> bool:
    owners = dig(live, "metadata", "ownerReferences", default=[])
    return any(owner.get("uid") == run.resource["metadata"]["uid"] for owner in owners)


def _is_as(wanted: Object, live: Object) -> bool:
    meta = {key: dig(wanted, "metadata", key, default={}) for key in ("labels", "annotations")}
    return _covers(meta, live["metadata"]) and _covers(wanted["spec"], live.get("spec"))


def _covers(wanted: Json, live: Json) -> bool:
    """Whether every value that is wanted is there; what is there besides does not matter."""
    if isinstance(wanted, dict):
        there = live if isinstance(live, dict) else {}
        return all(_covers(value, there.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        same = isinstance(live, list) and len(live) == len(wanted)
        return same and all(_covers(one, other) for one, other in zip(wanted, live, strict=True))
    return bool(wanted == live)
