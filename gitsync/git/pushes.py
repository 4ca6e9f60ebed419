"""Writing records back: fetch, merge, push without force; whoever loses a race does it again.

Notes and status branch travel in one push where both are due, and each is retried or refused by
itself. What was told before is read from the repository, so that a writer that has just started, or
one beside it, continues the story of every app instead of beginning it anew.
"""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from gitsync.git import drafts, mirrors, notes, statusbranch, trees
from gitsync.model import records, telling
from gitsync.model.records import Record
from gitsync.model.telling import Story
from operator_core.errors import AgentError, Reason, Retry, Stalled

_ATTEMPTS = 8
_LONGEST_PAUSE = 1.0


class Refused(Stalled):
    """The server does not let us write `refs`; whatever else was due is written."""

    def __init__(self, refs: frozenset[str], message: str) -> None:
        super().__init__(Reason.PushForbidden, message)
        self.refs = refs


@dataclass(slots=True)
class Told:
    """What a writer knows of one repository: what is told of each app, and what a closed ref has not got yet.

    What it does not know it reads there.
    """

    latest: dict[str, Record | None] = field(default_factory=dict)
    owed: dict[tuple[str, str, str], Record] = field(default_factory=dict)
    removed: dict[str, datetime] = field(default_factory=dict)
    """Apps whose pages have yet to say that they were deleted."""
    stories: dict[str, Story] = field(default_factory=dict)

    def story(self, app: str) -> Story:
        """What is known of an app."""
        return self.stories.get(app, _ANY)

    def ended(self, apps: Iterable[str]) -> None:
        """Apps were deleted: whoever comes back begins anew."""
        for app in apps:
            self.removed.pop(app, None)
            self.latest[app] = None


_ANY = Story()


def write(
    mirror: mirrors.Mirror,
    cluster: str,
    news: Iterable[Record],
    *,
    branch: bool,
    told: Told | None = None,
    closed: frozenset[str] = frozenset(),
    pause: Callable[[float], None] = time.sleep,
) -> bool:
    """Add records to the commits they are about, and with `branch` to the ledgers; False when all was told.

    `closed` refs are left out and get it later, with the first write that leaves nothing out. Raises
    Refused when the server does not let us write one of the refs (the other is written all the same),
    and Retry when it cannot be reached or other writers were always faster.
    """
    wanted = list(news)
    known = told or Told()
    parts = refs_of(cluster, branch=branch)
    refused: dict[str, AgentError] = {}
    latest: dict[str, Record] = {}
    removed = tuple(known.removed)
    wrote = False
    for attempt in range(_ATTEMPTS):
        if attempt:
            pause(random.uniform(0.5, 1.0) * min(_LONGEST_PAUSE, 0.05 * 2**attempt))
        drafts.fetch(mirror, (notes.followed(cluster), *([statusbranch.followed(cluster)] if branch else [])))
        if attempt == 0:
            wanted, latest = _continued(mirror, cluster, wanted, known, branch=branch)
            wanted = [*known.owed.values(), *wanted] if not closed else wanted
        made = _drafts(mirror, cluster, wanted, known, parts - closed - refused.keys())
        if not made:
            break
        failed = drafts.push(mirror, drafts.commit(mirror, made))
        wrote = wrote or len(failed) < len(made)
        refused.update({ref: error for ref, error in failed.items() if error is not None})
        if all(error is not None for error in failed.values()):
            break
        refused.update(statusbranch.obstacles(mirror, [ref for ref, error in failed.items() if error is None]))
    else:
        problem = f"could not push {' and '.join(sorted(parts))} to {mirror.url}: other writers were always faster"
        raise Retry(Reason.RepositoryUnreachable, problem)
    for error in refused.values():
        if not isinstance(error, Stalled):
            raise error
    if refused.keys() < parts:
        known.latest.update(latest)
        known.owed = {_key(one): one for one in (*known.owed.values(), *wanted)} if closed or refused else {}
    known.ended(_pages_of(removed, cluster, parts - closed - refused.keys()))
    if refused:
        raise Refused(frozenset(refused), "; ".join(error.message for error in refused.values()))
    return wrote


def _pages_of(removed: tuple[str, ...], cluster: str, written: frozenset[str]) -> tuple[str, ...]:
    """Those of the deleted apps whose pages were written."""
    return removed if statusbranch.ref_of(cluster) in written else ()


def _key(record: Record) -> tuple[str, str, str]:
    return (record.revision, record.app, record.phase.value)


def refs_of(cluster: str, *, branch: bool) -> frozenset[str]:
    """The refs records go to."""
    return frozenset({notes.ref_of(cluster), *([statusbranch.ref_of(cluster)] if branch else [])})


def _drafts(
    mirror: mirrors.Mirror, cluster: str, wanted: list[Record], known: Told, open_refs: frozenset[str]
) -> tuple[drafts.Draft, ...]:
    left_out = frozenset(one.app for one in wanted if not known.story(one.app).branch)
    news = statusbranch.News(tuple(wanted), dict(known.removed), left_out)
    made = [
        notes.drafted(mirror, cluster, wanted) if notes.ref_of(cluster) in open_refs else None,
        statusbranch.drafted(mirror, cluster, news) if statusbranch.ref_of(cluster) in open_refs else None,
    ]
    return tuple(draft for draft in made if draft is not None)


def _continued(
    mirror: mirrors.Mirror, cluster: str, wanted: list[Record], known: Told, *, branch: bool
) -> tuple[list[Record], dict[str, Record]]:
    """The records that follow what is told already, an overtaken commit's end included; what is told then by app."""
    by_app: dict[str, list[Record]] = {}
    for record in wanted:
        by_app.setdefault(record.app, []).append(record)
    unknown = [app for app in by_app if app not in known.latest]
    if unknown:
        # Either may lag behind the other: one of them could not be written for a while.
        places = [notes.last_told(mirror, cluster, unknown)]
        places += [statusbranch.last_told(mirror, cluster, unknown)] if branch else []
        gone = statusbranch.removed(mirror, cluster, unknown) if branch else frozenset()
        for app in unknown:
            known.latest[app] = records.latest(place[app] for place in places if app in place and app not in gone)
    found: list[Record] = []
    latest: dict[str, Record] = {}
    for app, own in by_app.items():
        story = known.story(app)
        due = telling.resumed(own, known.latest[app], _passed_over(mirror, cluster, app, story))
        if due is not None:
            found += [one for one in due.records if one.phase in story.phases]
            latest[app] = due.told
    return found, latest


def _passed_over(mirror: mirrors.Mirror, cluster: str, app: str, story: Story) -> Callable[[str, str], tuple[str, ...]]:
    """The commits of an app between two that nobody looked at and nobody told of."""

    def found(old: str, new: str) -> tuple[str, ...]:
        try:
            between = trees.passed_over(mirror, old, new, story.paths)
        except AgentError:
            return ()  # The history is cut off here.
        return notes.untold(mirror, cluster, app, between) if between else ()

    return found
