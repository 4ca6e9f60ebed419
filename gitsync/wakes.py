"""Whom a change concerns: the SyncApps as they are now, and which of them need a pass.

Only adds keys to the queue of passes; what a pass does is not known here.
"""

import threading

from gitsync.model import projects, syncapps
from gitsync.model.identities import AppName
from operator_core.jsonvalues import Object, dig
from operator_core.kube import requests
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.runtime.queues import Key, Queue


class Wakes:
    """The cache of SyncApps and the keys it adds. Safe to share between threads."""

    def __init__(self, client: Client, namespace: str, queue: Queue) -> None:
        self.apps = Cache(client, requests.SYNC_APPS, namespaces=(namespace,), on_change=self.changed)
        self._queue = queue
        self._seen_lock = threading.Lock()
        self._seen: dict[AppName, tuple[object, ...]] = {}

    def find(self, app: AppName) -> Object | None:
        """A SyncApp as it is now."""
        return self.apps.get(app.namespace, app.name)

    def one(self, app: AppName) -> None:
        """This app needs a pass."""
        self._queue.add(Key(syncapps.KIND, app.namespace, app.name))

    def all(self) -> None:
        """Every app needs one."""
        for obj in self.apps.items():
            self.one(AppName(*syncapps.key_of(obj)))

    def project_changed(self, _event: str, project: Object) -> None:
        """Apps of a project live by its new rules at once."""
        name = project["metadata"]["name"]
        for obj in self.apps.items():
            if (dig(obj, "spec", "project") or projects.DEFAULT) == name:
                self.one(AppName(*syncapps.key_of(obj)))

    def changed(self, event: str, obj: Object) -> None:
        """Wake the app itself unless only its status changed, which is our own writing."""
        app = AppName(*syncapps.key_of(obj))
        meta = obj["metadata"]
        shape = (meta.get("generation"), meta.get("annotations"), meta.get("deletionTimestamp"))
        with self._seen_lock:
            same = event != "DELETED" and self._seen.get(app) == shape
            if event == "DELETED":
                self._seen.pop(app, None)
            else:
                self._seen[app] = shape
        if not same:
            self.one(app)
