"""List and watch one kind for ever, as events for a cache.

Decides when to list again: at the start, after 410, after anything a watch cannot explain. Pages of
500, bookmarks, a read time-out above the server's own, and a pause that grows with every failure in
a row (a watch that is forbidden must not become a request storm). Knows nothing of what is watched.
"""

import json
import logging
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from operator_core.errors import AgentError
from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors, requests
from operator_core.kube.client import Client
from operator_core.kube.requests import Resource
from operator_core.runtime.loops import pause_after

log = logging.getLogger(__name__)

SERVER_SECONDS = 290
IDLE_MARGIN = 15
_FORBIDDEN_FACTOR = 5.0


@dataclass(frozen=True, slots=True)
class Listed:
    """A complete list at `version`: whatever is not in it is gone."""

    items: tuple[Object, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Changed:
    """One object was ADDED, MODIFIED or DELETED."""

    type: str
    object: Object


class Watcher:
    """One thread that keeps `on_event` informed about one kind in one namespace (or all)."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        namespace: str | None,
        labels: str,
        on_event: Callable[[Listed | Changed], None],
    ) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._labels = labels
        self._on_event = on_event
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"watch-{resource.plural}-{namespace or 'all'}", daemon=True
        )
        self.last_error: str | None = None

    def start(self) -> None:
        """Start following; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it does so at the latest when its open request ends."""
        self._stop.set()

    def _run(self) -> None:
        failures = 0
        version = ""
        while not self._stop.is_set():
            try:
                version = version or self._list()
                for latest in self._follow(version):
                    version = latest
                    failures = 0
                    self.last_error = None
            except errors.Gone:
                version = ""
            except AgentError as error:
                failures += 1
                if failures > 1 and not isinstance(error, errors.Unreachable):
                    version = ""
                self._pause(error, failures)

    def _list(self) -> str:
        items: list[Object] = []
        token = ""
        while True:
            page = self._client.send(
                requests.listing(self._resource, self._namespace, labels=self._labels, continue_=token)
            )
            for item in page.get("items") or []:
                item.setdefault("apiVersion", self._resource.api_version)
                item.setdefault("kind", self._resource.kind)
                items.append(item)
            token = dig(page, "metadata", "continue", default="")
            if not token:
                break
        version = str(dig(page, "metadata", "resourceVersion", default=""))
        self._on_event(Listed(tuple(items), version))
        self.last_error = None
        return version

    def _follow(self, version: str) -> Iterator[str]:
        request = requests.watch(
            self._resource, self._namespace, labels=self._labels, version=version, seconds=SERVER_SECONDS
        )
        for line in self._client.stream(request, idle_seconds=SERVER_SECONDS + IDLE_MARGIN):
            if self._stop.is_set():
                return
            event = json.loads(line)
            kind, body = event.get("type"), event.get("object") or {}
            if kind == "ERROR":
                raise errors.from_answer(int(body.get("code") or 500), json.dumps(body).encode())
            if kind != "BOOKMARK":
                self._on_event(Changed(kind, body))
            yield str(dig(body, "metadata", "resourceVersion", default=version))

    def _pause(self, error: AgentError, failures: int) -> None:
        if self.last_error != error.message:
            unknown = isinstance(error, errors.NotFound)
            why = "the cluster does not know the kind, is it installed?" if unknown else error.message
            log.warning("watching %s failed, trying again: %s", self._resource.plural, why)
        self.last_error = error.message
        seconds = pause_after(failures, random.random())
        if isinstance(error, errors.Forbidden | errors.NotFound):
            seconds = min(60.0, seconds * _FORBIDDEN_FACTOR)
        self._stop.wait(error.after if isinstance(error, errors.KubeError) and error.after else seconds)
