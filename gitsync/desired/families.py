"""The child apps of an app of apps: what its Applications and ApplicationSets mean at the commits seen last.

Generators look into repositories through the lane that looks everything up, so a pass never waits for one;
what was looked at is remembered, and a commit that changes none of the answers costs nothing. Where the
cluster serves Argo CD's own kinds, its Applications are not followed unless the settings say so.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gitsync.desired.fetching import LOOKUPS, Place, Repositories
from gitsync.git.mirrors import Mirror
from gitsync.model.identities import AppName
from gitsync.model.rendersets import RenderSet
from gitsync.model.revisions import Revision
from gitsync.plan import identities
from gitsync.render import applications, applicationsets, children
from gitsync.render.children import Family
from gitsync.render.lookups import Lookups
from operator_core.jsonvalues import Object
from operator_core.kube.requests import Resource

FollowsApplications = Literal["auto", "always", "never"]
_LOOK_AGAIN_SECONDS = 600.0
_ARGO = "argoproj.io/v1alpha1"


@dataclass(frozen=True, slots=True)
class Member:
    """A family and the commits its generators looked at, by place, in the order they were asked for."""

    family: Family
    commits: tuple[tuple[Place, str], ...]


@dataclass(frozen=True, slots=True)
class _Known:
    key: tuple[object, ...]
    lookups: Lookups
    member: Member


class Families:
    """Makes families and remembers the last one per app. Safe to share between threads."""

    def __init__(
        self,
        repositories: Repositories,
        app: Callable[[AppName], Object | None],
        check: Callable[[AppName, str], None],
        find_kind: Callable[[str, str], Resource | None],
        follows: FollowsApplications,
    ) -> None:
        """`app` gives a SyncApp as it is, `find_kind` how the API server serves (apiVersion, kind).

        `check` raises Stalled for a repository that the generators of an app may not look into.
        """
        self._check = check
        self._repositories = repositories
        self._app = app
        self._find_kind = find_kind
        self._follows = follows
        self._lock = threading.Lock()
        self._known: dict[AppName, _Known] = {}
        self._decided: tuple[float, bool] | None = None

    def of(self, name: AppName, rendered: RenderSet, content: str, *, fresh: bool = False) -> Member | None:
        """The family among what was rendered (`content` is its key); None where there are no Applications.

        `fresh`: made anew, whatever is remembered. Raises Pending; the app is woken when that ends.
        """
        if not children.has_any(rendered.objects):
            self._forget(name)
            return None
        if not self._is_followed():
            self._forget(name)
            return Member(_left_alone(rendered), ())
        ancestors = self._ancestors(name)
        key = (content, ancestors)
        known = self._known.get(name) if not fresh else None
        if known is not None and known.key == key and known.lookups.is_same_with(self._repositories.find):
            return known.member
        asked: list[Place] = []

        def find(url: str, revision: str) -> tuple[Mirror, Revision]:
            self._check(name, url)
            asked.append((url, revision))
            return self._repositories.find(url, revision)

        lookups = Lookups(find)
        try:
            family = children.family(rendered.objects, name, lookups, ancestors)
        finally:
            # Also what is not known yet, so that it gets looked up.
            self._repositories.follow(name, asked, role=LOOKUPS)
        member = Member(family, tuple(lookups.seen.items()))
        with self._lock:
            self._known[name] = _Known(key, lookups, member)
        return member

    def drop(self, name: AppName) -> None:
        """The app does not exist any more."""
        with self._lock:
            self._known.pop(name, None)

    def _forget(self, name: AppName) -> None:
        with self._lock:
            known = self._known.pop(name, None)
        if known is not None and known.lookups.seen:
            self._repositories.follow(name, (), role=LOOKUPS)

    def _is_followed(self) -> bool:
        now = time.monotonic()
        known = self._decided
        if known is None or now - known[0] > _LOOK_AGAIN_SECONDS:
            known = self._decided = (now, is_followed(self._follows, self._find_kind))
        return known[1]

    def _ancestors(self, name: AppName) -> tuple[AppName, ...]:
        """The apps that made an app, nearest first, as the tracking of each says."""
        found: list[AppName] = []
        while True:
            owner = identities.owner_of(self._app(found[-1] if found else name) or {"metadata": {}})
            if owner is None or owner in found or owner == name:
                return tuple(found)
            found.append(owner)


def is_followed(follows: FollowsApplications, find_kind: Callable[[str, str], Resource | None]) -> bool:
    """Whether Applications become child apps: two agents must not both follow one."""
    if follows == "auto":
        return not any(find_kind(_ARGO, kind) for kind in (applications.KIND, applicationsets.KIND))
    return follows == "always"


def _left_alone(rendered: RenderSet) -> Family:
    """Applications as any other object: Argo CD in the cluster follows them."""
    text = (
        "the cluster has Argo CD's kinds, so Applications are applied as they are and left to Argo CD;"
        " set argocdApplications: always to follow them here"
    )
    return Family(rendered.objects, warnings=(text,))
