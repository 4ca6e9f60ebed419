"""The lane in which Kustomize and Helm run, so that no pass waits for a program.

A directory of plain manifests is rendered at once. A build that nobody did before is queued; the
pass gets nothing, ends, and is woken when the build has. Which commit an app wants is decided by the
pass alone: the result of a build that is no longer wanted is never asked for.
"""

import contextlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gitsync.git import contents, mirrors
from gitsync.model.identities import AppName
from gitsync.model.rendersets import RenderSet
from gitsync.render import layouts, memos
from gitsync.render.layouts import Tools
from operator_core.errors import AgentError, Reason
from operator_core.outcomes import Done, Outcome
from operator_core.runtime.clock import Clock
from operator_core.runtime.loops import Loop
from operator_core.runtime.queues import Key, Queue

_log = logging.getLogger(__name__)

WORKERS = 2
_MOST_UNCLAIMED = 256
_Result = RenderSet | AgentError | contents.Absent


@dataclass(frozen=True, slots=True)
class Work:
    """What is known of one source of an app: its result, or the build that is left to do."""

    mirror: mirrors.Mirror
    prepared: layouts.Prepared


class BuildLane:
    """Runs builds, a few at a time. Safe to share between threads."""

    def __init__(self, clock: Clock, tools: Tools, wake: Callable[[AppName], None]) -> None:
        """`wake` is told of an app whose build ended."""
        self._tools = tools
        self._wake = wake
        self._lock = threading.Lock()
        self._wanted: dict[Key, tuple[AppName, mirrors.Mirror, layouts.Build, bool]] = {}
        self._ended: OrderedDict[Key, _Result] = OrderedDict()
        self._queue = Queue(clock)
        self._loop = Loop("builds", self._queue, self._build, workers=WORKERS)

    def start(self) -> None:
        """Begin to build."""
        self._loop.start()

    def stop(self, timeout: float) -> None:
        """End builds that are under way."""
        self._queue.close()
        self._tools.close()
        self._loop.stop(timeout)

    def results(self, app: AppName, work: Sequence[Work], *, fresh: bool = False) -> list[RenderSet] | None:
        """The result of every source; None while one is being built, whose end wakes the app.

        `fresh`: built anew, whatever is remembered. Raises what a build raised: Stalled, Retry and contents.Absent.
        """
        keys = [_key(app, one.prepared, fresh=fresh) for one in work]
        with self._lock:
            ended = {key: self._ended.pop(key) for key in keys if key is not None and key in self._ended}
        failed = next((one for one in ended.values() if isinstance(one, AgentError | contents.Absent)), None)
        if failed is not None:
            raise failed
        found = [self._result(app, one, ended, fresh=fresh) for one in work]
        whole = [one for one in found if one is not None]
        if len(whole) == len(work):
            return whole
        with self._lock:
            # Kept for the pass in which the others have ended too.
            self._ended.update(ended)
        return None

    def _result(self, app: AppName, one: Work, ended: dict[Key, _Result], *, fresh: bool) -> RenderSet | None:
        build = one.prepared
        if isinstance(build, RenderSet):
            return build
        key = _key_of(app, build, fresh=fresh)
        known = ended.get(key)
        if isinstance(known, RenderSet):
            return replace(known, revision=build.empty.revision, declared=build.empty.declared)
        if build.is_done():
            return layouts.finish(one.mirror, build, self._tools)
        with self._lock:
            self._wanted[key] = (app, one.mirror, build, fresh)
        self._queue.add(key)
        return None

    def _build(self, key: Key) -> Outcome:
        with self._lock:
            wanted = self._wanted.pop(key, None)
        if wanted is None:
            return Done()
        app, mirror, build, fresh = wanted
        result: _Result
        try:
            with memos.fresh() if fresh else contextlib.nullcontext():
                result = layouts.finish(mirror, build, self._tools)
        except (AgentError, contents.Absent) as error:
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


def _key(app: AppName, prepared: layouts.Prepared, *, fresh: bool) -> Key | None:
    return None if isinstance(prepared, RenderSet) else _key_of(app, prepared, fresh=fresh)


def _key_of(app: AppName, build: layouts.Build, *, fresh: bool) -> Key:
    return Key("Rebuild" if fresh else "Build", str(app), build.key)
