"""Writing to the resource itself: its status, its finalizer.

One status write at the end of a pass, and one before each side effect that is recorded ahead. A write is
retried after a conflict only when nothing but metadata or unrelated fields moved: same uid, same
generation, and the status the pass started from. Otherwise the pass is over and begins again.
"""

from operator_core.controllers.passes import Pass, Place, StatusT
from operator_core.controllers.world import FIELD_MANAGER, World
from operator_core.decide.decisions import Event
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests

_TRIES = 3


def status(world: World, run: Pass[StatusT]) -> bool:
    """Write the working status if it differs from what the API server has. Raises Conflict to start over."""
    if run.status == run.known:
        return False
    body = run.status.to_json()
    for _ in range(_TRIES):
        try:
            answer = world.api.send(_put(run.place, run.resource, body))
        except errors.Conflict:
            run.resource = _reread(world, run)
            continue
        _accept(run, answer)
        run.known = run.status
        return True
    raise errors.Conflict(409, f"the status of {run.namespace}/{run.name} keeps changing under our writes")


def events(world: World, run: Pass[StatusT], told: tuple[Event, ...]) -> None:
    """Tell people. Never raises."""
    for event in told:
        world.events.event(
            run.resource,
            event.type,
            event.reason,
            event.message,
            key=event.key,
            component=event.component,
            annotations=dict(event.annotations),
        )


def finalizer(world: World, run: Pass[StatusT], *, present: bool) -> None:
    """Add or remove our finalizer, leaving those of others. Raises Conflict when the object moved."""
    meta = run.resource["metadata"]
    others = [name for name in meta.get("finalizers") or [] if name != run.place.finalizer]
    names = [*others, run.place.finalizer] if present else others
    patch = {"metadata": {"finalizers": names, "resourceVersion": meta["resourceVersion"]}}
    request = requests.merge_patch(run.place.kind, run.namespace, run.name, patch, field_manager=FIELD_MANAGER)
    answer = world.api.send(request)
    if present:
        _accept(run, answer)


def _put(place: Place, resource: Object, body: Object) -> requests.Request:
    whole = {**{key: value for key, value in resource.items() if key != "status"}, "status": body}
    return requests.replace(place.kind, whole, subresource="status", field_manager=FIELD_MANAGER)


def _reread(world: World, run: Pass[StatusT]) -> Object:
    """The live resource when only things a status write does not care about moved."""
    live = world.api.send(requests.get(run.place.kind, run.namespace, run.name))
    before, after = run.resource["metadata"], live["metadata"]
    run.place.cache.observed(live)
    same = before["uid"] == after["uid"] and before.get("generation") == after.get("generation")
    if not same or (live.get("status") or {}) != run.written or _deleting(before) != _deleting(after):
        raise errors.Conflict(409, f"{run.namespace}/{run.name} changed during the pass")
    return live


def _deleting(meta: Object) -> bool:
    return bool(meta.get("deletionTimestamp"))


def _accept(run: Pass[StatusT], answer: Object) -> None:
    run.place.cache.observed(answer)
    run.resource = answer
    run.written = dig(answer, "status", default={})
