"""Which desired state an app should have now: the newest commit's, or the last good one when it is broken.

A commit that changes none of the files an app is made of is not rendered again and does not become
the app's revision: what is told about an app names the commit that last meant something to it. What
was rendered is only remembered to save work; a restart renders again and comes to the same answer.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gitsync import credentials
from gitsync.fetching import Repositories
from gitsync.git import trees, urls
from gitsync.git.mirrors import Mirror
from gitsync.git.submodules import Module
from gitsync.model.identities import AppName
from gitsync.model.projects import Project
from gitsync.model.rendersets import RenderError, RenderSet
from gitsync.model.revisions import Revision
from gitsync.model.syncapps import SyncApp
from gitsync.model.syncstatuses import Problem
from gitsync.plan import projects
from gitsync.render.lanes import BuildLane
from gitsync.render.selecting import Source
from operator_core.errors import AgentError, Reason, Stalled

_OWN_SERVERS = ("", "https://kubernetes.default.svc")
_OWN_NAMES = ("", "in-cluster")


@dataclass(frozen=True, slots=True)
class Target:
    """What to aim at."""

    attempted: str | None
    """The newest commit that meant something to the app; None when the name could not be resolved."""
    rendered: RenderSet | None
    """The newest desired state when it is whole."""
    problems: tuple[Problem, ...] = ()
    stalled: bool = False
    """Whether the problems stay until somebody commits or changes the app."""


@dataclass(frozen=True, slots=True)
class _Rendered:
    source: Source
    url: str
    seen: str
    """The newest commit known to have this content."""
    content: str
    """The commit the content is named by."""
    result: RenderSet


def source_of(app: SyncApp) -> Source:
    """How the app's directory is read."""
    directory = app.spec.source.directory
    if directory is None:
        return Source(path=app.spec.source.path, recurse=False, include="", exclude="")
    return Source(
        path=app.spec.source.path, recurse=directory.recurse, include=directory.include, exclude=directory.exclude
    )


def check_destination(app: SyncApp) -> None:
    """Raise Stalled when the app wants another cluster than the agent's own."""
    destination = app.spec.destination
    if destination.server.rstrip("/") not in _OWN_SERVERS or destination.name not in _OWN_NAMES:
        other = destination.server or destination.name
        raise Stalled(
            Reason.DestinationUnsupported,
            f"the destination {other!r} is another cluster; an agent serves the cluster it runs in, so run one there",
        )


def check_project(app: SyncApp, project: Project) -> None:
    """Raise Stalled when the app's project does not allow its repository or its destination namespace."""
    url = app.spec.source.repo_url
    projects.check_source(project, urls.without_credentials(url), credentials.normalised(url))
    if app.spec.destination.namespace:
        projects.check_namespace(project, app.spec.destination.namespace)


def check_modules(project: Project, modules: Iterable[Module], result: RenderSet) -> None:
    """Raise Stalled when a render read a submodule whose repository the project does not allow."""
    for module in modules:
        if not module.problem and any(one.path.startswith(f"{module.path}/") for one in result.inputs):
            projects.check_source(project, module.url, credentials.normalised(module.url))


def problem_from(error: RenderError) -> Problem:
    """A render error with its place."""
    text = error.message + (f" (column {error.column})" if error.column else "")
    return Problem(reason=Reason.RenderFailed, message=text, file=error.file or None, line=error.line or None)


class Targets:
    """Renders on demand and remembers the last results per app. Safe to share between threads."""

    def __init__(
        self,
        repositories: Repositories,
        builds: BuildLane,
        verify: Callable[[SyncApp, Mirror, str, str], None],
        find_project: Callable[[str], Project],
    ) -> None:
        """`verify` (app, mirror, name, commit) raises Stalled where the app's project asks for another signature."""
        self._repositories = repositories
        self._verify = verify
        self._find_project = find_project
        self._builds = builds
        self._lock = threading.Lock()
        self._newest: dict[AppName, _Rendered] = {}
        self._good: dict[AppName, tuple[str, Source, RenderSet]] = {}

    def find(self, name: AppName, app: SyncApp, ref: str) -> Target | None:
        """The target of an app that follows `ref`; None while it is looked up for the first time, or built."""
        url = app.spec.source.repo_url
        seen = self._repositories.seen(name, url, ref)
        if seen is None:
            return None
        problems: tuple[Problem, ...] = ()
        if seen.error is not None:
            problems = (Problem(reason=seen.error.reason, message=seen.error.message),)
        if seen.revision is None:
            return Target(None, None, problems, isinstance(seen.error, Stalled))
        try:
            mirror = self._repositories.mirror(url)
            self._verify(app, mirror, seen.revision.ref, seen.revision.sha)
            one = self._render(name, app, mirror, seen.revision)
            if one is not None:
                modules = trees.listing(mirror, one.seen).modules.values()
                check_modules(self._find_project(app.spec.project), modules, one.result)
        except Stalled as error:
            broken = Problem(reason=error.reason, message=error.message)
            return Target(seen.revision.sha, None, (broken, *problems), True)
        if one is None or (not one.result.ok and self._good_one(name, app)[1]):
            return None
        if not one.result.ok:
            return Target(one.content, None, (*(problem_from(error) for error in one.result.errors), *problems), True)
        return Target(one.content, one.result, problems, False)

    def is_current(self, name: AppName, app: SyncApp, ref: str) -> bool:
        """Whether no newer commit was seen since the app's target was found last."""
        seen = self._repositories.seen(name, app.spec.source.repo_url, ref)
        known = self._newest.get(name)
        return seen is None or seen.revision is None or known is None or seen.revision.sha == known.seen

    def last_good(self, name: AppName, app: SyncApp) -> RenderSet | None:
        """What was last applied whole, rendered again if need be; None when it cannot be known."""
        return self._good_one(name, app)[0]

    def drop(self, name: AppName) -> None:
        """The app does not exist any more."""
        with self._lock:
            self._newest.pop(name, None)
            self._good.pop(name, None)

    def _good_one(self, name: AppName, app: SyncApp) -> tuple[RenderSet | None, bool]:
        """What was last applied whole, and whether it is being built."""
        sha = app.status.sync.revision if app.status.sync is not None else None
        if sha is None:
            return None, False
        source = source_of(app)
        known = self._good.get(name)
        if known is not None and known[:2] == (sha, source):
            return known[2], False
        mirror = self._repositories.mirror(app.spec.source.repo_url)
        try:
            self._verify(app, mirror, sha, sha)
            result = self._builds.render(name, mirror, mirror.revision(sha, sha), source, None)
        except AgentError:
            return None, False
        if result is None or not result.ok:
            return None, result is None
        self._good[name] = (sha, source, result)
        return result, False

    def _render(self, name: AppName, app: SyncApp, mirror: Mirror, revision: Revision) -> _Rendered | None:
        source, url = source_of(app), app.spec.source.repo_url
        known = self._newest.get(name)
        if known is not None and (known.source, known.url) != (source, url):
            known = None
        if known is not None and known.seen == revision.sha:
            return known
        previous = known.result if known is not None else None
        result = self._builds.render(name, mirror, revision, source, previous)
        if result is None:
            return None
        if known is None:
            content = self._named_by(app, mirror, result, revision.sha)
        else:
            content = known.content if known.result.content_key == result.content_key else revision.sha
        return self._remember(name, _Rendered(source, url, revision.sha, content, result))

    def _named_by(self, app: SyncApp, mirror: Mirror, result: RenderSet, sha: str) -> str:
        """After a restart: the commit the status already names, when nothing of the app changed since."""
        applied = app.status.sync.revision if app.status.sync is not None else None
        for known in (app.status.attempted_revision, applied):
            if known is None or known == sha or _touched(result, mirror, known, sha):
                continue
            try:
                self._verify(app, mirror, known, known)
                return known
            except AgentError:
                continue
        return sha

    def _remember(self, name: AppName, one: _Rendered) -> _Rendered:
        with self._lock:
            self._newest[name] = one
        return one


def _touched(result: RenderSet, mirror: Mirror, old: str, new: str) -> bool:
    """Whether the commits from `old` to `new` may have changed what was rendered."""
    changed = trees.changed_paths(mirror, old, new)
    return changed is None or result.touched_by(changed)
