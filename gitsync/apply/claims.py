"""Which app wants which object, so that an object that moves between apps is handed over and not deleted.

An app that no longer has an object may delete it only when every other app of the repository was
looked at since its newest commit: one of them may have it now. Only remembered; after a restart no
app deletes anything before the others were looked at once.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping

from gitsync.model.identities import AppName, Identity

Place = tuple[str, str]
"""A repository's URL and a branch, tag or commit."""


class Claims:
    """What all apps want. Safe to share between threads."""

    def __init__(self, newest: Callable[[str, str], str | None]) -> None:
        """`newest` tells the commit that a name of a repository means now."""
        self._newest = newest
        self._lock = threading.Lock()
        self._wanted: dict[AppName, frozenset[Identity]] = {}
        self._looked: dict[AppName, Mapping[Place, str | None]] = {}

    def wants(self, app: AppName, identities: Iterable[Identity]) -> None:
        """The app has these objects in Git now."""
        with self._lock:
            self._wanted[app] = frozenset(identities)

    def looked_at(self, app: AppName, places: Mapping[Place, str | None]) -> None:
        """A pass over the app ended, which began when these were the newest commits of its places."""
        with self._lock:
            self._looked[app] = places

    def passed_over(self, app: AppName, place: Place, old: str, new: str) -> bool:
        """A commit changed nothing for an app; False where the app was not looked at since the one before."""
        with self._lock:
            known = self._looked.get(app, {})
            if known.get(place) != old:
                return False
            self._looked[app] = {**known, place: new}
            return True

    def claimed(
        self, app: AppName, identities: Iterable[Identity], others: Iterable[AppName]
    ) -> dict[Identity, AppName]:
        """Which of the objects one of the `others` wants."""
        with self._lock:
            wanted = {other: self._wanted.get(other, frozenset()) for other in others if other != app}
        owners = ((one, [other for other, theirs in wanted.items() if one in theirs]) for one in identities)
        return {one: min(found) for one, found in owners if found}

    def unknown(
        self, app: AppName, repositories: Collection[str], others: Mapping[AppName, Iterable[Place]]
    ) -> AppName | None:
        """An app of one of the same repositories whose wishes are not known as of its newest commit."""
        with self._lock:
            looked = dict(self._looked)
        for other, places in sorted(others.items()):
            if other == app:
                continue
            known = looked.get(other, {})
            for place in places:
                newest = self._newest(*place)
                if place[0] in repositories and (newest is None or known.get(place) != newest):
                    return other
        return None

    def drop(self, app: AppName) -> None:
        """The app does not exist any more."""
        with self._lock:
            self._wanted.pop(app, None)
            self._looked.pop(app, None)
