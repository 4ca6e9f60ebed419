"""The lane in which Kustomize builds run, so that no pass waits for a program.

A directory of plain manifests is rendered at once. A build that nobody did before is queued; the
pass gets nothing, ends, and is woken when the build has. Which commit an app wants is decided by the
pass alone: the result of a build that is no longer wanted is never asked for.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from gitsync.git import mirrors
from gitsync.model.identities import AppName
from gitsync.model.rendersets import RenderSet
from gitsync.model.revisions import Revision
from gitsync.render import rendering
from gitsync.render.kustomize import Kustomize
from gitsync.render.selecting import Source
from operator_core.errors import AgentError, Reason
from operator_core.outcomes import Done, Outcome
from operator_core.runtime.clock import Clock
from operator_core.runtime.loops import Loop
from operator_core.runtime.queues import Key, Queue

_log = logging.getLogger(__name__)

WORKERS = 2
_MOST_UNCLAIMED = 256
_Result = RenderSet | AgentError


class BuildLane:
    """Runs builds, a few at a time. Safe to share between threads."""

    def __init__(self, clock: Clock, builder: Kustomize, wake: Callable[[AppName], None]) -> None:
        """`wake` is told of an app whose build ended."""
        self._builder = builder
        self._wake = wake
        self._lock = threading.Lock()
        self._wanted: dict[Key, tuple[AppName, mirrors.Mirror, rendering.Build]] = {}
        self._ended: OrderedDict[Key, _Result] = OrderedDict()
        self._queue = Queue(clock)
        self._loop = Loop("builds", self._queue, self._build, workers=WORKERS)

    def start(self) -> None:
        """Begin to build."""
        self._loop.start()

    def stop(self, timeout: float) -> None:
        """End builds that are under way."""
        self._queue.close()
        self._builder.close()
        self._loop.stop(timeout)

    def render(
        self, app: AppName, mirror: mirrors.Mirror, revision: Revision, source: Source, previous: RenderSet | None
    ) -> RenderSet | None:
        """As `rendering.render`; None while the app's build is under way, whose end wakes the app."""
        prepared = rendering.prepare(mirror, revision, source, previous=previous)
        if isinstance(prepared, RenderSet):
            return prepared
        key = Key("Build", str(app), prepared.key)
        with self._lock:
            ended = self._ended.pop(key, None)
        if isinstance(ended, AgentError):
            raise ended
        if ended is not None:
            return replace(ended, revision=revision)
        if rendering.is_built(prepared):
            return rendering.finish(mirror, prepared, self._builder)
        with self._lock:
            self._wanted[key] = (app, mirror, prepared)
        self._queue.add(key)
        return None

    def _build(self, key: Key) -> Outcome:
        with self._lock:
            wanted = self._wanted.pop(key, None)
        if wanted is None:
            return Done()
        app, mirror, build = wanted
        result: _Result
        try:
            result = rendering.finish(mirror, build, self._builder)
        except AgentError as error:
            result = error
        except Exception as error:
            _log.exception("building %s failed", build.empty.path)
            text = f"the build failed: {type(error).__name__}; see the agent's log"
            result = AgentError(Reason.InternalError, text)
        with self._lock:
            self._ended[key] = result
            while len(self._ended) > _MOST_UNCLAIMED:
                self._ended.popitem(last=False)
        self._wake(app)
        return Done()
