"""A witness of what is written about a team's jobs: every version of an event or a resource, as a watch tells them."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from teams import Team

from operator_core.jsonvalues import Object
from operator_core.kube import requests, watching

KINDS = (requests.EVENTS, requests.FLINK_DEPLOYMENTS)


class Writings:
    """Looks within a `with` block, from what there is at its beginning."""

    def __init__(self, team: Team) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, list[Object]] = {kind.plural: [] for kind in KINDS}
        self._watchers = [self._watcher(team, kind) for kind in KINDS]

    def of(self, kind: requests.Resource, job: str) -> list[Object]:
        """Every version of a job's resource, or of the events about it, in their order."""
        with self._lock:
            return [each for each in self._seen[kind.plural] if _subject(each) == job]

    def _watcher(self, team: Team, kind: requests.Resource) -> watching.Watcher:
        def noted(event: watching.Listed | watching.Changed) -> None:
            found = event.items if isinstance(event, watching.Listed) else (event.object,)
            with self._lock:
                self._seen[kind.plural] += found

        return watching.Watcher(team.client, kind, team.jobs, "", noted)

    def __enter__(self) -> Self:
        for watcher in self._watchers:
            watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watcher in self._watchers:
            watcher.stop()


def _subject(obj: Object) -> str:
    about: Object = obj.get("involvedObject") or obj["metadata"]
    return str(about["name"])
