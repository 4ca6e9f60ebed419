"""Which desired state an app should have now: the newest commit's, or the last good one when it is broken.

A commit that changes none of the files an app is made of is not rendered again and does not become
the app's revision: what is told about an app names the commit that last meant something to it. What
was rendered is only remembered to save work; a restart renders again and comes to the same answer.
"""

import contextlib
import threading
from collections.abc import Callable, Collection
from dataclasses import replace

from gitsync.desired import aims
from gitsync.desired.aims import Made, Target
from gitsync.desired.families import Families
from gitsync.desired.fetching import Move, Pending, Repositories
from gitsync.desired.lockedcharts import LAST_GOOD, NEWEST, LockedCharts
from gitsync.desired.opening import Opening
from gitsync.git import contents, trees
from gitsync.model.identities import AppName
from gitsync.model.syncapps import SyncApp
from gitsync.model.syncstatuses import Problem
from gitsync.render import compositions
from gitsync.render.buildenvironment import AppContext, ClusterVersions
from gitsync.render.compositions import Composition
from gitsync.render.lanes import BuildLane, Work
from gitsync.render.layouts import Place
from gitsync.rights import permits
from gitsync.rights.permits import Permits
from operator_core.errors import AgentError, Reason, Stalled


class Targets:
    """Renders on demand and remembers the last results per app. Safe to share between threads."""

    def __init__(
        self,
        repositories: Repositories,
        builds: BuildLane,
        families: Families,
        allowed: Permits,
        control_namespace: str,
        cluster: Callable[[], ClusterVersions],
    ) -> None:
        self._verify = allowed.verify
        self._find_project = allowed.find_project
        self._age_keys = allowed.age_keys
        self._opening = Opening(allowed.age_keys)
        self._charts = LockedCharts(repositories, allowed.find_project)
        self._repositories = repositories
        self._builds = builds
        self._families = families
        self._control_namespace = control_namespace
        self._cluster = cluster
        self._lock = threading.Lock()
        self._newest: dict[AppName, Made] = {}
        self._whole: dict[AppName, Made] = {}
        """What the last target was made of, where nothing was wrong with it and it may not depend on who signed."""
        self._good: dict[AppName, tuple[tuple[str, ...], object, Composition, tuple[Place, ...]]] = {}

    def follow(self, name: AppName, app: SyncApp, ref: str) -> None:
        """Have everything the app is made of looked up from now on."""
        self._repositories.follow(name, aims.followed(app, ref))

    def find(self, name: AppName, app: SyncApp, ref: str) -> Target | None:
        """The target of an app that follows `ref`; None while it is looked up for the first time, or built."""
        self._whole.pop(name, None)
        places = aims.followed(app, ref)
        self._repositories.follow(name, places)
        seen = [self._repositories.seen(place) for place in places]
        known = [one for one in seen if one is not None]
        if len(known) < len(seen):
            return None
        errors = {one.error.message: one.error for one in known if one.error is not None}
        problems = tuple(Problem(reason=error.reason, message=error.message) for error in errors.values())
        revisions = [one.revision for one in known if one.revision is not None]
        if len(revisions) < len(places):
            return Target(None, None, problems, any(isinstance(error, Stalled) for error in errors.values()))
        commits: tuple[Place, ...] = ()
        try:
            sources = app.spec.all_sources
            mirrors = [self._repositories.mirror(one.lookup_url) for one in sources]
            commits = tuple(Place(*one) for one in zip(sources, mirrors, revisions, strict=True))
            for place in commits:
                self._verify(app, place.mirror, place.revision.ref, place.revision.sha)
            one = self._render(name, app, commits)
            if one is None or (not one.result.whole.ok and self._good_one(name, app)[1]):
                return None
            target = self._target(name, app, one, problems)
            if not target.problems and not self._find_project(app.spec.project).signature_keys:
                self._whole[name] = one
            return target
        except Pending:
            return None
        except contents.Absent as absent:
            self.bring(name, absent, commits)
            return Target(revisions[_main(app)].sha, None, problems) if problems else None
        except Stalled as error:
            broken = Problem(reason=error.reason, message=error.message)
            return Target(revisions[_main(app)].sha, None, (broken, *problems), True)

    def _target(self, name: AppName, app: SyncApp, one: Made, problems: tuple[Problem, ...]) -> Target:
        """What was rendered, opened, with child apps in place. Raises Stalled and Pending."""
        self._check_modules(app, one)
        whole, attempted, several = one.result.whole, one.content[_main(app)], aims.several(one.content)
        if not whole.ok:
            told = tuple(aims.problem_from(error) for error in whole.errors)
            return Target(attempted, None, (*told, *problems), True, several)
        whole = self._opening.opened(name, app.spec.project, one.places, one.result)
        if not whole.ok:
            told = tuple(aims.problem_from(error, Reason.DecryptionFailed) for error in whole.errors)
            return Target(attempted, None, (*told, *problems), True, several)
        member = self._families.of(name, whole, one.result.content_key)
        if member is None:
            return Target(attempted, whole, problems, False, several)
        return aims.with_family(Target(attempted, whole, problems), one.content, member)

    def _check_modules(self, app: SyncApp, one: Made) -> None:
        project = self._find_project(app.spec.project)
        for number, result in [*one.result.made.items(), *one.result.lent.items()]:
            place = one.places[number]
            permits.check_modules(project, trees.listing(place.mirror, place.revision.sha).modules.values(), result)
            for repository in result.charts:
                permits.check_repository(repository, project)

    def made(self, name: AppName) -> Made | None:
        """What the last target of an app was rendered from; None when there is none."""
        return self._newest.get(name)

    def is_current(self, name: AppName, app: SyncApp, ref: str) -> bool:
        """Whether no newer commit was seen since the app's target was found last."""
        known = self._newest.get(name)
        seen = [self._repositories.seen(place) for place in aims.followed(app, ref)]
        newest = [one.revision.sha if one is not None and one.revision is not None else None for one in seen]
        if known is None or len(newest) != len(known.places):
            return True
        return all(sha in (None, place.revision.sha) for sha, place in zip(newest, known.places, strict=True))

    def passes_over(self, name: AppName, move: Move) -> bool:
        """Whether a commit changes nothing for an app with whose target nothing is wrong; it is at that commit then."""
        known = self._newest.get(name)
        if known is None or self._whole.get(name) is not known:
            return False
        mirror = next((one.mirror for one in known.places if one.source.lookup_url == move.place[0]), None)
        if mirror is None:
            return False
        try:
            changed = trees.changed_paths(mirror, move.old, move.new.sha)
        except AgentError:
            return False
        moved = aims.moved(known, move, changed)
        with self._lock:
            if moved is None or self._newest.get(name) is not known:
                return False
            self._newest[name] = self._whole[name] = moved
        return True

    def last_good(self, name: AppName, app: SyncApp) -> Target | None:
        """What was last applied whole, rendered again if need be; None when it cannot be known."""
        found = self._good_one(name, app)[0]
        sync = app.status.sync
        if found is None or sync is None:
            return None
        whole = self._opening.opened(name, app.spec.project, self._good[name][3], found)
        if not whole.ok:
            return None
        good = Target(sync.revision, whole, revisions=sync.revisions)
        try:
            member = self._families.of(name, whole, found.content_key)
        except Pending:
            return None
        except contents.Absent as absent:
            self.bring(name, absent, self._good[name][3])
            return None
        if member is None:
            return good
        children = replace(whole, objects=member.family.objects)
        return replace(good, rendered=children, family=member.family)

    def may_be_touched(self, name: AppName, changed: Collection[str] | None) -> bool:
        """Whether a push that changed these paths (None: not known) may concern the app; True where in doubt."""
        known = self._newest.get(name)
        if changed is None or known is None or not known.result.whole.ok:
            return True
        if any(str(one.body.get("apiVersion", "")).startswith("argoproj.io/") for one in known.result.whole.objects):
            return True  # Its generators may look anywhere.
        return any(known.result.is_touched(number, tuple(changed)) for number in range(len(known.places)))

    def bring(self, name: AppName, absent: contents.Absent, places: tuple[Place, ...]) -> None:
        """Have fetched what a render of these commits misses; the app is woken by that."""
        wanted = (one.revision.sha for one in places if one.mirror.url == absent.url)
        self._repositories.bring(name, absent, wanted)

    def drop(self, name: AppName) -> None:
        """The app does not exist any more."""
        self._families.drop(name)
        self._opening.drop(name)
        with self._lock:
            self._newest.pop(name, None)
            self._whole.pop(name, None)
            self._good.pop(name, None)

    def _good_one(self, name: AppName, app: SyncApp) -> tuple[Composition | None, bool]:
        """What was last applied whole, and whether it is being built."""
        sources = app.spec.all_sources
        shas = aims.applied(app, len(sources))
        if shas is None:
            return None, False
        context = self._context(app)
        known = self._good.get(name)
        if known is not None and known[:2] == (shas, (sources, context)):
            return known[2], False
        commits: tuple[Place, ...] = ()
        try:
            mirrors = [self._repositories.mirror(one.lookup_url) for one in sources]
            commits = tuple(
                Place(one, mirror, mirror.revision(sha, sha))
                for one, mirror, sha in zip(sources, mirrors, shas, strict=True)
            )
            for place, sha in zip(commits, shas, strict=True):
                self._verify(app, place.mirror, sha, sha)
            with self._charts.finding(name, app.spec.project, LAST_GOOD) as find:
                result = self._compose(name, commits, replace(context, find_chart=find), None)
        except AgentError:
            return None, False
        except Pending:
            return None, True
        except contents.Absent as absent:
            self.bring(name, absent, commits)
            return None, True
        if result is None or not result.whole.ok:
            return None, result is None
        self._good[name] = (shas, (sources, context), result, commits)
        return result, False

    def _compose(
        self, name: AppName, places: tuple[Place, ...], context: AppContext, previous: Composition | None
    ) -> Composition | None:
        parts = compositions.check([place.source for place in places])
        prepared = compositions.prepare(places, parts, context, previous)
        results = self._builds.results(name, [Work(places[number].mirror, one) for number, one in prepared.items()])
        if results is None:
            return None
        return compositions.joined(places, parts, dict(zip(prepared, results, strict=True)), context)

    def _render(self, name: AppName, app: SyncApp, places: tuple[Place, ...]) -> Made | None:
        context = self._context(app)
        asked = (app.spec.all_sources, context)
        known = self._newest.get(name)
        if known is not None and known.asked != asked:
            known = None
        newest = tuple(place.revision.sha for place in places)
        if known is not None and tuple(place.revision.sha for place in known.places) == newest:
            return known
        with self._charts.finding(name, app.spec.project, NEWEST) as find:
            previous = known.result if known is not None else None
            result = self._compose(name, places, replace(context, find_chart=find), previous)
        if result is None:
            return None
        if known is None:
            content = self._named_by(app, places, result)
        else:
            content = known.content if known.result.content_key == result.content_key else newest
        one = Made(asked, places, content, result)
        with self._lock:
            self._newest[name] = one
        return one

    def _context(self, app: SyncApp) -> AppContext:
        """What rendering may know of an app, with the keys of its project."""
        context = aims.context_of(app, self._control_namespace, self._cluster)
        return replace(context, open_key=lambda wrapped: self._age_keys(app.spec.project).open_key(wrapped))

    def _named_by(self, app: SyncApp, places: tuple[Place, ...], result: Composition) -> tuple[str, ...]:
        """After a restart: the commits the status already names, when nothing of the app changed since."""
        newest = tuple(place.revision.sha for place in places)
        status, count = app.status, len(places)
        attempted = status.attempted_revisions
        if attempted is None and status.attempted_revision is not None:
            attempted = (status.attempted_revision,)
        for known in (attempted, aims.applied(app, count)):
            if known is None or len(known) < count or known[:count] == newest:
                continue
            touched = (
                result.is_touched(number, trees.changed_paths(place.mirror, sha, place.revision.sha))
                for number, (sha, place) in enumerate(zip(known, places, strict=False))
            )
            if any(touched):
                continue
            with contextlib.suppress(AgentError):
                for place, sha in zip(places, known, strict=False):
                    self._verify(app, place.mirror, sha, sha)
                return known[:count]
        return newest


def _main(app: SyncApp) -> int:
    return app.spec.all_sources.index(app.spec.main)
