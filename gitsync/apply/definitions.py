"""The custom resource definitions of both halves: apply them and wait until the API server serves them.

Server-side apply with the manager `gitsync`, so that installing again updates and nothing else is
touched. A definition counts when its condition Established is true.
"""

import threading
from collections.abc import Callable

from gitsync.model import syncapps
from operator_core.errors import Reason, Retry
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.client import Client
from operator_core.model import crds
from operator_core.runtime.clock import Clock

FIELD_MANAGER = "gitsync"
_PAUSE = 0.2


def all_definitions() -> list[Object]:
    """Flink's kinds and SyncApp, as manifests."""
    return [*crds.flink_crds(), syncapps.crd()]


def install(client: Client, wanted: list[Object], clock: Clock, *, timeout: float, told: Callable[[str], None]) -> None:
    """Apply `wanted` and wait at most `timeout` seconds; `told` hears the name of each that is served.

    Raises kube errors, and Retry(ApiError) naming what is not served in time.
    """
    deadline = clock.monotonic() + timeout
    for definition in wanted:
        client.send(requests.apply(requests.CRDS, definition, field_manager=FIELD_MANAGER))
    waiting = [definition["metadata"]["name"] for definition in wanted]
    pause = threading.Event()
    while waiting:
        for name in [name for name in waiting if is_established(client.send(requests.get(requests.CRDS, None, name)))]:
            waiting.remove(name)
            told(name)
        if waiting and clock.monotonic() > deadline:
            raise Retry(
                Reason.ApiError, f"after {timeout:.0f} s the API server does not yet serve {', '.join(waiting)}"
            )
        if waiting:
            pause.wait(_PAUSE)


def is_established(definition: Object) -> bool:
    """Whether the API server serves the kind."""
    conditions = dig(definition, "status", "conditions", default=[])
    return any(dig(c, "type") == "Established" and dig(c, "status") == "True" for c in conditions)
