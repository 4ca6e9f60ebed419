"""The restore orders of the agent's namespace, from a watch of the ConfigMaps that carry their label.

Orders that cannot be read are left out and told in the log: a rebuilt cluster must not wait for a broken one.
"""

import logging
from collections.abc import Callable

from gitsync.plan import restores
from gitsync.plan.restores import LABEL, Order
from operator_core.errors import Stalled
from operator_core.jsonvalues import Object
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client

log = logging.getLogger(__name__)


class RestoreOrders:
    """Follows orders. Safe to share between threads."""

    def __init__(self, client: Client, namespace: str, changed: Callable[[], None]) -> None:
        """`changed` is called when an order comes, changes or goes."""

        def on_change(_: str, __: Object) -> None:
            changed()

        self._cache = Cache(
            client, requests.CONFIG_MAPS, namespaces=(namespace,), labels=f"{LABEL}=true", on_change=on_change
        )

    def start(self) -> None:
        """Start watching."""
        self._cache.start()

    def wait_synced(self, timeout: float) -> bool:
        """Whether they were listed within `timeout` seconds."""
        return self._cache.wait_synced(timeout)

    def stop(self) -> None:
        """Stop watching."""
        self._cache.stop()

    def standing(self) -> tuple[Order, ...]:
        """Every order that can be read, also those that are over."""
        found: list[Order] = []
        for body in self._cache.items():
            try:
                found.append(restores.parse_order(body))
            except Stalled as error:
                log.warning("%s", error.message)
        return tuple(found)
