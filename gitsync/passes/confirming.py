"""A second render before anything is deleted: the same commits, read and rendered again from the start.

Only a plan that deletes something costs one, once per target: nothing that was remembered of the first counts, neither
files nor builds nor what generators found. No API request is sent. Kustomize and Helm run in the lane of builds, so a
pass never waits. What the second render means for the plan is decided by `plan.confirming`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from gitsync.desired import aims
from gitsync.desired.aims import Made, Target
from gitsync.desired.families import Families
from gitsync.desired.fetching import Pending
from gitsync.desired.lockedcharts import CONFIRMING, LockedCharts
from gitsync.desired.targets import Targets
from gitsync.git import contents, trees
from gitsync.model.identities import AppName
from gitsync.model.rendersets import RenderSet
from gitsync.model.syncapps import SyncApp
from gitsync.passes.comparing import Compared
from gitsync.plan import confirming, policies, preparing
from gitsync.plan.confirming import Second
from gitsync.render import compositions, memos
from gitsync.render.lanes import BuildLane, Work
from operator_core.errors import AgentError, Retry
from operator_core.kube.requests import Resource


@dataclass(frozen=True, slots=True)
class _Known:
    made: Made
    revisions: tuple[str, ...] | None
    request: str | None
    second: Second

    def answers(self, made: Made, target: Target, request: str | None) -> bool:
        """Whether it is the second render of what is asked for."""
        return made is self.made and (self.revisions, self.request) == (target.revisions, request)


class Confirmer:
    """Confirms deletions. Safe to share between threads."""

    def __init__(
        self,
        found: Targets,
        builds: BuildLane,
        families: Families,
        charts: LockedCharts,
        find_kind: Callable[[str, str], Resource | None],
    ) -> None:
        self._targets = found
        self._builds = builds
        self._families = families
        self._charts = charts
        self._find_kind = find_kind
        self._lock = threading.Lock()
        self._known: dict[AppName, _Known] = {}

    def confirmed(self, name: AppName, app: SyncApp, target: Target, compared: Compared) -> Compared | None:
        """What was compared, with deletions only as far as a second render has none of them either.

        None while that is being built, whose end wakes the app. Raises Retry, and what the API server's loss raises.
        """
        plan = compared.plan
        if plan is None or not compared.is_newest or not confirming.needs(plan):
            return compared
        second = self._second(name, app, target)
        return replace(compared, plan=confirming.confirmed(plan, second)) if second is not None else None

    def drop(self, name: AppName) -> None:
        """The app does not exist any more."""
        with self._lock:
            self._known.pop(name, None)

    def _second(self, name: AppName, app: SyncApp, target: Target) -> Second | None:
        made, request = self._targets.made(name), policies.pending_request(app)
        if made is None:
            return None
        known = self._known.get(name)
        if known is not None and known.answers(made, target, request or known.request):
            return known.second
        try:
            rendered = self._again(name, app, made)
        except Pending:
            return None
        except contents.Absent as absent:
            self._targets.bring(name, absent, made.places)
            return None
        except Retry:
            raise
        except AgentError as error:
            second = Second(frozenset(), error.message)
        else:
            if rendered is None:
                return None
            second = self._named(name, app, rendered)
        with self._lock:
            self._known[name] = _Known(made, target.revisions, request, second)
        return second

    def _again(self, name: AppName, app: SyncApp, made: Made) -> RenderSet | None:
        """What the commits render to; None while it is being built. Raises Pending, Stalled and Retry."""
        with memos.fresh(), self._charts.finding(name, app.spec.project, CONFIRMING) as find:
            for place in made.places:
                trees.forget(place.mirror, place.revision.sha)
            context = replace(made.asked[1], find_chart=find)
            parts = compositions.check([place.source for place in made.places])
            prepared = compositions.prepare(made.places, parts, context, None)
            work = [Work(made.places[number].mirror, one) for number, one in prepared.items()]
            results = self._builds.results(name, work, fresh=True)
            if results is None:
                return None
            result = compositions.joined(made.places, parts, dict(zip(prepared, results, strict=True)), context)
            if not result.whole.ok:
                return result.whole
            member = self._families.of(name, result.whole, result.content_key, fresh=True)
            return replace(result.whole, objects=member.family.objects) if member is not None else result.whole

    def _named(self, name: AppName, app: SyncApp, rendered: RenderSet) -> Second:
        if not rendered.ok:
            return Second(frozenset(), aims.problem_from(rendered.errors[0]).message)
        kinds = {key: self._find_kind(*key) for key in preparing.kinds_used(rendered.objects)}
        prepared = preparing.prepare(rendered.objects, kinds, name, policies.place(app))
        problem = prepared.problems[0].message if prepared.problems else ""
        return Second(frozenset(one.identity for one in prepared.desired), problem)
