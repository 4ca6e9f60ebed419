"""What every repository's branches, tags and commits name right now, looked up in a lane of its own.

A pass never waits for a network: it reads what was seen last and says which names it cares about.
Polls and push notifications add a repository's key; looking it up costs one probe however many apps
use it, and only apps whose commit changed (or whose error did) are woken.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gitsync.charts.chartmirrors import ChartMirrors
from gitsync.desired.wanting import Contents
from gitsync.git import urls
from gitsync.git.access import Credentials
from gitsync.git.contents import Absent
from gitsync.git.mirrors import Mirror, Mirrors
from gitsync.git.submodules import Submodules
from gitsync.model import chartnames
from gitsync.model.identities import AppName
from gitsync.model.revisions import Revision
from operator_core.errors import AgentError, Reason, Retry, Stalled
from operator_core.outcomes import Done, Outcome
from operator_core.runtime.queues import RECHECK, Key, Queue

REPOSITORY = "Repository"
SOURCES = "sources"
LOOKUPS = "lookups"
"""Why an app wants to know of a place: it is made of it, or its generators look into it."""
Place = tuple[str, str]
"""A repository's URL and a branch, tag or commit."""
_SAME_PROBE_SECONDS = 2.0
"""Names of one repository that are looked up in one go share its probe."""


class Pending(Exception):
    """A repository that something looks into is being looked up for the first time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a name meant last; with an error, `revision` is what it meant before."""

    revision: Revision | None
    error: AgentError | None

    def differs(self, other: "Seen | None") -> bool:
        """Whether an app has something to do about it."""
        if other is None:
            return True
        ours, theirs = self.error, other.error
        same_error = (ours is None) == (theirs is None) and (
            ours is None or theirs is None or ours.message == theirs.message
        )
        sha, other_sha = (one.revision.sha if one.revision is not None else "" for one in (self, other))
        return sha != other_sha or not same_error


@dataclass(frozen=True, slots=True)
class Move:
    """A place that names another commit now, and that is all that happened to it."""

    place: Place
    old: str
    new: Revision


class Repositories:
    """All repositories in use. Safe to share between threads."""

    def __init__(
        self,
        mirrors: Mirrors,
        charts: ChartMirrors,
        find_credentials: Callable[[str], Credentials | None],
        queue: Queue,
        tell: Callable[[AppName, Move | None], None],
    ) -> None:
        """`tell` is told of every app that has something to look at; with a move, of nothing but that."""
        self._mirrors = mirrors
        self._charts = charts
        self._credentials = find_credentials
        self._submodules = Submodules(find_credentials)
        self._queue = queue
        self._tell = tell
        self._lock = threading.Lock()
        self._wanted: dict[AppName, dict[str, frozenset[Place]]] = {}
        self._seen: dict[Place, Seen] = {}
        self._asked: dict[tuple[AppName, str], str] = {}
        self._answered: dict[tuple[AppName, str], str] = {}
        self._contents = Contents()
        self._missing: dict[str, set[AppName]] = {}

    def mirror(self, url: str) -> Mirror:
        """The mirror of a repository. Raises Stalled for a URL that is not allowed."""
        if chartnames.is_chart(url):
            return self._charts.get(url, self._credentials(chartnames.split(url)[0]))
        return self._mirrors.get(url, self._credentials(url))

    def follow(self, app: AppName, places: Iterable[Place], *, role: str = SOURCES) -> None:
        """Remember what an app wants to know of, instead of what it wanted before in this `role`."""
        wanted = frozenset(places)
        with self._lock:
            roles = self._wanted.setdefault(app, {})
            new = wanted - roles.get(role, frozenset())
            roles[role] = wanted
        for url in sorted({url for url, _ in new}):
            self.look(url)

    def seen(self, place: Place) -> Seen | None:
        """What a name means; None while it is being looked up for the first time."""
        with self._lock:
            return self._seen.get(place)

    def find(self, url: str, revision: str) -> tuple[Mirror, Revision]:
        """Where a name that is followed is now. Raises Pending, and Stalled for one that cannot be read."""
        seen = self.seen((url, revision))
        if seen is None:
            raise Pending
        if seen.revision is None:
            error = seen.error
            reason = error.reason if error is not None else Reason.RepositoryUnreachable
            raise Stalled(reason, error.message if error is not None else f"{url} cannot be read")
        return self.mirror(url), seen.revision

    def bring(self, app: AppName, absent: Absent, commits: Iterable[str]) -> None:
        """Have contents fetched that a render of `commits` misses; the app is told when they are here."""
        with self._lock:
            followed = {url for places in self._wanted.get(app, {}).values() for url, _ in places}
            url = next((one for one in sorted(followed) if urls.canonical(one) == absent.url), absent.url)
            self._missing.setdefault(url, set()).add(app)
        if self._contents.want(absent, commits):
            self.look(url)

    def looked_for(self, app: AppName, request: str) -> bool:
        """Whether an app's repositories were looked at since `request` came; if not, have that done and wake it."""
        with self._lock:
            urls_ = sorted({url for places in self._wanted.get(app, {}).values() for url, _ in places})
            missing = [url for url in urls_ if self._answered.get((app, url)) != request]
            asking = [url for url in missing if self._asked.get((app, url)) != request]
            self._asked.update({(app, url): request for url in missing})
        for url in asking:
            self.look(url)
        return not missing

    def apps_of(self, url: str) -> tuple[AppName, ...]:
        """The apps of a repository, by its URL without credentials."""
        with self._lock:
            wanted = {app: frozenset().union(*roles.values()) for app, roles in self._wanted.items()}
        return tuple(app for app, places in wanted.items() if any(urls.canonical(one) == url for one, _ in places))

    def newest(self, url: str, ref: str) -> str | None:
        """The commit a name meant last."""
        with self._lock:
            found = self._seen.get((url, ref))
        return found.revision.sha if found is not None and found.revision is not None else None

    def drop(self, app: AppName) -> None:
        """The app does not exist any more."""
        with self._lock:
            self._wanted.pop(app, None)
            for known in (self._asked, self._answered):
                for key in [key for key in known if key[0] == app]:
                    del known[key]
            used = self._used()
            for place in [place for place in self._seen if place not in used]:
                del self._seen[place]

    def _used(self) -> frozenset[Place]:
        return frozenset(place for roles in self._wanted.values() for places in roles.values() for place in places)

    def look(self, url: str) -> None:
        """Have a repository looked at now."""
        self._queue.add(Key(REPOSITORY, "", url))

    def pushed(self, spellings: Iterable[str], concerns: Callable[[AppName, str], bool]) -> None:
        """Somebody says that a repository moved: have it looked at if it concerns an app, however its URL is written.

        `concerns` tells it of an app and the name (branch, tag, …) it follows.
        """
        wanted = {urls.place(url) for url in spellings}
        with self._lock:
            followed = [
                (app, one) for app, roles in self._wanted.items() for places in roles.values() for one in places
            ]
        used = ((app, url, ref) for app, (url, ref) in followed)
        for known in sorted({url for app, url, ref in used if urls.place(url) in wanted and concerns(app, ref)}):
            self.look(known)

    def poll(self) -> None:
        """Have every repository in use looked at."""
        for url in self.urls():
            self._queue.add(Key(REPOSITORY, "", url), priority=RECHECK)

    def urls(self) -> tuple[str, ...]:
        """The repositories in use."""
        with self._lock:
            return tuple(sorted({url for url, _ in self._used()}))

    def reconcile(self, key: Key) -> Outcome:
        """Look up every wanted name of one repository. Raises Retry when it cannot be reached."""
        url = key.name
        with self._lock:
            names = sorted({ref for where, ref in self._used() if where == url})
            asked = {key: request for key, request in self._asked.items() if key[1] == url}
            missing = frozenset(self._missing.get(url, ()))
        unreachable: Retry | None = None
        for number, ref in enumerate(names):
            seen = self._look_up(url, ref, 0.0 if number == 0 else _SAME_PROBE_SECONDS)
            if isinstance(seen.error, Retry):
                unreachable = seen.error
            self._keep(url, ref, seen)
        self._answer(asked)
        if unreachable is not None:
            raise unreachable
        with self._lock:
            self._missing[url] = self._missing.get(url, set()) - missing
        for app in sorted(missing):
            self._tell(app, None)
        return Done()

    def _answer(self, asked: dict[tuple[AppName, str], str]) -> None:
        with self._lock:
            news = {key[0] for key, request in asked.items() if self._answered.get(key) != request}
            self._answered.update(asked)
        for app in sorted(news):
            self._tell(app, None)

    def _look_up(self, url: str, ref: str, max_age: float) -> Seen:
        try:
            mirror = self.mirror(url)
            revision = mirror.resolve(ref, max_age=max_age)
            self._submodules.bring(mirror, revision.sha)
            self._contents.bring(mirror, revision.sha)
            return Seen(revision, None)
        except Stalled as error:
            return Seen(None, error)
        except AgentError as error:
            with self._lock:
                last = self._seen.get((url, ref))
            return Seen(last.revision if last is not None else None, error)

    def _keep(self, url: str, ref: str, seen: Seen) -> None:
        place = (url, ref)
        with self._lock:
            before = self._seen.get(place)
            if not seen.differs(before):
                return
            self._seen[place] = seen
            wanted = {app: {role for role, one in roles.items() if place in one} for app, roles in self._wanted.items()}
        move = _move(place, before, seen)
        for app, roles in wanted.items():
            if roles:
                self._tell(app, move if roles == {SOURCES} else None)


def _move(place: Place, before: Seen | None, now: Seen) -> Move | None:
    if before is None or before.revision is None or now.revision is None or before.error or now.error:
        return None
    return Move(place, before.revision.sha, now.revision)
