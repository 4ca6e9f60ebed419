"""What a command asks of a SyncApp, as annotations, and how it follows the answer.

The command line and the agent are different processes: they meet in the API server only.
"""

import contextlib
import threading
from collections.abc import Iterator

from gitsync.cli import clusters
from gitsync.model import syncapps
from gitsync.model.syncapps import SyncApp
from operator_core.jsonvalues import Object
from operator_core.kube import errors, requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client

FIELD_MANAGER = "gitsync-status"


def annotate(client: Client, namespace: str, name: str, annotations: dict[str, str | None]) -> SyncApp:
    """Set (None: remove) annotations of an app. Raises Stalled when there is no such app."""
    body = {"metadata": {"annotations": annotations}}
    request = requests.merge_patch(requests.SYNC_APPS, namespace, name, body, field_manager=FIELD_MANAGER)
    try:
        return syncapps.parse(client.send(request))
    except errors.NotFound as error:
        raise clusters.missing(error, namespace, name) from error


class Followed:
    """One app, followed by a watch: nothing is asked twice."""

    def __init__(self, client: Client, namespace: str, name: str) -> None:
        self._place = (namespace, name)
        self._changed = threading.Event()
        self._cache = Cache(client, requests.SYNC_APPS, namespaces=(namespace,), on_change=self._told)

    def _told(self, _: str, obj: Object) -> None:
        if syncapps.key_of(obj) == self._place:
            self._changed.set()

    def wait_change(self, timeout: float) -> bool:
        """Whether the app changed within `timeout` seconds since the last call."""
        changed = self._changed.wait(timeout)
        self._changed.clear()
        return changed

    def app(self) -> SyncApp | None:
        """The app as it was last told; None while or when it is not there."""
        obj = self._cache.get(*self._place)
        return syncapps.parse(obj) if obj is not None else None

    @contextlib.contextmanager
    def watched(self) -> Iterator["Followed"]:
        """Watch inside the block."""
        self._cache.start()
        try:
            yield self
        finally:
            self._cache.stop()
