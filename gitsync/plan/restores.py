"""With which state jobs are to start: what a pin or a restore order says, as a request in their manifests.

A pin that goes back with state names one snapshot per job; a restore order does the same for a cluster that is
rebuilt, and counts only for jobs that are not there yet: one that runs is never torn down for it. The request is the
annotation that the operator half serves once (`gitsync.io/restore-from`), so it stays in what is applied while the
pin or the order stands. Pure.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gitsync.model import syncapps
from gitsync.model.identities import Identity
from gitsync.model.plans import Desired
from gitsync.model.syncapps import SyncApp
from gitsync.plan import normalizing, phases
from gitsync.plan.preparing import Prepared
from operator_core.decide.wanted import RESTORE_FROM
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object, dig

LABEL = "gitsync.io/restore"
"""Label of the ConfigMaps that are restore orders."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a cluster is rebuilt with: snapshots by app and job (`Kind/namespace/name`), until `until`."""

    id: str
    until: datetime
    snapshots: Mapping[str, Mapping[str, str]]


def job_key(identity: Identity) -> str:
    """How a job is named in pins and orders."""
    return f"{identity.kind}/{identity.namespace}/{identity.name}"


def parse_order(body: Object) -> Order:
    """The order in a ConfigMap. Raises Stalled(ValidationError) for another content."""
    name = dig(body, "metadata", "name", default="")
    data = body.get("data") or {}
    try:
        snapshots = {key.removeprefix("app."): json.loads(text) for key, text in data.items() if key[:4] == "app."}
        return Order(str(data["id"]), datetime.fromisoformat(str(data["until"])), snapshots)
    except (KeyError, ValueError) as error:
        raise Stalled(Reason.ValidationError, f"the restore order {name} cannot be read: {error}") from error


def order_body(name: str, order: Order) -> Object:
    """The ConfigMap of an order."""
    data = {"id": order.id, "until": order.until.isoformat()}
    data |= {f"app.{app}": json.dumps(found, sort_keys=True) for app, found in order.snapshots.items()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {LABEL: "true"}},
        "data": data,
    }


def applied(
    prepared: Prepared, app: SyncApp, live: Mapping[Identity, Object], orders: tuple[Order, ...], now: datetime
) -> Prepared:
    """The objects with the requests that a pin and orders make of their jobs."""
    pin = app.pin if app.pin is not None and syncapps.is_live(app.pin.until, now) else None
    standing = [order for order in orders if now < order.until and app.name in order.snapshots]
    if not standing and (pin is None or not pin.restore):
        return prepared
    desired = tuple(
        _with_request(one, _request(one.identity, app.name, pin, standing, live.get(one.identity)))
        for one in prepared.desired
    )
    return replace(prepared, desired=desired)


def _request(
    identity: Identity, app: str, pin: syncapps.Pin | None, orders: list[Order], live: Object | None
) -> str | None:
    if not phases.is_job(identity):
        return None
    key = job_key(identity)
    if pin is not None and key in pin.restore:
        return f"{pin.id} {pin.restore[key]}"
    for order in orders:
        path = order.snapshots[app].get(key)
        known = str(dig(live or {}, "metadata", "annotations", RESTORE_FROM) or "")
        if path and (live is None or known.startswith(f"{order.id} ")):
            return f"{order.id} {path}"
    return None


def _with_request(one: Desired, request: str | None) -> Desired:
    if request is None:
        return one
    meta = one.body["metadata"]
    body = {**one.body, "metadata": {**meta, "annotations": {**meta.get("annotations", {}), RESTORE_FROM: request}}}
    return replace(one, body=body, digest=normalizing.digest(body))
