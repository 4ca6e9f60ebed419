"""The projects that apps name: those of the settings, and AppProjects of the agent's namespace as plain objects.

Where neither the settings have any nor the API server serves AppProjects, a project's name means nothing, as
nobody limits anything. Else an unknown name is refused, but `default`, which allows all until it is defined.
"""

import threading
from collections.abc import Callable

from gitsync.model import projects
from gitsync.model.projects import Project
from gitsync.settings import Settings
from operator_core.errors import Reason, Stalled
from operator_core.jsonvalues import Object
from operator_core.kube.caches import Cache
from operator_core.kube.client import Client
from operator_core.kube.discovery import Discovery
from operator_core.runtime.clock import Clock

_API_VERSION, _KIND = "argoproj.io/v1alpha1", "AppProject"
_RECHECK_SECONDS = 300.0
_RECHECK_UNKNOWN_SECONDS = 10.0
_LIST_SECONDS = 5.0


class ProjectStore:
    """Follows the AppProjects where there are any. Safe to share between threads."""

    def __init__(
        self,
        client: Client,
        settings: Settings,
        clock: Clock,
        discovery: Discovery,
        on_change: Callable[[str, Object], None],
    ) -> None:
        """`on_change` is told of every AppProject that changes."""
        self._client, self._clock, self._discovery = client, clock, discovery
        self._namespace = settings.namespace
        self._settings = {name: projects.parse(name, spec) for name, spec in settings.projects.items()}
        self._on_change = on_change
        self._lock = threading.Lock()
        self._cache: Cache | None = None
        self._checked_at: float | None = None

    def stop(self) -> None:
        """Stop following."""
        if self._cache is not None:
            self._cache.stop()

    def find(self, name: str) -> Project:
        """The project an app names. Raises Stalled(ProjectRefused) where there is none of that name."""
        wanted = name or projects.DEFAULT
        if wanted in self._settings:
            return self._settings[wanted]
        known = wanted == projects.DEFAULT
        cache = self._followed(_RECHECK_SECONDS if known else _RECHECK_UNKNOWN_SECONDS)
        if cache is not None:
            found = self._in_cluster(cache, wanted)
            if found is not None:
                return found
        if known or (cache is None and not self._settings):
            return projects.UNLIMITED
        others = sorted({*self._settings, *(obj["metadata"]["name"] for obj in (cache.items() if cache else []))})
        there = f"; there are {', '.join(others)}" if others else ""
        how = f"define it under 'projects' in the settings, or as an AppProject in the namespace {self._namespace}"
        raise Stalled(Reason.ProjectRefused, f"there is no project {wanted!r}{there}: {how}")

    def _in_cluster(self, cache: Cache, name: str) -> Project | None:
        if not cache.wait_synced(_LIST_SECONDS):
            why = cache.problem or "they were not listed yet"
            problem = f"the AppProjects of the namespace {self._namespace} cannot be read"
            raise Stalled(Reason.ProjectRefused, f"{problem}: {why}; grant the agent get, list and watch on them")
        found = cache.get(self._namespace, name)
        return projects.parse(name, found.get("spec")) if found is not None else None

    def _followed(self, seconds: float) -> Cache | None:
        """The AppProjects, once the API server serves them; asked again after `seconds` while it does not."""
        with self._lock:
            now = self._clock.monotonic()
            if self._cache is not None or (self._checked_at is not None and now - self._checked_at < seconds):
                return self._cache
            self._checked_at = now
            resource = self._discovery.find(_API_VERSION, _KIND)
            if resource is not None:
                places = (self._namespace,)
                self._cache = Cache(self._client, resource, namespaces=places, on_change=self._on_change)
                self._cache.start()
            return self._cache
